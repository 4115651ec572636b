"""The method written the slow way, from the papers: t of every token, dense masks, every block of the teacher, image order.

Shares no code with the package and reads only state dicts. N images, T tokens, P values of a patch, D width, H heads.
"""

import functools
import math
from dataclasses import dataclass, replace
from typing import Literal

import ddpm_reference
import torch
from torch import Tensor

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class DenseMethod:
    """What of a method the losses depend on."""

    heads: int
    separation: Literal["none", "full", "noisy_reads_clean", "clean_reads_noisy", "shuffled"]
    teacher_separated: bool
    teacher_timesteps: Literal["interval", "min", "same"]
    teacher_sees_dropped: bool
    student_layer: int
    teacher_layer: int
    weight: float
    axis: Literal["width", "tokens"]
    loss: Literal["cosine", "smooth_l1", "l1", "l2"] = "cosine"
    head: bool = True
    path: Literal["linear", "cosine", "ddpm"] = "linear"
    least_teacher_t: int = 0


@dataclass(frozen=True)
class DenseBatch:
    """A batch in image order; everything random is given."""

    data: Tensor
    """(N, T, P)."""
    noise: Tensor
    """(N, T, P)."""
    t: Tensor
    """(N, T) of the student."""
    k: Tensor
    """(N, T)."""
    groups: Tensor
    """(N, T) group of every token."""
    views: Tensor
    """(N, T) view of every token."""
    whole: Tensor
    """(N,) bool: full attention, whatever the method."""
    labels: Tensor
    """(N,)."""
    dropped: Tensor
    """(N,) bool."""
    null: int

    def permuted(self, order: Tensor) -> "DenseBatch":
        """The same batch with its tokens named in another order, (T,)."""
        moved = {name: getattr(self, name)[:, order] for name in ("data", "noise", "t", "k", "groups", "views")}
        return replace(self, **moved)


def linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def standardised(x: Tensor, epsilon: float = 1e-6) -> Tensor:
    centred = x - x.mean(dim=-1, keepdim=True)
    return centred / torch.sqrt(centred.square().mean(dim=-1, keepdim=True) + epsilon)


