"""Public and our own checkpoints into a `DiffusionTransformer`, by the conversion table of their family. Nothing is ever unpickled.

D width, C channels, p patch, P = C p p values of a patch. What a table says is done to the weights, so that what comes out is an ordinary
network in our direction of t: it samples, is evaluated and trains on like any other.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.backbone.families import OUR_ORDER, Family, PatchOrder, family_of
from model.backbone.transformer import DiffusionTransformer
from model.config.backbone import BackboneConfig, tokens_per_image
from model.errors import CheckpointError
from model.weight_files import read_weight_file

ENTRIES = ("ema", "model", "state_dict")
"""Where a training checkpoint keeps a network's weights, the best first: the moving average is what the papers evaluate."""
WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes that DistributedDataParallel and torch.compile put before every name."""

EMBEDDING, OUTPUT, TIMESTEP = "x_embedder.proj.weight", "final_layer.linear.", "t_embedder.mlp.0.weight"

Weights = dict[str, Tensor]


def load_network(
    path: Path, family: str, config: BackboneConfig, *, channels: int, resolution: int, classes: int, outputs: int
) -> DiffusionTransformer:
    """The network of a checkpoint file, float32 on the CPU.

    `resolution` is the side in pixels or latent cells, `outputs` how many values its process predicts for each (see `Process`).

    Raises CheckpointError, naming every missing and every surplus key and every wrong shape, when the file is not what was said.
    """
    table = family_of(family)
    tokens = tokens_per_image(resolution, config.patch)
    values = channels * config.patch**2
    network = DiffusionTransformer(config, tokens=tokens, patch_values=values, classes=classes, seed=0, outputs=outputs)
    held = select(read_weight_file(path), table)
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if problems := _problems(held, wanted, table, channels, config.patch):
        raise CheckpointError(f"{path} is no {family} checkpoint of this network: {'; '.join(problems)}")
    network.load_state_dict(
        convert(held, table, channels=channels, patch=config.patch, outputs=outputs, frequencies=network.t_embedder.frequencies)
    )
    return network.requires_grad_(False)


def select(held: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """The weights of one network among what a file holds: its best entry, without wrappers, heads and ignored buffers."""
    entry = next((held[name] for name in ENTRIES if isinstance(held.get(name), Mapping)), held)
    named = {_unwrapped(str(name)): value for name, value in entry.items()}
    prefix = family.average_prefix
    if prefix and (averaged := {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}):
        return averaged
    left_out = tuple(f"{head}." for head in family.heads)
    return {name: value for name, value in named.items() if name not in family.ignored and not name.startswith(left_out)}


def _unwrapped(name: str) -> str:
    while name.startswith(WRAPPERS):
        name = name.split(".", 1)[1]
    return name


def _problems(held: Mapping[str, Any], wanted: Mapping[str, tuple[int, ...]], family: Family, channels: int, patch: int) -> list[str]:
    """Every way in which a checkpoint is not the network, in words."""
    tensors = {name for name, value in held.items() if isinstance(value, Tensor)}
    missing = [name for name in wanted if name not in tensors]
    surplus = sorted(held.keys() - wanted.keys())
    found = [f"missing {', '.join(missing)}"] if missing else []
    found += [f"surplus {', '.join(surplus)}"] if surplus else []
    for name, shape in wanted.items():
        allowed = _shapes(name, shape, family, channels, patch)
        if name in tensors and tuple(held[name].shape) not in allowed:
            found.append(f"{name} is {tuple(held[name].shape)} and should be {' or '.join(map(str, allowed))}")
        elif name in tensors and not held[name].dtype.is_floating_point:
            found.append(f"{name} holds {held[name].dtype} and should hold floats")
    return found


def _shapes(name: str, ours: tuple[int, ...], family: Family, channels: int, patch: int) -> list[tuple[int, ...]]:
    """Shapes that a tensor of the file may have where ours has shape `ours`."""
    if name == EMBEDDING and family.embedding == "convolution":
        return [(ours[0], channels, patch, patch)]
    if name.startswith(OUTPUT) and family.surplus_sigma:
        return [ours, (2 * ours[0], *ours[1:])]
    return [ours]


def convert(held: Mapping[str, Tensor], family: Family, *, channels: int, patch: int, outputs: int, frequencies: Tensor) -> Weights:
    """Weights of the family, complete and of the right shapes, to ours."""
    weights = dict(held)
    embedding = weights[EMBEDDING]
    if embedding.dim() == 4:  # a kernel (D, C, p, p) is a matrix over values in our order
        weights[EMBEDDING] = embedding.flatten(1)
    else:
        weights[EMBEDDING] = _reordered(embedding.T, family.embedding_order, channels, patch).T.contiguous()
    values = channels * patch**2
    for name in (f"{OUTPUT}weight", f"{OUTPUT}bias"):
        rows = weights[name]
        produced = channels * (len(rows) // values)  # 2 C with learned sigma, whose rows come last once channels come first
        weights[name] = _reordered(rows, family.output_order, produced, patch)[: outputs * values]
    return reversed_in_time(weights, frequencies) if family.reversed_time else weights


def _reordered(rows: Tensor, order: PatchOrder, channels: int, patch: int) -> Tensor:
    """Rows (P, ...), one for each value of a patch in `order`, to the same rows in `OUR_ORDER`."""
    sizes = {"c": channels, "p": patch, "q": patch}
    apart = rows.reshape(*(sizes[axis] for axis in order), *rows.shape[1:])
    axes = [order.index(axis) for axis in OUR_ORDER]
    return apart.permute(*axes, *range(len(axes), apart.dim())).reshape(rows.shape)


def reversed_in_time(weights: Weights, frequencies: Tensor) -> Weights:
    """Weights of v' where v'(x, t) = -v(x, 1 - t), exactly; done twice it changes nothing.

    The time is seen through cos(f t) and sin(f t) alone, and cos(f (1 - t)) = cos f cos(f t) + sin f sin(f t),
    sin(f (1 - t)) = sin f cos(f t) - cos f sin(f t): a change of basis, taken up by the first linear of the timestep MLP. The last
    linear of the network takes the sign.
    """
    first = weights[TIMESTEP].double()
    of_cos, of_sin = first.chunk(2, dim=1)
    cos, sin = frequencies.double().cos(), frequencies.double().sin()
    turned = torch.cat([of_cos * cos + of_sin * sin, of_cos * sin - of_sin * cos], dim=1)
    negated = {name: -weights[name] for name in (f"{OUTPUT}weight", f"{OUTPUT}bias")}
    return weights | negated | {TIMESTEP: turned}
