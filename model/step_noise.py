"""All that is random in one step, drawn from the config's streams; what becomes of it is the objective's.

N images, T tokens, P values of a patch, R conditioning rows.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from model.alignment.teacher import draw_interval, draws_per_group
from model.config import TrainConfig
from model.noise.layout import Cells
from model.noise.partition import draw_partition, draw_views, draw_whole_images
from model.noise.process import process_of
from model.noise.timesteps import draw_quantiles, first_quantile, to_noise_level
from model.randomness import BatchStreams
from model.transfer import moved


@dataclass(frozen=True)
class StepNoise:
    """The draws of one step, as tensors, so that tests can inject them."""

    noise: Tensor
    """(N, T, P), shared by student and teacher, in image order."""
    t: Tensor
    """(N, R) noise levels of the student, in units of the process; row r is of the image, of group r, or of the token at place r of
    `order`."""
    k: Tensor
    """(N, 1 or R) interval of an SRA teacher, in units of the process."""
    order: Tensor
    """(N, T) token order of the partition."""
    dropped: Tensor
    """(N,) bool: the student sees the null label."""
    groups: Tensor | None = None
    """(N, T) group of each place of `order`, where group sizes vary."""
    views: Tensor | None = None
    """(N, T) token order by view, where that is not the partition's."""
    whole: Tensor | None = None
    """(N,) bool: the image is left whole, where some are."""
    whole_images: int = 0
    """How many of them are, known to the host."""
    scored_at: Tensor | None = None
    """(N, 1) noise level at which tokens are to be scored, where `model.learned_order` has yet to put `order` in order."""

    def to(self, device: torch.device, dtype: torch.dtype) -> "StepNoise":
        """The same draws on a device; noise and noise levels in `dtype`."""
        return self.each(lambda value: moved(value.to(dtype) if value.is_floating_point() else value, device))

    def each(self, change: Callable[[Tensor], Tensor]) -> "StepNoise":
        """Every tensor changed."""
        changed: dict[str, Any] = {name: change(value) for name, value in self.tensors().items()}
        return replace(self, **changed)

    def tensors(self) -> dict[str, Tensor]:
        """What was drawn, by name."""
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in held.items() if isinstance(value, Tensor)}


def draw(config: TrainConfig, streams: BatchStreams, tokens: int, patch_values: int) -> StepNoise:
    """The draws of one step; every quantity has its own stream, whether the method uses it or not shifts no other."""
    groups = len(config.partition.shares)
    interval = config.alignment.teacher.interval
    partition = draw_partition(config.partition, tokens, streams, partitioned=config.partitioned)
    to_timestep = process_of(config.process).to_timestep
    t = to_timestep(to_noise_level(config.timesteps, draw_quantiles(config.timesteps, groups, tokens, streams)))
    k = to_timestep(draw_interval(interval, draws_per_group(interval, config.timesteps), groups, streams))
    whole = draw_whole_images(config.partition, streams) if config.mixes_whole_images else None
    if whole is not None:  # one noise level and one interval: those of group 0, which then owns the image
        t, k = (torch.where(whole[:, None], rows[:, :1], rows) for rows in (t, k))
    if config.timesteps.kind == "per_token" and k.shape[1] > 1:
        k = k.gather(1, cells_of(config, partition.groups, tokens).of_places(len(k), k.device))
    return StepNoise(
        noise=streams.normal("noise", tokens, patch_values),
        t=t,
        k=k,
        order=partition.order,
        dropped=streams.uniform("label_dropout") < config.label_dropout,
        groups=partition.groups,
        views=draw_views(config.partition, tokens, streams) if config.attention.separation == "shuffled" else None,
        whole=whole,
        whole_images=0 if whole is None else int(whole.sum()),
        scored_at=to_timestep(to_noise_level(config.timesteps, first_quantile(streams))) if config.orders_by_score else None,
    )


def cells_of(config: TrainConfig, groups: Tensor | None, tokens: int) -> Cells:
    """The groups of the config over places; where sizes vary, `groups` (N, T) of each place."""
    exact = config.partitioned and config.partition.exact
    return Cells(config.partition.counts(tokens) if exact else (1,) * len(config.partition.shares), groups)