def tanh_gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@functools.cache
def position_table(tokens: int, width: int) -> Tensor:
    """(T, D): column in the first half of the channels, row in the second; sines, then cosines. Kept in single precision, as DiT does."""
    side, quarter = math.isqrt(tokens), width // 4
    table = torch.zeros(tokens, width, dtype=torch.float64)
    for place in range(tokens):
        for half, coordinate in enumerate((place % side, place // side)):
            for i in range(quarter):
                angle = coordinate / 10000 ** (i / quarter)
                table[place, half * 2 * quarter + i] = math.sin(angle)
                table[place, half * 2 * quarter + quarter + i] = math.cos(angle)
    return table.float().double()


def timestep_embedding(weights: Weights, t: Tensor) -> Tensor:
    frequencies = torch.exp(-math.log(10000) * torch.arange(0, 128, dtype=torch.float64) / 128).float()
    angles = t[..., None] * frequencies.to(t)
    hidden = linear(weights, "t_embedder.mlp.0", torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1))
    return linear(weights, "t_embedder.mlp.2", silu(hidden))


def attend(q: Tensor, k: Tensor, v: Tensor, may_read: Tensor) -> Tensor:
    """q, k, v (N, H, T, D/H), may_read (N, T, T) bool."""
    logits = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    logits = logits.masked_fill(~may_read[:, None], -torch.inf)
    return torch.softmax(logits, dim=-1) @ v


def forward(weights: Weights, heads: int, x: Tensor, t: Tensor, labels: Tensor, may_read: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Prediction (N, T, P or 2P), and the features after every block; x (N, T, P), t (N, T), one modulation per token."""
    n, tokens, _ = x.shape
    h = linear(weights, "x_embedder.proj", x)
    width = h.shape[-1]
    h = h + position_table(tokens, width).to(h)
    c = silu(timestep_embedding(weights, t) + weights["y_embedder.embedding_table.weight"][labels][:, None])
    taps: list[Tensor] = []
    while f"blocks.{len(taps)}.attn.qkv.weight" in weights:
        block = f"blocks.{len(taps)}"
        modulation = linear(weights, f"{block}.adaLN_modulation.1", c).reshape(n, tokens, 6, width)
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = modulation.unbind(dim=2)
        qkv = linear(weights, f"{block}.attn.qkv", standardised(h) * (1 + scale_a) + shift_a)
        q, k, v = (part.reshape(n, tokens, heads, width // heads).transpose(1, 2) for part in qkv.split(width, dim=-1))
        read = attend(q, k, v, may_read).transpose(1, 2).reshape(n, tokens, width)
        h = h + gate_a * linear(weights, f"{block}.attn.proj", read)
        inner = linear(weights, f"{block}.mlp.fc1", standardised(h) * (1 + scale_m) + shift_m)
        h = h + gate_m * linear(weights, f"{block}.mlp.fc2", tanh_gelu(inner))
        taps.append(h)
    shift, scale = linear(weights, "final_layer.adaLN_modulation.1", c).split(width, dim=-1)
    return linear(weights, "final_layer.linear", standardised(h) * (1 + scale) + shift), taps


def feature_loss(method: DenseMethod, projected: Tensor, target: Tensor) -> Tensor:
    """Mean over all that is not the cosine's axis; smooth L1 is d^2 / (2 beta) below beta = .05 and d - beta / 2 above."""
    if method.loss == "cosine":
        dim = {"width": 2, "tokens": 1}[method.axis]
        products = (projected * target).sum(dim=dim)
        return (1 - products / torch.sqrt(projected.square().sum(dim=dim) * target.square().sum(dim=dim))).mean()
    size = torch.sqrt((projected - target).square())
    each = {
        "smooth_l1": torch.where(size < 0.05, 10 * size**2, size - 0.025),
        "l1": size,
        "l2": size**2,
    }[method.loss]
    return each.sum() / each.numel()


def readable(method: DenseMethod, batch: DenseBatch) -> Tensor:
    """(N, T, T) bool: may token i read token j?"""
    reader, read = batch.t[:, :, None], batch.t[:, None, :]
    own = batch.groups[:, :, None] == batch.groups[:, None, :]
    allowed = {
        "none": torch.ones_like(own),
        "full": own,
        "noisy_reads_clean": own | (read < reader),
        "clean_reads_noisy": own | (read > reader),
        "shuffled": batch.views[:, :, None] == batch.views[:, None, :],
    }[method.separation]
    return allowed | batch.whole[:, None, None]


def mixed(method: DenseMethod, batch: DenseBatch, t: Tensor) -> tuple[Tensor, Tensor]:
    """x_t and its derivative by t, for ddpm the noise; t (N, T)."""
    if method.path == "ddpm":
        return ddpm_reference.noised(batch.data, batch.noise, t), batch.noise
    t = t[..., None]
    if method.path == "linear":
        return (1 - t) * batch.data + t * batch.noise, batch.noise - batch.data
    quarter = math.pi / 2
    x = torch.cos(quarter * t) * batch.data + torch.sin(quarter * t) * batch.noise
    return x, -quarter * torch.sin(quarter * t) * batch.data + quarter * torch.cos(quarter * t) * batch.noise


def losses(method: DenseMethod, student: Weights, head: Weights, average: Weights, batch: DenseBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Total, generation and alignment loss."""
    allowed = readable(method, batch)
    everyone = torch.ones_like(allowed)
    seen = torch.where(batch.dropped, torch.full_like(batch.labels, batch.null), batch.labels)
    noisy, wanted = mixed(method, batch, batch.t)
    velocity, taps = forward(student, method.heads, noisy, batch.t, seen, allowed)
    generation = ((velocity[..., : wanted.shape[-1]] - wanted) ** 2).mean()
    if method.path == "ddpm":
        generation = generation + ddpm_reference.bound(velocity, batch.data, noisy, batch.t)
    teacher_t = {
        "interval": torch.clamp(batch.t - batch.k, min=method.least_teacher_t),
        "min": batch.t.min(dim=1, keepdim=True).values.expand_as(batch.t),
        "same": batch.t,
    }[method.teacher_timesteps]
    cleaner, _ = mixed(method, batch, teacher_t)
    known = seen if method.teacher_sees_dropped else batch.labels
    _, teacher_taps = forward(average, method.heads, cleaner, teacher_t, known, allowed if method.teacher_separated else everyone)
    target = teacher_taps[method.teacher_layer - 1].detach()
    tap = taps[method.student_layer - 1]
    projected = linear(head, "2", silu(linear(head, "0", tap))) if method.head else tap
    alignment = feature_loss(method, projected, target)
    return generation + method.weight * alignment, generation, alignment
