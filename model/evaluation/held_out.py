"""The generation loss on held-out images: the metric of least variance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from model.backbone.transformer import DiffusionTransformer
from model.config.evaluation import EvaluationConfig
from model.data.dataset import DataSet
from model.data.examples import Examples
from model.grouping import Grouping
from model.noise.process import FLOW, Process, levels
from model.randomness import stream

BLOCK = 512
HELD_OUT_NAMES = {"velocity": "held_out_loss", "noise": "held_out_noise_loss"}
"""By what the network predicts: errors of different targets do not compare."""
GAP_NAMES = {"velocity": "overfitting_gap", "noise": "overfitting_noise_gap"}
"""Likewise."""


@dataclass(frozen=True)
class HeldOut:
    """The loss over all noise levels, and at each: metric name -> value."""

    loss: float
    by_level: Mapping[str, float]


def nothing() -> None:
    """No sign of life is wanted."""


def held_out_loss(
    network: DiffusionTransformer,
    held_out: Examples,
    config: EvaluationConfig,
    process: Process = FLOW,
    tick: Callable[[], None] = nothing,
) -> float:
    """Mean squared error of the predicted velocity (ddpm: noise) over held-out images and a fixed grid of t."""
    return held_out_losses(network, held_out, config, process, tick).loss


def overfitting_gap(
    network: DiffusionTransformer,
    data: DataSet,
    held_out: float,
    config: EvaluationConfig,
    process: Process,
    tick: Callable[[], None] = nothing,
) -> float:
    """The loss on held-out images, which is `held_out`, minus that on as many training images: above 0 where the network overfits.

    Each training image meets the noise of the held-out image in its place. They are the first ones, begun again where there are fewer.
    """
    images = len(data.held_out)
    known = data.train.fixed(images, "judged_posterior").repeated(images)
    return held_out - held_out_loss(network, known, config, process, tick)


@torch.no_grad()
def held_out_losses(
    network: DiffusionTransformer,
    held_out: Examples,
    config: EvaluationConfig,
    process: Process = FLOW,
    tick: Callable[[], None] = nothing,
) -> HeldOut:
    """Mean squared error of the predicted velocity (ddpm: noise) over held-out images: over a fixed grid of t, and at each t of it.

    Noise and noise levels depend on the generation seed alone, so every variant and training seed meets the same ones. A level's metric is
    called `held_out_loss_by_t/0.03125`, which MLflow groups. `tick` is called before every network call.
    """
    grouping = Grouping.whole(held_out.tokens.shape[1])
    tokens = held_out.tokens
    level_values = levels(config.held_out_levels, process)
    total = torch.zeros((), dtype=torch.float64, device=tokens.device)
    by_level = total.new_zeros(len(level_values))
    for level, t in enumerate(level_values):
        noise = stream(config.seed, "held_out_noise", level).normal(tokens.shape).to(tokens.device, tokens.dtype)
        for first in range(0, len(held_out), BLOCK):
            tick()
            part = slice(first, first + BLOCK)
            told = tokens.new_full((len(tokens[part]), 1), t)
            noisy = process.add_noise(tokens[part], noise[part], told.unsqueeze(-1))
            predicted, _ = network(noisy, told, held_out.labels[part], grouping)
            target = process.target(tokens[part], noise[part], told.unsqueeze(-1))
            error = F.mse_loss(predicted[..., : target.shape[-1]].to(tokens.dtype), target, reduction="sum").double()
            total += error
            by_level[level] += error
    name = HELD_OUT_NAMES[process.predicts]
    means = (by_level / tokens.numel()).tolist()
    named = {f"{name}_by_t/{t:.5g}": mean for t, mean in zip(level_values, means, strict=True)}
    return HeldOut((total / (tokens.numel() * config.held_out_levels)).item(), named)
