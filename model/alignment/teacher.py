"""The teacher: a moving average of the student, and the noise levels it sees."""

import copy

import torch
from torch import Tensor, nn

from model.config.alignment import IntervalConfig, TeacherConfig
from model.config.noise import TimestepsConfig
from model.randomness import BatchStreams

LOWEST = {"zero": 0, "released": 1}
"""Least t of an SRA teacher, in units of the process; only ddpm's steps know the second."""


def moving_average_of(student: nn.Module) -> nn.Module:
    """A copy of the student that never needs a gradient: the start of its moving average."""
    return copy.deepcopy(student).requires_grad_(False)


@torch.no_grad()
def update_moving_average(average: nn.Module, student: nn.Module, decay: float) -> None:
    """average <- decay * average + (1 - decay) * student, in one fused pass; decay 0 is the student."""
    torch._foreach_lerp_(list(average.parameters()), list(student.parameters()), 1 - decay)


def draws_per_group(interval: IntervalConfig, timesteps: TimestepsConfig) -> bool:
    """Whether each group has its own k; `auto` is per image for `single`, per group for `dual`."""
    return timesteps.kind == "dual" if interval.per == "auto" else interval.per == "group"


def draw_interval(interval: IntervalConfig, per_group: bool, groups: int, streams: BatchStreams) -> Tensor:
    """k ~ U(0, width) of shape (N, 1) or (N, groups); the one of `per image` is that of group 0."""
    drawn = [streams.uniform("interval" if g == 0 else f"interval/{g}") for g in range(groups if per_group else 1)]
    return interval.width * torch.stack(drawn, dim=1)


def teacher_noise_levels(config: TeacherConfig, t: Tensor, k: Tensor, empty: Tensor | None = None) -> Tensor:
    """Noise levels (N, R') the teacher sees, from the student's t (N, R) and the interval k (N, R'').

    `interval` (SRA): t - k, clamped at 0, or at 1 as released for ddpm, which gives t = 0 a noisier teacher. `min` (Self-Flow): the
    smallest of the image, but for groups that own none of its tokens, `empty` (N, R). `same`: the student's.
    """
    match config.timesteps:
        case "interval":
            return (t - k).clamp(min=LOWEST[config.interval.clamp])
        case "min":
            owned = t if empty is None else t.masked_fill(empty, torch.inf)
            return owned.amin(dim=1, keepdim=True)
        case "same":
            return t
