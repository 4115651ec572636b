"""Metrics of the user's own: a class in their own module, named in `evaluation.own_metrics`, measured beside ours.

Samples are drawn block by block, by several processes where a trial has them, and are not kept. So a metric has two parts: `measure`, of a
block of images, whose answer is kept for each image; and `value`, of all of them together. n images, C channels, S side, F features.
"""

import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from typing import Literal, TypeVar

import torch
from torch import Tensor

from model.config import TrainConfig
from model.config.evaluation import EvaluationConfig
from model.config.own_metric import PLACE, OwnMetric, hash_of
from model.data.dataset import DataSet
from model.data.examples import Examples
from model.data.pictures import RealImages, TokenImages
from model.errors import DataError, MetricError, ModelError, is_out_of_memory
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.extractors import BLOCK, FeatureExtractor
from model.evaluation.reference import real_pictures
from model.user_class import load_class

T = TypeVar("T")
LABELS = "labels"
"""Of samples, among what is kept of them."""


class ImageSet:
    """Some images as a metric sees them, on the CPU. What is not asked for is not computed."""

    def __init__(self, labels: Tensor, features: Callable[[], Tensor], measured: Callable[[], Tensor]) -> None:
        self.labels = labels
        """(n,) int64: the class of each."""
        self._features, self._measured = features, measured

    @cached_property
    def features(self) -> Tensor:
        """(n, F) float64: of `evaluation.extractor`, in which the Fréchet distance is."""
        return self._features()

    @cached_property
    def measured(self) -> Tensor:
        """(n, ...): what `Metric.measure` gave for each."""
        return self._measured()

    def copy(self) -> "ImageSet":
        """The same for one call of a metric: what that changes in place is its own."""
        return ImageSet(self.labels.clone(), lambda: self.features.clone(), lambda: self.measured.clone())

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation has, of one generation seed."""

    samples: ImageSet
    """The generated images, `evaluation.samples` of them."""
    reference: ImageSet
    """The first training images: as many as samples, where there are as many."""
    held_out: ImageSet
    """The data's held-out images."""
    seed: int
    """The generation seed: where a metric draws random numbers, it draws them by this one."""
    tick: Callable[[], None]
    """Says that the trial is alive: to be called every few seconds in whatever takes longer."""


class Metric(ABC):
    """A number of samples. Made without arguments, and without state: what is kept of blocks may come from other processes.

    Both methods are called without gradients and without autocast, with tensors of their own: what they change in place nobody else sees.
    """

    def measure(self, images: Tensor, labels: Tensor) -> Tensor:
        """What is kept of each image; without it a metric sees features and labels alone.

        Args:
            images: (m, C, S, S) float32 on the trial's device: a block of samples or of real images, in [-1, 1] where they are pictures.
                Of data of latents they are pictures with `evaluation.autoencoder`, else latents.
            labels: (m,) int64 on the same device.

        Returns:
            (m, ...), a row for each image, of real numbers and of one shape in all blocks, on any device. It is kept until the evaluation
            ends: an image whole where you return `images`.
        """
        return images.new_empty(len(images), 0)

    @abstractmethod
    def value(self, evaluated: Evaluated) -> float:
        """The number: finite, the same for the same images."""


