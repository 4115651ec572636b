"""The samples of an evaluation, and what is measured of each. n samples, F features, K classes.

Block by block, so that processes can share them and a stopped evaluation goes on.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from model.autoencoder import LatentDecoder
from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.config.evaluation import EvaluationConfig
from model.data.dataset import DataSet
from model.errors import Diverged
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.extractors import BLOCK
from model.evaluation.own_classifier import OwnClassifier
from model.evaluation.own_metrics import OwnMetrics
from model.evaluation.reference import Reference
from model.noise.process import Process, process_of
from model.patches import unpatchify
from model.sampling.generate import block_count, block_start, generate

GRID_COLUMNS, GRID_ROWS = 10, 8

Measured = Mapping[str, Tensor]
"""By name, on the CPU:

    classifier  (n, 64) float32: features in the classifier that was trained on the data, where there is one
    extractor   (n, F) float32: features in the extractor, where there is one
    logits      (n, 1008) float32: of FID's Inception
    spatial     (n, 2023) float32: its spatial features, for sfid
    own_logits  (n, K) float32: logits in the user's own classifier
    right       (n,) bool: whether the predicted class is the wanted one, where something predicts it
    shown       (m, C, S, S) float32, and shown_labels (m,): those that the picture shows
    labels      (n,) int64, and own_metric_NAME (n, ...): what a metric of the user's own keeps; where there are such
"""

MakeBlock = Callable[[int], Measured]
"""Block b of the samples, drawn and measured."""
T = TypeVar("T")


class Blocks(Protocol):
    """Who makes the blocks of an evaluation's samples, and keeps them."""

    def __call__(self, drawn_as: str, count: int, make: MakeBlock) -> Sequence[Measured] | None:
        """So many blocks of samples that go by this name, in order; None in a process that only takes part."""

    def agreed(self, value: T) -> T:
        """What the process that has all samples says; every process asks."""


class Alone:
    """One process makes all of them, in order."""

    def __call__(self, drawn_as: str, count: int, make: MakeBlock) -> Sequence[Measured]:
        return [make(number) for number in range(count)]

    def agreed(self, value: T) -> T:
        return value


alone: Blocks = Alone()


@dataclass(frozen=True)
class Sampling:
    """What is drawn from a network."""

    evaluation: EvaluationConfig
    process: Process
    patch: int
    channels: int
    classes: int
    tokens: int
    """Of an image."""
    dtype: torch.dtype
    """Of the samples."""
    step: int
    """Optimizer steps that its weights are of, for words."""
    drawn_as: str = ""
    """What tells its samples from others of the same generation seed."""

    @classmethod
    def of(cls, config: TrainConfig, data: DataSet, step: int, drawn_as: str = "") -> "Sampling":
        """What an evaluation of a trial draws."""
        tokens, patch = data.reference_images.tokens, config.backbone.patch
        process, of_data = process_of(config.process), (data.channels, data.classes, tokens.shape[1], tokens.dtype)
        return cls(config.evaluation, process, patch, *of_data, step, drawn_as)


@dataclass
class Stopwatch:
    """How long it took to decode samples and to show them to networks, in this process."""

    seconds: float = 0.0
    samples: int = 0

    @property
    def seconds_per_sample(self) -> float | None:
        """None before there was any."""
        return self.seconds / self.samples if self.samples else None


@dataclass(frozen=True)
class Instruments:
    """What samples are measured with."""

    classifier: EvaluationClassifier | None
    """None where nothing was trained on the data."""
    reference: Reference
    own: OwnClassifier | None = None
    """Says of which class a sample is; None leaves it to the evaluation classifier."""
    decoder: LatentDecoder | None = None
    """Makes pictures of samples that are latents, for all but the evaluation classifier, which is of latents."""
    own_metrics: OwnMetrics = field(default_factory=OwnMetrics)
    """The user's."""
    looking: Stopwatch = field(default_factory=Stopwatch)
    """Runs while samples are decoded and looked at."""


def measured_samples(
    network: DiffusionTransformer, sampling: Sampling, instruments: Instruments, tick: Callable[[], None], blocks: Blocks = alone
) -> Measured | None:
    """What `Measured` says of all `sampling.evaluation.samples`; None where another process has them.

    `tick` is called at every network call. Raises Diverged when the weights give values that are not finite.
    """

    def make(number: int) -> Measured:
        return _block(number, network, sampling, instruments, tick)

    parts = blocks(f"{sampling.evaluation.seed}{sampling.drawn_as}", block_count(sampling.evaluation.samples), make)
    if parts is None:
        return None
    # Blocks of which nothing is shown are not decoded where nothing else needs it, so their empty part has the shape of latents.
    return {name: instruments.own_metrics.joined(name, [block[name] for block in parts if len(block[name])]) for name in parts[0]}


@torch.no_grad()
def _block(number: int, network: DiffusionTransformer, sampling: Sampling, instruments: Instruments, tick: Callable[[], None]) -> Measured:
    classifier, reference, own, decoder = instruments.classifier, instruments.reference, instruments.own, instruments.decoder
    ((tokens, labels),) = generate(
        network,
        sampling.evaluation,
        shape=(sampling.tokens, sampling.channels * sampling.patch**2),
        dtype=sampling.dtype,
        tick=tick,
        channels=sampling.channels,
        process=sampling.process,
        blocks=[number],
    )
    if not tokens.isfinite().all():  # waits until all of them are drawn, so that the time from here on is of what looks at them
        raise Diverged(sampling.step, "a generated sample", math.nan)
    began = time.perf_counter()
    measured, predicted = {}, None
    if classifier is not None:
        measured["classifier"], predicted = classifier.classify(tokens)
    shown = _shown(sampling, number, labels)
    images = unpatchify(tokens.float(), sampling.patch, sampling.channels)
    looked_at = reference.extractor is not None or own is not None or instruments.own_metrics.measure_images
    if decoder is not None and (shown.any() or looked_at):
        images = decoder(images, tick)
    if reference.extractor is not None:
        logits: Tensor | None
        if reference.spatial is not None:
            measured["extractor"], logits, measured["spatial"] = reference.extractor.extract_with_spatial(images.split(BLOCK), tick)
        else:
            measured["extractor"], logits = reference.extractor.extract(images.split(BLOCK), tick)
        measured |= {} if logits is None else {"logits": logits}
    if own is not None:
        measured["own_logits"] = own.logits_at(images.split(BLOCK), tick)
        predicted = measured["own_logits"].argmax(dim=1).to(labels.device)
    measured = {name: values.float().cpu() for name, values in measured.items()}  # networks compute in float32, so nothing is lost
    measured |= {} if predicted is None else {"right": (predicted == labels).cpu()}
    measured |= instruments.own_metrics.measure(images, labels)
    instruments.looking.seconds += time.perf_counter() - began
    instruments.looking.samples += len(tokens)
    return measured | {"shown": images[shown].cpu(), "shown_labels": labels[shown].cpu()}


def _shown(sampling: Sampling, number: int, labels: Tensor) -> Tensor:
    """Which samples of a block are in the picture (n,): the first ones of the classes that have a column."""
    classes, first = sampling.classes, block_start(number)
    columns = min(GRID_COLUMNS, classes)
    if sampling.evaluation.labels == "balanced":  # sample i is of class i modulo their number
        turns, more = divmod(first, classes)
        before, has_a_place = turns * columns + min(more, columns), labels < columns
    else:
        before, has_a_place = first, torch.ones_like(labels, dtype=torch.bool)
    return has_a_place & (before + has_a_place.cumsum(0) <= GRID_ROWS * columns)
