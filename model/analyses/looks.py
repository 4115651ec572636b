"""Images as analyses show them to a network: with a fixed partition and fixed noise, the same for every trial, at chosen noise levels.

N images, T tokens, P values of a patch, G groups. The layout of a pass is the objective's own, so nothing here decides who reads whom.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.config.alignment import AttentionConfig, Separation
from model.config.noise import TimestepsConfig
from model.errors import ConfigError
from model.grouping import Grouping
from model.learned_order import in_learned_order
from model.noise.process import process_of
from model.objective import groupings
from model.randomness import BatchStreams, stream_seed
from model.step_noise import StepNoise, cells_of, draw

PURPOSE = "analyses"
BLOCK = 256
"""Images of one network call."""


def ungrouped(config: TrainConfig, tokens: int) -> str | None:
    """Why no token of an image of so many has another group to read; None where it has."""
    if len(config.partition.shares) < 2:
        return f"partition.ratio {config.partition.ratio} is no partition: no token has another group to read"
    try:
        if config.partition.exact:
            config.partition.counts(tokens)
    except ConfigError as error:  # a trial without groups may hold a partition that fits no image of its own
        return str(error)
    return None


def in_groups(config: TrainConfig, separation: Separation = "none") -> TrainConfig:
    """The config with a noise level for each group of its partition, and no image left whole: what it was trained with or not."""
    changed = {
        "timesteps": TimestepsConfig(kind="dual"),
        "attention": AttentionConfig(separation=separation),
        "partition": config.partition.model_copy(update={"full_image_probability": 0.0}),
    }
    return config.model_copy(update=changed)


@dataclass(frozen=True)
class Pass:
    """What a network is given, in the order of `grouping`."""

    noisy: Tensor
    """(N, T, P)."""
    t: Tensor
    """(N, G), in units of the process."""
    labels: Tensor
    grouping: Grouping
    target: Tensor
    """(N, T, P): what it is to predict."""
    groups: Tensor
    """(N, T) group of each place."""

    def errors(self, network: DiffusionTransformer) -> Tensor:
        """(N, T) float64: the squared error of each token, mean over its values."""
        predicted, _ = network(self.noisy, self.t, self.labels, self.grouping)
        wrong = predicted[..., : self.target.shape[-1]].to(self.target.dtype) - self.target
        return wrong.double().square().mean(dim=-1)


@dataclass(frozen=True)
class Looks:
    """Clean images with all that is drawn for them."""

    config: TrainConfig
    tokens: Tensor
    """(N, T, P) in image order."""
    labels: Tensor
    """(N,)."""
    draws: StepNoise

    @classmethod
    def of(cls, config: TrainConfig, network: DiffusionTransformer, tokens: Tensor, labels: Tensor, index: int = 0) -> "Looks":
        """Draw `index` of the images: a function of the evaluation's seed and of an image's place alone (and of `network`, where it puts
        tokens in a learned order)."""
        dual = in_groups(config)
        draws = partition_draws(config, len(tokens), tokens.shape[1], tokens.shape[2], index).to(tokens.device, tokens.dtype)
        return cls(config, tokens, labels, in_learned_order(dual, network, tokens, labels, draws))

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def groups(self) -> int:
        """G."""
        return len(self.config.partition.shares)

    def blocks(self, size: int = BLOCK) -> Iterator["Looks"]:
        """The same looks in parts of `size` images."""
        for first in range(0, len(self), size):
            part = slice(first, first + size)
            yield replace(self, tokens=self.tokens[part], labels=self.labels[part], draws=_cut(self.draws, part))

    def at(self, levels: Sequence[float], separation: Separation = "none") -> Pass:
        """Group g at noise level `levels[g]` in [0, 1]; `separation` says who reads whom."""
        process = process_of(self.config.process)
        told = process.to_timestep(torch.tensor(levels, dtype=torch.float64)).to(self.tokens.device, self.tokens.dtype)
        draws = replace(self.draws, t=told.expand(len(self), -1))
        config = in_groups(self.config, separation)
        grouping, _ = groupings(config, draws, self.tokens.shape[1])
        clean, noise = grouping.sort(self.tokens), grouping.sort(draws.noise)
        t = grouping.spread(draws.t.unsqueeze(-1))
        groups = cells_of(config, draws.groups, self.tokens.shape[1]).of_places(len(self), self.tokens.device)
        return Pass(process.add_noise(clean, noise, t), draws.t, self.labels, grouping, process.target(clean, noise, t), groups)


def partition_draws(config: TrainConfig, images: int, tokens: int, patch_values: int, index: int = 0) -> StepNoise:
    """Noise and partition of so many images, on the CPU, as a trial with groups would draw them, from streams that no trial draws from."""
    return draw(in_groups(config), BatchStreams(stream_seed(config.evaluation.seed, PURPOSE), index, images), tokens, patch_values)


def _cut(draws: StepNoise, images: slice) -> StepNoise:
    return draws.each(lambda value: value[images])
