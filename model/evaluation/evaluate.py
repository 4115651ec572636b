"""Every metric of a network's weights, at one step."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from model.autoencoder import LatentDecoder
from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.config.evaluation import EvaluationConfig
from model.data.dataset import DataSet
from model.errors import Diverged
from model.evaluation.best_guidance import CHOSEN, Choice, choose_guidance, narrowed
from model.evaluation.class_metrics import class_metrics
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.grid import save_grid
from model.evaluation.held_out import GAP_NAMES, HELD_OUT_NAMES, held_out_losses, overfitting_gap
from model.evaluation.measured_samples import GRID_COLUMNS, Blocks, Instruments, Sampling, Stopwatch, alone, measured_samples
from model.evaluation.own_classifier import OwnClassifier
from model.evaluation.own_metrics import OwnMetrics
from model.evaluation.reference import Reference
from model.evaluation.sample_metrics import sample_metrics, save_picture
from model.noise.process import process_of
from model.patches import unpatchify
from model.sampling.generate import generate

DRAWN_ROWS = 3
"""Of a picture on the way: few, since each costs as much as some steps of training."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, and what a number needs beside it."""

    metrics: dict[str, float]
    details: dict[str, Any]
    by_level: Mapping[str, float]
    """The held-out loss at each noise level: points of curves."""


@torch.no_grad()
def draw(
    config: TrainConfig,
    network: DiffusionTransformer,
    data: DataSet,
    picture: Path,
    tick: Callable[[], None],
    decoder: LatentDecoder | None = None,
) -> None:
    """A picture of the first samples alone: those that an evaluation of the same weights would show in its first rows."""
    columns = min(GRID_COLUMNS, data.classes)
    few = config.evaluation.model_copy(update={"samples": DRAWN_ROWS * columns, "labels": "balanced"})
    drawn = generate(
        network,
        few,
        shape=(data.reference_images.tokens.shape[1], data.reference_images.tokens.shape[2]),
        dtype=data.reference_images.tokens.dtype,
        tick=tick,
        channels=data.channels,
        process=process_of(config.process),
        classes=range(columns) if columns < data.classes else (),
    )
    images = [unpatchify(tokens, config.backbone.patch, data.channels) for tokens, _ in drawn]
    save_grid(torch.cat([(part if decoder is None else decoder(part, tick)).cpu() for part in images]), columns, picture, data.class_names)


def evaluate(
    config: TrainConfig,
    network: DiffusionTransformer,
    data: DataSet,
    classifier: EvaluationClassifier,
    picture: Path,
    tick: Callable[[], None],
    *,
    step: int,
    reference: Reference,
    own: OwnClassifier | None = None,
    decoder: LatentDecoder | None = None,
    own_metrics: OwnMetrics | None = None,
    blocks: Blocks = alone,
    looking: Stopwatch | None = None,
) -> Evaluation:
    """Every metric as the mean over the generation seeds; the values of each stand in `details`, and the picture is of the first.

    `blocks` shares the samples with processes that call `take_part`, and keeps them; `looking` runs while samples are decoded and looked
    at here. Raises Diverged when the weights of `step` give
    values that are not finite.
    """
    instruments = Instruments(classifier, reference, own, decoder, own_metrics or OwnMetrics(), looking or Stopwatch())
    choice = _choice(config, network, data, instruments, tick, step, blocks)
    config = config.model_copy(update={"evaluation": choice.evaluation})
    by_seed: dict[int, Evaluation] = {}
    for asked in _by_generation_seed(config):
        shown, seed = picture if not by_seed else picture.with_stem(f"{picture.stem}-seed{asked.evaluation.seed}"), asked.evaluation.seed
        by_seed[seed] = _with_one_seed(asked, network, data, instruments, shown, tick, step, blocks, choice)
    first = next(iter(by_seed.values()))
    if len(by_seed) == 1:
        return first
    values = {name: {str(seed): one.metrics[name] for seed, one in by_seed.items()} for name in first.metrics}
    means = {name: math.fsum(of.values()) / len(of) for name, of in values.items()}
    levels = {name: math.fsum(one.by_level[name] for one in by_seed.values()) / len(by_seed) for name in first.by_level}
    return Evaluation(means, first.details | {"by_generation_seed": values}, levels)


