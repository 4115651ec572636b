"""Families of public checkpoints: one conversion table each, for the way in (`model.backbone.checkpoints`) and out (`.export`).

All families name their parameters as `DiffusionTransformer` does (x_embedder.proj, t_embedder.mlp.0, y_embedder.embedding_table,
blocks.N.attn.qkv, blocks.N.mlp.fc1, blocks.N.adaLN_modulation.1, final_layer.linear), so a table holds what else differs. In the order of
the values of a patch, c is the channel, p the row and q the column inside the patch, the last letter running fastest; ours is `cpq`, that
of a convolution's kernel. The last row of the label table is the null label in every family.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from model.errors import ConfigError

PatchOrder = Literal["cpq", "pqc"]
OUR_ORDER: PatchOrder = "cpq"


@dataclass(frozen=True)
class Family:
    """How the checkpoints of one code base differ from a `DiffusionTransformer`."""

    source: str
    """Papers and code the table was written from."""
    process: Literal["flow", "ddpm"]
    """`flow`: the network predicts the velocity at t in [0, 1]. `ddpm`: the noise at an integer step in 0..999."""
    reversed_time: bool
    """The network was trained with t = 1 as data: v(x, t) of ours is -v(x, 1 - t) of theirs."""
    embedding: Literal["convolution", "linear"]
    """Of patches: a kernel (D, C, p, p), or a matrix (D, C p p) over values in `embedding_order`."""
    embedding_order: PatchOrder
    """Order of a patch's values in a linear embedding; a kernel is always `cpq`."""
    output_order: PatchOrder
    """Order of the rows of final_layer.linear."""
    surplus_sigma: bool
    """The output may have 2 C channels for C that are used, told by its shape; the first C are kept."""
    heads: tuple[str, ...]
    """Training-only modules that are left out."""
    ignored: tuple[str, ...] = ("pos_embed",)
    """Buffers that every network computes for itself."""
    average_prefix: str = ""
    """In a full training state: the prefix of the moving average's names."""
    qk_norm: bool = False
    """Its code can build the network with normalised queries and keys, named as in timm."""
    sigma_below: int = 0
    """Images of a smaller side (pixels or latent cells) get a network that also outputs a sigma, which the sampler throws away."""


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "ours": Family(
            source="model/training/checkpoint.py: a trial's average-*.safetensors, or a checkpoint-*.safetensors",
            process="flow",
            reversed_time=False,
            embedding="linear",
            embedding_order="cpq",
            output_order="cpq",
            surplus_sigma=False,
            heads=(),
            ignored=(),
            average_prefix="average/",
            qk_norm=True,
        ),
        "sit": Family(
            source="2401.08740, willisma/SiT; the 256 px file learns sigma, the 512 px file does not",
            process="flow",
            reversed_time=True,
            embedding="convolution",
            embedding_order="cpq",
            output_order="pqc",
            surplus_sigma=True,
            heads=(),
            sigma_below=64,
        ),
        "sra": Family(
            source="2505.02831 (SRA) and 2607.02508 (its successor), one code base",
            process="flow",
            reversed_time=False,
            embedding="convolution",
            embedding_order="cpq",
            output_order="pqc",
            surplus_sigma=True,
            heads=("ap_head",),
            qk_norm=True,
        ),
        "repa": Family(
            source="2410.06940, sihyun-yu/REPA: t = 0 is data, out_channels = in_channels",
            process="flow",
            reversed_time=False,
            embedding="convolution",
            embedding_order="cpq",
            output_order="pqc",
            surplus_sigma=True,
            heads=("projectors",),
            qk_norm=True,
        ),
        # Its tokens enter as "c (h p) (w q) -> (c p q)" and its output leaves by "(p q c) -> (c p q)": the two ends differ in order.
        "self_flow": Family(
            source="2603.06507, Self-Flow's inference code: PatchedPatchEmbed, shufflechannel, 1001 labels with row 1000 as null",
            process="flow",
            reversed_time=True,
            embedding="linear",
            embedding_order="cpq",
            output_order="pqc",
            surplus_sigma=True,
            heads=("projector",),
        ),
        "dit": Family(
            source="2212.09748, facebookresearch/DiT; it samples with its learned sigma",
            process="ddpm",
            reversed_time=False,
            embedding="convolution",
            embedding_order="cpq",
            output_order="pqc",
            surplus_sigma=False,
            heads=(),
        ),
    }
)


def family_of(name: str) -> Family:
    """The table called `name`; raises ConfigError when there is none."""
    if name not in FAMILIES:
        raise ConfigError(f"there is no checkpoint family {name!r}; choose one of {', '.join(FAMILIES)}")
    return FAMILIES[name]
