"""Checkpoint files as the public code bases write them, and what those code bases make of them, written without the package's tables.

N images, C channels, S side, p patch, D width. A file's tensors are random; `velocity` runs them as the published models do: a convolution
(or `F.unfold`) at the start, rows in the order (p, q, channel) at the end, half of the channels thrown away where a flow learned sigma.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from dense_reference import Weights, forward
from torch import Tensor

from model.backbone.checkpoints import load_network
from model.backbone.transformer import DiffusionTransformer
from model.config.backbone import BackboneConfig

CONFIG = BackboneConfig(patch=2, layers=2, width=16, heads=2)
CHANNELS, SIDE, CLASSES = 3, 8, 5
GEOMETRY = {"channels": CHANNELS, "resolution": SIDE, "classes": CLASSES}


@dataclass(frozen=True)
class Public:
    """What sets one code base apart."""

    convolution: bool
    reversed_time: bool
    learned_sigma: bool
    head: str | None
    outputs: int = 1
    """Predicted values that are used, for every value."""


PUBLIC = {
    "sit": Public(convolution=True, reversed_time=True, learned_sigma=True, head=None),
    "sit 512": Public(convolution=True, reversed_time=True, learned_sigma=False, head=None),
    "sra": Public(convolution=True, reversed_time=False, learned_sigma=False, head="ap_head.0"),
    "repa": Public(convolution=True, reversed_time=False, learned_sigma=False, head="projectors.0.2"),
    "self_flow": Public(convolution=False, reversed_time=True, learned_sigma=False, head="projector.linear1"),
    "dit": Public(convolution=True, reversed_time=False, learned_sigma=True, head=None, outputs=2),
}


def written(name: str, seed: int = 0, config: BackboneConfig = CONFIG) -> Weights:
    """A state dict of the code base, float32, nothing at zero."""
    public = PUBLIC[name]
    width, patch = config.width, config.patch
    outputs = patch * patch * CHANNELS * (2 if public.learned_sigma else 1)
    shapes: dict[str, tuple[int, ...]] = {
        "pos_embed": (1, (SIDE // patch) ** 2, width),
        "x_embedder.proj.weight": (width, CHANNELS, patch, patch) if public.convolution else (width, CHANNELS * patch * patch),
        "x_embedder.proj.bias": (width,),
        "y_embedder.embedding_table.weight": (CLASSES + 1, width),
        "final_layer.linear.weight": (outputs, width),
        "final_layer.linear.bias": (outputs,),
    }
    linears = {"t_embedder.mlp.0": (width, 256), "t_embedder.mlp.2": (width, width), "final_layer.adaLN_modulation.1": (2 * width, width)}
    for n in range(config.layers):
        linears |= {f"blocks.{n}.attn.qkv": (3 * width, width), f"blocks.{n}.attn.proj": (width, width)}
        linears |= {f"blocks.{n}.mlp.fc1": (4 * width, width), f"blocks.{n}.mlp.fc2": (width, 4 * width)}
        linears |= {f"blocks.{n}.adaLN_modulation.1": (6 * width, width)}
    if public.head:
        linears[public.head] = (width, width)
    for linear, (rows, columns) in linears.items():
        shapes |= {f"{linear}.weight": (rows, columns), f"{linear}.bias": (rows,)}
    generator = torch.Generator().manual_seed(seed)
    return {key: 0.25 * torch.randn(shape, generator=generator) for key, shape in shapes.items()}


def velocity(name: str, weights: Weights, images: Tensor, t: Tensor, labels: Tensor, config: BackboneConfig = CONFIG) -> Tensor:
    """What the code base's own sampler takes for the velocity in our direction of time, (N, C, S, S) float64; t (N,).

    Of DiT its whole output, noise and then v, (N, 2C, S, S).
    """
    public = PUBLIC[name]
    held = {key: value.double() for key, value in weights.items()}
    kernel, bias = held["x_embedder.proj.weight"], held["x_embedder.proj.bias"]
    patch, side = config.patch, SIDE // config.patch
    if public.convolution:
        embedded = F.conv2d(images, kernel, bias, stride=patch).flatten(2).transpose(1, 2)
    else:
        embedded = F.unfold(images, patch, stride=patch).transpose(1, 2) @ kernel.T + bias  # values in the order (c, p, q)
    through = held | {
        "x_embedder.proj.weight": torch.eye(config.width).double(),
        "x_embedder.proj.bias": torch.zeros(config.width).double(),
    }
    seen = (1 - t if public.reversed_time else t)[:, None].expand(-1, side * side)
    everyone = torch.ones(len(images), side * side, side * side, dtype=torch.bool)
    rows, _ = forward(through, config.heads, embedded, seen, labels, everyone)
    apart = rows.reshape(len(images), side, side, patch, patch, -1)
    produced = torch.einsum("nhwpqc->nchpwq", apart).reshape(len(images), -1, SIDE, SIDE)
    return (-1 if public.reversed_time else 1) * produced[:, : public.outputs * CHANNELS]


def table_of(name: str) -> str:
    """The family that a name of `PUBLIC` belongs to."""
    return name.split()[0]


def load(path: Path, name: str, **changes: Any) -> DiffusionTransformer:
    """The package's reading of a file."""
    return load_network(path, table_of(name), CONFIG, **(GEOMETRY | {"outputs": PUBLIC[name].outputs if name in PUBLIC else 1} | changes))