def take_part(
    config: TrainConfig,
    network: DiffusionTransformer,
    data: DataSet,
    instruments: Instruments,
    tick: Callable[[], None],
    *,
    step: int,
    blocks: Blocks,
) -> None:
    """Draws and measures this process's share of the samples, while the first process calls `evaluate`."""
    choice = _choice(config, network, data, instruments, tick, step, blocks)
    for asked in _by_generation_seed(config.model_copy(update={"evaluation": choice.evaluation})):
        measured_samples(network, Sampling.of(asked, data, step, choice.drawn_as), instruments, tick, blocks)


def _choice(
    config: TrainConfig,
    network: DiffusionTransformer,
    data: DataSet,
    instruments: Instruments,
    tick: Callable[[], None],
    step: int,
    blocks: Blocks,
) -> Choice:
    """The guidance that the samples are drawn with, which all processes of the trial choose together."""
    distance, device = config.feature_metrics[0], data.reference_images.tokens.device
    by = config.evaluation.guidance.by or distance
    needed = narrowed(config.evaluation, by, distance, instruments.reference)
    chooses = instruments.own_metrics.only(by)

    def measure(asked: EvaluationConfig, drawn_as: str) -> float | None:
        tried = config.model_copy(update={"evaluation": asked})
        with_them = replace(instruments, reference=needed.reference, own_metrics=chooses)
        samples = measured_samples(network, Sampling.of(tried, data, step, drawn_as), with_them, tick, blocks)
        if samples is None:
            return None
        asked = asked.model_copy(update={"extra_metrics": needed.extra_metrics})
        metrics, _ = sample_metrics(asked, config.feature_metrics, needed.reference, samples, device, tick)
        assert instruments.classifier is not None
        metrics |= class_metrics(samples, instruments.classifier, instruments.own, needed.extra_metrics)
        return (metrics | chooses.values(samples, asked.seed, device, tick))[by]

    return choose_guidance(config.evaluation, distance, measure, blocks, step)


def _by_generation_seed(config: TrainConfig) -> list[TrainConfig]:
    evaluation = config.evaluation
    one = (evaluation.model_copy(update={"seed": seed, "more_seeds": ()}) for seed in evaluation.generation_seeds)
    return [config.model_copy(update={"evaluation": asked}) for asked in one]


def _with_one_seed(
    config: TrainConfig,
    network: DiffusionTransformer,
    data: DataSet,
    instruments: Instruments,
    picture: Path,
    tick: Callable[[], None],
    step: int,
    blocks: Blocks,
    choice: Choice,
) -> Evaluation:
    """Held-out loss, Fréchet distance, class accuracy and the extra metrics of `network`, and a picture of its first samples.

    Fréchet distance, precision and recall are in the features of the reference; the distance is named by its features.
    """
    tick()
    classifier, reference, own = instruments.classifier, instruments.reference, instruments.own
    assert classifier is not None
    process = process_of(config.process)
    held_out = held_out_losses(network, data.held_out, config.evaluation, process, tick)
    loss = held_out.loss
    if not math.isfinite(loss):
        raise Diverged(step, "held-out loss", loss)
    samples = measured_samples(network, Sampling.of(config, data, step, choice.drawn_as), instruments, tick, blocks)
    assert samples is not None, "the process that evaluates has all samples"
    save_picture(samples, config.evaluation, picture, data.classes, data.class_names)
    tick()
    device = data.reference_images.tokens.device
    metrics, details = sample_metrics(config.evaluation, config.feature_metrics, reference, samples, device, tick)
    metrics |= {HELD_OUT_NAMES[process.predicts]: loss}
    metrics |= class_metrics(samples, classifier, own, config.evaluation.extra_metrics)
    metrics |= instruments.own_metrics.values(samples, config.evaluation.seed, device, tick)
    if choice.details is not None:
        metrics[CHOSEN], details["guidance"] = choice.details["chosen"], choice.details
    details |= {
        "fd_floor": reference.floor,
        "fd_floor_n": reference.floor_n,
        "classifier_accuracy": classifier.accuracy if own is None else own.accuracy,
        "held_out_images": len(data.held_out),
        "training_images": len(data.train),
        "passes": config.passes(step, len(data.train)),
    }
    if "overfitting_gap" in config.evaluation.extra_metrics:
        tick()
        metrics[GAP_NAMES[process.predicts]] = overfitting_gap(network, data, loss, config.evaluation, process, tick)
        details["gap_images"] = min(len(data.train), len(data.held_out))
    return Evaluation(metrics, details, held_out.by_level)