@dataclass(frozen=True)
class LoadedMetric:
    """A metric of the config, with the object of the user's class."""

    config: OwnMetric
    metric: Metric

    @property
    def place(self) -> str:
        return f"{PLACE}: {self.config.name} ({self.config.kind})"

    @property
    def key(self) -> str:
        """Of what it measured of samples, among everything that is kept of them."""
        return f"own_metric_{self.config.name}"

    @property
    def measures(self) -> bool:
        """Whether it keeps something of each image."""
        return type(self.metric).measure is not Metric.measure

    @torch.no_grad()
    def measure(self, images: Tensor, labels: Tensor) -> Tensor:
        """What it says of each image (m, ...), on the CPU. Raises MetricError where that is no row for each."""
        with torch.autocast(images.device.type, enabled=False):
            rows = self._called("measure", lambda: self.metric.measure(images.float().clone(), labels.clone()))
        if not isinstance(rows, Tensor) or rows.shape[:1] != images.shape[:1]:
            given = f"a tensor of shape {tuple(rows.shape)}" if isinstance(rows, Tensor) else type(rows).__name__
            raise MetricError(f"{self.place}: measure gave {given} for {len(images)} images; return a tensor with a row for each")
        if rows.is_complex() or rows.layout != torch.strided:
            given = str(rows.dtype if rows.is_complex() else rows.layout).removeprefix("torch.")
            raise MetricError(f"{self.place}: measure gave a tensor that is {given}, which is not kept; return a dense one of real numbers")
        return rows.detach().to("cpu", copy=True).contiguous()  # a copy: files of blocks take no two names for the same memory

    def joined(self, rows: Sequence[Tensor]) -> Tensor:
        """What it said of all images, of blocks of them. Raises MetricError where rows of blocks do not fit each other."""
        one, *others = dict.fromkeys(tuple(block.shape[1:]) for block in rows)
        if others:
            raise MetricError(f"{self.place}: measure gave rows of shape {one} in one block and {others[0]} in another; return one shape")
        return torch.cat(list(rows))

    @torch.no_grad()
    def value(self, evaluated: Evaluated, device: torch.device) -> float:
        """Its number. Raises MetricError where it is none."""
        with torch.autocast(device.type, enabled=False):
            number = self._called("value", lambda: self.metric.value(evaluated))
        if isinstance(number, Tensor) and number.numel() == 1:
            number = number.item()
        if not isinstance(number, numbers.Real) or isinstance(number, bool):
            raise MetricError(f"{self.place}: value gave {type(number).__name__} and no number; return a float")
        if not math.isfinite(number):
            raise MetricError(f"{self.place}: value gave {float(number)}; return a finite number")
        if self.config.positive and number <= 0:
            raise MetricError(f"{self.place}: value gave {float(number):g}, and positive is true; return a number above 0, or leave it out")
        return float(number)

    def _called(self, method: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except ModelError:
            raise
        except Exception as error:  # whatever a user's class raises
            if is_out_of_memory(error):  # which has a remedy of its own
                raise
            words = " ".join(str(error).split())
            raise MetricError(f"{self.place}: {method} raised {type(error).__name__}: {words}; fix {self.config.kind}") from error


def load_metrics(config: EvaluationConfig) -> tuple[LoadedMetric, ...]:
    """The metrics of the config.

    Raises:
        ConfigError: There is no such class, or it is no `Metric`.
        DataError: The file of a class, or a module beside it that it imports, was replaced since the trial was planned.
    """
    return tuple(map(_loaded, config.own_metrics))


def _loaded(asked: OwnMetric) -> LoadedMetric:
    metric = load_class(PLACE, asked.kind, Metric)
    if (content := hash_of(asked.kind)) != asked.source_hash:
        raise DataError(
            f"the file of {PLACE} {asked.kind}, or of what it imports, was replaced after this trial was planned: its content is"
            f" {content[:16]}, not {asked.source_hash[:16]}; put the old content back, or run the same command again, which plans with the"
            " new"
        )
    return LoadedMetric(asked, metric)


@dataclass(frozen=True)
class OwnMetrics:
    """Those of a trial, with the real images that they see."""

    loaded: tuple[LoadedMetric, ...] = ()
    real: Mapping[str, tuple[ImageSet, ...]] = field(default_factory=dict)
    """Name of a metric -> reference images and held-out images."""
    pictures: bool = True
    """Samples are shown as pictures, with values in [-1, 1]; else as latents."""

    def only(self, name: str) -> "OwnMetrics":
        """The one of that name alone, or none: samples that choose a guidance scale are measured in nothing else."""
        return replace(self, loaded=tuple(loaded for loaded in self.loaded if loaded.config.name == name))

    @property
    def measure_images(self) -> bool:
        """Whether some metric is shown each image."""
        return any(loaded.measures for loaded in self.loaded)

    def measure(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """What is kept of a block of samples (m, C, S, S) and labels (m,): by name, on the CPU."""
        images = images.clamp(-1, 1) if self.pictures else images
        rows = {loaded.key: loaded.measure(images, labels) for loaded in self.loaded if loaded.measures}
        return rows | ({LABELS: labels.cpu()} if self.loaded else {})

    def joined(self, name: str, blocks: Sequence[Tensor]) -> Tensor:
        """What is kept of all samples by that name, a user's or not. Raises MetricError where a user's blocks do not fit each other."""
        loaded = next((loaded for loaded in self.loaded if loaded.key == name), None)
        return torch.cat(list(blocks)) if loaded is None else loaded.joined(blocks)

    def values(self, samples: Mapping[str, Tensor], seed: int, device: torch.device, tick: Callable[[], None]) -> dict[str, float]:
        """Each metric by name, of what was kept of all samples of a generation seed."""
        values: dict[str, float] = {}
        for loaded in self.loaded:
            tick()
            reference, held_out = self.real[loaded.config.name]
            evaluated = Evaluated(_as_seen_by(loaded, samples), reference.copy(), held_out.copy(), seed, tick)
            values[loaded.config.name] = loaded.value(evaluated, device)
        return values


def _as_seen_by(loaded: LoadedMetric, samples: Mapping[str, Tensor]) -> ImageSet:
    features = samples["extractor" if "extractor" in samples else "classifier"]
    rows = samples.get(loaded.key, torch.empty(len(features), 0))
    return ImageSet(samples[LABELS].clone(), features.double, lambda: rows)  # rows are of this metric alone, and features in float32


def with_real_images(
    metrics: tuple[LoadedMetric, ...],
    config: TrainConfig,
    data: DataSet,
    classifier: EvaluationClassifier,
    extractor: FeatureExtractor | None,
    tick: Callable[[], None],
) -> OwnMetrics:
    """The metrics with the first training images, as many as samples, and all held-out ones, in the form that samples have.

    What a metric asks of these is computed once for all evaluations of an attempt; `tick` is called before every block of them.
    """
    pictures = data.bounded or config.evaluation.autoencoder is not None
    patch, count = config.backbone.patch, min(config.evaluation.samples, len(data.reference_images))
    parts = (
        _Part(data.reference_images, count, "reference_images"),
        _Part(data.held_out, len(data.held_out), "held_out"),
    )

    def features_of(part: _Part) -> Tensor:
        if extractor is None:
            return classifier.classify(part.examples.tokens[: part.count])[0].double().cpu()
        return extractor.extract(part.pictures(data, patch).blocks(BLOCK, part.count), tick)[0]

    def measured_of(part: _Part, loaded: LoadedMetric) -> Tensor:
        images = part.pictures(data, patch) if pictures else TokenImages(part.examples.tokens, patch, data.channels)
        rows = []
        for block, labels in zip(images.blocks(BLOCK, part.count), part.labels.split(BLOCK), strict=True):
            tick()
            rows.append(loaded.measure(block, labels))
        return loaded.joined(rows)

    features = [cache(partial(features_of, part)) for part in parts]  # those of all metrics
    real = {
        loaded.config.name: tuple(
            ImageSet(part.labels.cpu(), of_all, partial(measured_of, part, loaded)) for part, of_all in zip(parts, features, strict=True)
        )
        for loaded in metrics
    }
    return OwnMetrics(metrics, real, pictures)


@dataclass(frozen=True)
class _Part:
    """Some real images of a data set: the first `count` of those that are held as tokens."""

    examples: Examples
    count: int
    name: Literal["reference_images", "held_out"]

    @property
    def labels(self) -> Tensor:
        return self.examples.labels[: self.count]

    def pictures(self, data: DataSet, patch: int) -> RealImages:
        """The same images as an extractor sees them."""
        known = real_pictures(data, patch)
        return known.held_out if self.name == "held_out" else known.reference_images
