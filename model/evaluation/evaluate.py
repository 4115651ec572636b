"""Every metric of a network's weights, at one step."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.config.evaluation import EvaluationConfig
from model.data.dataset import DataSet
from model.errors import Diverged
from model.evaluation.class_score import class_score
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.grid import save_grid
from model.evaluation.held_out import HELD_OUT_NAMES, held_out_loss
from model.evaluation.judge import Judge
from model.evaluation.neighbours import precision_and_recall
from model.noise.process import process_of
from model.patches import unpatchify
from model.sampling.generate import generate

GRID_COLUMNS, GRID_ROWS = 10, 8


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, and what a number needs beside it."""

    metrics: dict[str, float]
    details: dict[str, Any]


def samples_path(folder: Path, step: int) -> Path:
    """Where an attempt keeps the picture of its samples."""
    return folder / f"samples-{step:08d}.png"


def evaluate(
    config: TrainConfig,
    network: DiffusionTransformer,
    data: DataSet,
    judge: Judge,
    picture: Path,
    tick: Callable[[], None],
    *,
    step: int,
) -> Evaluation:
    """Held-out loss, Fréchet distance, class accuracy and the extra metrics of `network`, and a picture of its first samples.

    The distance is called `fd_digits` on the digits and `fd_classifier` elsewhere: its features are the judge's, so it is no FID.
    Raises Diverged when the weights of `step` give values that are not finite.
    """
    tick()
    process = process_of(config.process)
    loss = held_out_loss(network, data.held_out, config.evaluation, process)
    if not math.isfinite(loss):
        raise Diverged(step, "held-out loss", loss)
    features: list[Tensor] = []
    right: list[Tensor] = []
    shown: list[Tensor] = []
    shape = (data.train.tokens.shape[1], data.train.tokens.shape[2])
    columns = min(GRID_COLUMNS, data.classes)
    drawn = generate(
        network, config.evaluation, shape=shape, dtype=data.train.tokens.dtype, tick=tick, channels=data.channels, process=process
    )
    for tokens, labels in drawn:
        if not tokens.isfinite().all():
            raise Diverged(step, "a generated sample", math.nan)
        seen, predicted = judge.look(tokens)
        features.append(seen)
        right.append((predicted == labels).double().cpu())
        if sum(len(part) for part in shown) < GRID_ROWS * columns:
            shown.append(unpatchify(tokens, config.backbone.patch, data.channels)[labels < columns].cpu())
    save_grid(torch.cat(shown)[: GRID_ROWS * columns], columns, picture)
    generated = torch.cat(features)
    extra, beside = _extra(config.evaluation, generated, data, judge)
    moments = Moments.of(generated.numpy())
    name = "fd_digits" if config.data.kind == "digits" else "fd_classifier"
    return Evaluation(
        metrics={
            HELD_OUT_NAMES[process.predicts]: loss,
            name: frechet_distance(judge.reference, moments),
            "class_accuracy": torch.cat(right).mean().item(),
        }
        | extra,
        details={
            "samples": config.evaluation.samples,
            "fd_floor": judge.floor,
            "fd_floor_n": judge.floor_n,
            "classifier_accuracy": judge.accuracy,
            "held_out_images": len(data.held_out),
        }
        | beside,
    )


def _extra(config: EvaluationConfig, generated: Tensor, data: DataSet, judge: Judge) -> tuple[dict[str, float], dict[str, Any]]:
    """The metrics asked for of features (n, 64), and what stands beside them.

    As many real images as samples, where there are as many: the training part is shuffled once for all, so its first are any.
    """
    found: dict[str, float] = {}
    beside: dict[str, Any] = {}
    if "class_score" in config.extra_metrics:
        found["class_score"] = class_score(judge.log_probabilities(generated))
    if config.by_neighbours:
        real, _ = judge.look(data.train.tokens[: config.samples])
        precision, recall = precision_and_recall(real, generated)
        found |= {name: value for name, value in (("precision", precision), ("recall", recall)) if name in config.extra_metrics}
        beside["neighbour_images"] = len(real)
    return found, beside
