"""The way out beside the way in: weights of a `DiffusionTransformer` as the code of a public family loads them.

The inverse of `model.backbone.checkpoints.convert`, from the same tables. C channels, p patch, P = C p p values of a patch, D width.
"""

import torch
from torch import Tensor

from model.backbone.checkpoints import EMBEDDING, OUTPUT, Weights, reversed_in_time
from model.backbone.families import OUR_ORDER, PatchOrder, family_of
from model.backbone.transformer import DiffusionTransformer
from model.config.backbone import BackboneConfig
from model.config.noise import ProcessConfig
from model.errors import ConfigError


def ensure_exports(family: str, config: BackboneConfig, process: ProcessConfig) -> None:
    """Raises ConfigError for a network that the family's code cannot build, or that it would sample as something else."""
    table = family_of(family)
    if family == "ours":
        return
    if process.kind != table.process:
        raise ConfigError(
            f"the code of family {family} samples process {table.process}, and this network was trained with process.kind {process.kind};"
            f" choose {'dit' if process.kind == 'ddpm' else 'sit, sra, repa or self_flow'}, or ours"
        )
    if config.qk_norm and not table.qk_norm:
        raise ConfigError(
            f"the code of family {family} has no normalised queries and keys, and this network has them (backbone.qk_norm);"
            " choose a family that has, repa or sra, or ours"
        )


@torch.no_grad()
def exported(network: DiffusionTransformer, family: str, *, channels: int, patch: int) -> Weights:
    """The network's weights under the names, shapes and orders of the family, float32 on the CPU, for its `load_state_dict`.

    Of the heads that the family trains with none is there: a network does not need them to sample.

    Args:
        network: The network, whose process is the family's (see `ensure_exports`).
        family: Name of a table in `FAMILIES`.
        channels: C, of its images or latents.
        patch: p, the side of its patches.

    Raises:
        ConfigError: There is no such family.
    """
    table = family_of(family)
    weights: Weights = {name: tensor.detach().float().cpu().clone() for name, tensor in network.state_dict().items()}
    if table.reversed_time:
        weights = {name: tensor.float() for name, tensor in reversed_in_time(weights, network.t_embedder.frequencies.cpu()).items()}
    embedding = weights[EMBEDDING]
    if table.embedding == "convolution":
        weights[EMBEDDING] = embedding.reshape(-1, channels, patch, patch)
    else:
        weights[EMBEDDING] = _reordered(embedding.T, table.embedding_order, channels, patch).T.contiguous()
    values, tokens = channels * patch**2, network.positions.shape[1]
    for name in (f"{OUTPUT}weight", f"{OUTPUT}bias"):
        rows = weights[name]
        if round(tokens**0.5) * patch < table.sigma_below and len(rows) == values:
            rows = torch.cat([rows, torch.zeros_like(rows)])
        weights[name] = _reordered(rows, table.output_order, channels * (len(rows) // values), patch).contiguous()
    buffers = {"pos_embed": network.positions.detach().float().cpu().clone()} if "pos_embed" in table.ignored else {}
    return buffers | weights


def _reordered(rows: Tensor, order: PatchOrder, channels: int, patch: int) -> Tensor:
    """Rows (P, ...), one for each value of a patch in `OUR_ORDER`, to the same rows in `order`."""
    sizes = {"c": channels, "p": patch, "q": patch}
    apart = rows.reshape(*(sizes[axis] for axis in OUR_ORDER), *rows.shape[1:])
    axes = [OUR_ORDER.index(axis) for axis in order]
    return apart.permute(*axes, *range(len(axes), apart.dim())).reshape(rows.shape)
