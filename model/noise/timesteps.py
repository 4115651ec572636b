"""Noise levels of the groups of an image, as quantiles u in [0, 1] of the timestep distribution."""

import torch
from torch import Tensor

from model.config.noise import FixedGap, LogitNormal, MaxGap, TimestepsConfig
from model.randomness import BatchStreams


def first_quantile(streams: BatchStreams) -> Tensor:
    """(N, 1): u of `single`, and u_0 of every other kind before levels are sorted."""
    return streams.uniform("timesteps").unsqueeze(1)


def draw_quantiles(config: TimestepsConfig, groups: int, tokens: int, streams: BatchStreams) -> Tensor:
    """u (N, R), R = 1 for `single`, `groups` for `dual`, `tokens` for `per_token`.

    Each u_r is uniform (but for `ordering`, which sorts them), and `single`'s u is u_0 of the others before they are sorted.
    """
    first = first_quantile(streams)
    match config.kind:
        case "single":
            return first
        case "per_token":
            return torch.cat([first, streams.uniform("timesteps/tokens", tokens - 1)], dim=1)
        case "dual":
            others = [_relative(config, first[:, 0], streams.uniform(f"timesteps/{group}")) for group in range(1, groups)]
            u = torch.stack([first[:, 0], *others], dim=1)
            return u.sort(dim=1, descending=True).values if config.ordering == "masked_is_noisier" else u


def _relative(config: TimestepsConfig, first: Tensor, u: Tensor) -> Tensor:
    match config.gap:
        case MaxGap(max=gap):
            return reflect(first + gap * (2 * u - 1))
        case FixedGap(fixed=gap):
            return reflect(first + gap * torch.where(u < 0.5, -1.0, 1.0))
        case _:
            return u


def reflect(u: Tensor) -> Tensor:
    """Folds values of [-1, 2] at 0 and 1 back into [0, 1]; a uniform u moved and folded stays uniform."""
    return 1 - (1 - u.abs()).abs()


def to_noise_level(config: TimestepsConfig, u: Tensor) -> Tensor:
    """Quantile function of the timestep distribution, increasing: t from u in [0, 1].

    Logit-normal: t = sigmoid(mean + std * normal quantile of u). Then the shift t -> a t / (1 + (a - 1) t) (2403.03206).
    """
    t = u
    if isinstance(config.distribution, LogitNormal):
        # In double precision: a single-precision u within 6e-8 of an end would lose its place in the tail.
        normal = torch.special.ndtri(u.double())
        t = torch.sigmoid(config.distribution.mean + config.distribution.std * normal).to(u.dtype)
    if config.shift != 1:
        t = config.shift * t / (1 + (config.shift - 1) * t)
    return t
