"""Where SRA, Self-Flow and Attention Separation meet: the two losses of one batch.

One forward path. A method is a set of values (a `Grouping` for student and teacher, noise levels, weights), never a branch.
N images, T tokens, P values of a patch, R conditioning rows.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.alignment.features import feature_distance
from model.alignment.targets import AlignmentBatch, Target
from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.grouping import Grouping, Segment
from model.learned_order import in_learned_order
from model.noise.layout import rows_seen_from, segments
from model.noise.process import process_of
from model.randomness import BatchStreams
from model.step_noise import StepNoise, cells_of, draw


@dataclass(frozen=True)
class Losses:
    """Scalars of one batch; `total` is what is minimised."""

    total: Tensor
    generation: Tensor
    alignment: Tensor | None


class Objective(nn.Module):
    """What is trained, built once from a config: its networks, and what the config makes of a batch.

    Its parameters are those that are trained: the thing to compile, or to copy over several processes. The moving average is none of them.
    """

    average: DiffusionTransformer
    """The student's moving average: evaluated, and the teacher of `alignment.kind: self`."""
    head: nn.Module
    """On the student's features, where they are aligned."""

    def __init__(
        self, config: TrainConfig, student: DiffusionTransformer, head: nn.Module, average: DiffusionTransformer, target: Target | None
    ) -> None:
        """`target`: what the student's features are aligned with, if with anything."""
        super().__init__()
        self.config, self.process, self.target = config, process_of(config.process), target
        self.student = student
        if target is not None:
            self.head = head
        # Set past `nn.Module`, which would take their weights for trained ones: DDP would wait for the gradient of a head that is not used.
        beside: dict[str, nn.Module] = {"average": average} | ({"head": head} if target is None else {})
        for name, network in beside.items():
            object.__setattr__(self, name, network)

    def sample(self, streams: BatchStreams, data: Tensor) -> StepNoise:
        """The draws of one step for clean tokens `data` (N, T, P), on their device; `in_learned_order` comes next."""
        return draw(self.config, streams, data.shape[1], data.shape[2]).to(data.device, data.dtype)

    def in_learned_order(self, data: Tensor, labels: Tensor, draws: StepNoise) -> StepNoise:
        """The draws with tokens in the order that the moving average gives them, where the config learns one.

        Between `sample` and the forward pass: a pass of the average by itself, in the precision of the networks and in no graph.
        """
        return in_learned_order(self.config, self.average, data, labels, draws)

    def forward(self, data: Tensor, labels: Tensor, draws: StepNoise, images: Tensor | None = None) -> Losses:
        """Generation loss over all tokens, and the alignment loss.

        2607.02508: L = L_gen + weight * L_align; 2401.08740 (flow) and 2102.09672 (ddpm) for L_gen.

        Args:
            data: Clean tokens (N, T, P) in image order.
            labels: (N,) true labels.
            draws: As `in_learned_order` gives them.
            images: (N,) places of `data` in the training set.
        """
        assert draws.scored_at is None, "draws go through in_learned_order first"
        aligned, target, process = self.config.alignment, self.target, self.process
        if draws.whole is not None:  # first, so that they are a slice; every draw goes along with its image
            first = (~draws.whole).int().argsort(stable=True)
            data, labels, draws = data[first], labels[first], draws.each(lambda value: value[first])
            images = images[first] if images is not None else None
        student_grouping, teacher_grouping = groupings(self.config, draws, data.shape[1])
        clean, noise = student_grouping.sort(data), student_grouping.sort(draws.noise)
        t = student_grouping.spread(draws.t.unsqueeze(-1))
        noisy = process.add_noise(clean, noise, t)
        seen = labels.masked_fill(draws.dropped, self.student.y_embedder.null)
        predicted, features = self.student(
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
            teacher_features = target.features(alignment_batch)
        alignment = feature_distance(aligned, self.head(features), teacher_features)
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


def _empty(draws: StepNoise) -> Tensor | None:
    """(N, R) bool: the group of this row owns no token of the image; None where all own some."""
    if draws.groups is None or draws.t.shape[1] == 1:
        return None
    rows = torch.arange(draws.t.shape[1], device=draws.t.device)
    return (draws.groups[:, None, :] != rows[None, :, None]).all(dim=2)
