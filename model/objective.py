"""Where SRA, Self-Flow and Attention Separation meet: the two losses of one batch.

One forward path. A method is a set of values (a `Grouping` for student and teacher, noise levels, weights), never a branch.
N images, T tokens, P values of a patch, R conditioning rows.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.alignment.features import feature_distance
from model.alignment.targets import AlignmentBatch, Target
from model.alignment.teacher import draw_interval, draws_per_group
from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.grouping import Grouping, Segment
from model.noise.layout import Cells, rows_seen_from, segments
from model.noise.partition import draw_partition, draw_views, draw_whole_images
from model.noise.process import process_of
from model.noise.timesteps import draw_quantiles, first_quantile, to_noise_level
from model.randomness import BatchStreams
from model.transfer import moved


@dataclass(frozen=True)
class StepNoise:
    """All that is random in one step, so that tests can inject it."""

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


@dataclass(frozen=True)
class Losses:
    """Scalars of one batch; `total` is what is minimised."""

    total: Tensor
    generation: Tensor
    alignment: Tensor | None


@dataclass(frozen=True)
class Networks:
    """The networks of one trial: the student with its head, and its moving average."""

    student: DiffusionTransformer
    head: nn.Module
    average: DiffusionTransformer
    target: Target | None
    """What the student's features are aligned with, if with anything."""


class TrainingObjective(nn.Module):
    """What is trained, as one module whose forward pass is `losses`: the thing to compile, or to copy over several processes."""

    def __init__(self, config: TrainConfig, learner: Networks) -> None:
        super().__init__()
        self.config, self.learner = config, learner
        self.student = learner.student
        self.head = learner.head if learner.target is not None else None

    def forward(self, data: Tensor, labels: Tensor, draws: StepNoise, images: Tensor | None) -> "Losses":
        return losses(self.config, self.learner, data, labels, draws, images=images)


def losses(
    config: TrainConfig, learner: Networks, data: Tensor, labels: Tensor, draws: StepNoise, *, images: Tensor | None = None
) -> Losses:
    """Generation loss over all tokens, and the alignment loss, of clean tokens `data` (N, T, P) in image order and labels (N,).

    2607.02508: L = L_gen + weight * L_align; 2401.08740 (flow) and 2102.09672 (ddpm) for L_gen. `images` (N,) are the
    places of `data` in the training set.
    """
    assert draws.scored_at is None, "draws go through in_learned_order first"
    aligned, target, process = config.alignment, learner.target, process_of(config.process)
    if draws.whole is not None:  # first, so that they are a slice; every draw goes along with its image
        first = (~draws.whole).int().argsort(stable=True)
        data, labels, draws = data[first], labels[first], draws.each(lambda value: value[first])
        images = images[first] if images is not None else None
    student_grouping, teacher_grouping = groupings(config, draws, data.shape[1])
    clean, noise = student_grouping.sort(data), student_grouping.sort(draws.noise)
    t = student_grouping.spread(draws.t.unsqueeze(-1))
    noisy = process.add_noise(clean, noise, t)
    seen = labels.masked_fill(draws.dropped, learner.student.y_embedder.null)
    predicted, features = learner.student(
        noisy, draws.t, seen, student_grouping, features_after=aligned.student_layer if target is not None else None
    )
    predicted = predicted.to(clean.dtype)
    generation = F.mse_loss(predicted[..., : clean.shape[-1]], process.target(clean, noise, t))
    if (variance := process.variance_loss(predicted, clean, noisy, t)) is not None:
        generation = generation + variance
    if features is None or target is None:
        return Losses(total=generation, generation=generation, alignment=None)
    with torch.no_grad():
        alignment_batch = AlignmentBatch(images, clean, noise, draws.t, draws.k, labels, seen, teacher_grouping, process, _empty(draws))
        wanted = target.features(alignment_batch)
    alignment = feature_distance(aligned, learner.head(features), wanted)
    return Losses(generation + aligned.weight * alignment, generation, alignment)


def groupings(config: TrainConfig, draws: StepNoise, tokens: int) -> tuple[Grouping, Grouping]:
    """Layouts of the student's and the teacher's pass; both in one token order, so their features stand side by side.

    A separated teacher reads as the student does, also where the mode goes by noise levels: both see the same tokens.
    """
    rows = max(draws.t.shape[1], draws.k.shape[1])
    separation, kind = config.attention.separation, config.timesteps.kind
    if rows == 1 and separation == "none":
        return (Grouping.whole(tokens),) * 2
    cells = cells_of(config, draws.groups, tokens)
    order, index = (draws.order if config.partitioned else None), (None if kind == "per_token" else draws.groups)
    if draws.views is not None:
        images = len(draws.order)
        places = torch.arange(tokens, device=draws.order.device).expand(images, -1)
        index = rows_seen_from(draws.order, places if kind == "per_token" else cells.of_places(images, places.device), draws.views)
        order = draws.views
    student = segments(cells, separation, whole=draws.whole_images, t=draws.t)
    teacher = student if config.alignment.teacher.separated else (Segment(),)
    runs = (1,) * tokens if kind == "per_token" else cells.counts
    return Grouping(order, runs, student, index), Grouping(order, runs, teacher, index)


def cells_of(config: TrainConfig, groups: Tensor | None, tokens: int) -> Cells:
    """The groups of the config over places; where sizes vary, `groups` (N, T) of each place."""
    exact = config.partitioned and config.partition.exact
    return Cells(config.partition.counts(tokens) if exact else (1,) * len(config.partition.shares), groups)


def _empty(draws: StepNoise) -> Tensor | None:
    """(N, R) bool: the group of this row owns no token of the image; None where all own some."""
    if draws.groups is None or draws.t.shape[1] == 1:
        return None
    rows = torch.arange(draws.t.shape[1], device=draws.t.device)
    return (draws.groups[:, None, :] != rows[None, :, None]).all(dim=2)
