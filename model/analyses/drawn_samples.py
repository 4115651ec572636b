"""Few samples of a trial's network, drawn as its evaluation draws them, with reading across groups as at inference or blocked.

n samples, T tokens, P values of a patch.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from model.analyses.looks import in_groups, partition_draws
from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.data.dataset import DataSet
from model.errors import CheckpointError, ConfigError
from model.grouping import Grouping
from model.noise.process import process_of
from model.objective import groupings
from model.sampling.generate import BLOCK, block_count, block_start, generate
from model.step_noise import StepNoise

SAMPLES = 256
"""At most: of as many as the evaluation draws, the first ones. They are half of what a trial's analyses cost."""


@dataclass(frozen=True)
class Samples:
    """Drawn images as tokens (n, T, P), clamped where images are bounded, with the labels (n,) that they were asked for."""

    tokens: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def draw_samples(network: DiffusionTransformer, config: TrainConfig, data: DataSet, *, blocked: bool = False) -> Samples:
    """The first samples of the evaluation's first generation seed; `blocked` draws the same noise with every group reading itself alone.

    Raises CheckpointError where a sample is not finite, and ConfigError where the guidance has yet to be chosen.
    """
    if scales := config.evaluation.guidance.best_of:
        listed = ", ".join(f"{scale:g}" for scale in scales)
        raise ConfigError(
            f"evaluation.guidance.best_of is [{listed}], and samples are drawn at one scale, which nothing here tells: give the one that"
            " the trial's evaluation chose as evaluation.guidance.scale, or leave out the analyses that draw samples"
        )
    count = min(SAMPLES, config.evaluation.samples)
    evaluation = config.evaluation.model_copy(update={"samples": count})
    held = data.reference_images.tokens
    shape = (held.shape[1], held.shape[2])
    draws = partition_draws(config, count, *shape).to(held.device, held.dtype) if blocked else None
    tokens, labels = [], []
    for number in range(block_count(count)):
        part = slice(block_start(number), block_start(number) + BLOCK)
        with reading_blocked(network, config, _of_images(draws, part)) if draws else nullcontext():
            for drawn, wanted in generate(
                network,
                evaluation,
                shape=shape,
                dtype=held.dtype,
                tick=lambda: None,
                channels=data.channels,
                process=process_of(config.process),
                blocks=[number],
            ):
                tokens.append(drawn)
                labels.append(wanted)
    found = torch.cat(tokens)
    if not found.isfinite().all():
        raise CheckpointError("the weights give samples that are not finite; analyse an earlier moving average of this trial")
    return Samples(found.clamp(-1, 1) if data.bounded else found, torch.cat(labels))


def _of_images(draws: StepNoise, part: slice) -> StepNoise:
    return draws.each(lambda value: value[part])


@contextmanager
def reading_blocked(network: DiffusionTransformer, config: TrainConfig, draws: StepNoise) -> Iterator[None]:
    """While open, every call of the network lets a group of the partition of `draws` read itself alone, at whatever noise level it is told.

    Its tokens are in image order, and so is what it gives; a call may show the n images of `draws` several times over, as guidance does.
    """
    images, apart = len(draws.order), in_groups(config, "full")
    laid_out: dict[int, Grouping] = {}

    def lay_out(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        tokens, t, labels, _grouping = given
        times, more = divmod(len(tokens), images)
        assert not more, "a call shows all images"
        if times not in laid_out:
            repeated = draws.each(lambda value: torch.cat([value] * times))
            laid_out[times] = groupings(apart, repeated, tokens.shape[1])[0]
        grouping = laid_out[times]
        return grouping.sort(tokens), t, labels, grouping

    def restore(_: nn.Module, given: tuple[Any, ...], found: tuple[Tensor, Tensor | None]) -> tuple[Tensor, Tensor | None]:
        grouping: Grouping = given[3]
        return grouping.unsort(found[0]), None

    hooks = [network.register_forward_pre_hook(lay_out), network.register_forward_hook(restore)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
