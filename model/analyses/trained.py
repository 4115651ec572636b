"""One trial as analyses look at it: weights, data, and draws that are the same for every trial. N images, T tokens, P values of a patch."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from model.analyses.drawn_samples import Samples, draw_samples
from model.analyses.looks import Looks
from model.analyses.names import ANALYSES
from model.analysis_result import AnalysisArray, AnalysisResult
from model.backbone.checkpoints import load_network
from model.backbone.transformer import DiffusionTransformer
from model.config import Precision, TrainConfig
from model.data.dataset import DataSet, load
from model.data.examples import Examples
from model.data.images import DataFacts
from model.data.source import facts
from model.errors import CheckpointError
from model.evaluation.evaluation_classifier import EvaluationClassifier, load_or_train_classifier
from model.noise.process import Process, process_of
from model.training.step import DTYPES, autocast
from model.trial_files import state_files

IMAGES = 256
"""Held-out images that a grid of noise levels is shown for; a pass over them on two levels takes a nano network some hundredths of a
second."""


@dataclass
class Trained:
    """What an analysis may ask for; each thing is made when it is first asked for, and shared by the analyses of one call."""

    config: TrainConfig
    average: Path
    device: torch.device
    cache: Path
    averages: Mapping[int, Path] = field(default_factory=dict)
    others: Mapping[str, Path] = field(default_factory=dict)

    @property
    def precision(self) -> Precision:
        """That in which the trial would train on this device."""
        return self.config.resolved_precision(gpu=self.device.type == "cuda")

    def computing(self) -> AbstractContextManager[object]:
        """Where matrix products are done as in the trial's own evaluation."""
        return autocast(self.precision, self.device)

    @property
    def process(self) -> Process:
        return process_of(self.config.process)

    @cached_property
    def data(self) -> DataSet:
        """Raises DataError."""
        return load(self.config.data, self.config.backbone.patch, self.device, DTYPES[self.precision], self.cache)

    @cached_property
    def facts(self) -> DataFacts:
        """Of the data; where nothing else is asked for, the least that has to be read. Raises DataError."""
        return facts(self.config.data, self.cache)

    @property
    def tokens(self) -> int:
        """T."""
        return self.data.held_out.tokens.shape[1]

    @cached_property
    def network(self) -> DiffusionTransformer:
        """Of the moving average; raises CheckpointError."""
        return self.load(self.average)

    def load(self, path: Path) -> DiffusionTransformer:
        """The network of another file of the same backbone and data; raises CheckpointError."""
        data, backbone = self.data, self.config.backbone
        side = round(self.tokens**0.5) * backbone.patch
        network = load_network(
            path, "ours", backbone, channels=data.channels, resolution=side, classes=data.classes, outputs=self.process.outputs
        )
        if not all(parameter.isfinite().all() for parameter in network.parameters()):
            raise CheckpointError(f"{path} holds weights that are not finite; analyse an earlier moving average of this trial")
        return network.to(self.device, DTYPES[self.precision])

    @property
    def step(self) -> int | None:
        """Of the weights, as the name of their file says; None where it says none."""
        return next((file.step for file in state_files(self.average.parent) if file.path == self.average), None)

    @cached_property
    def classifier(self) -> EvaluationClassifier:
        """The small one that is trained on the data once for all trials."""
        return load_or_train_classifier(self.data, self.config.backbone.patch, self.cache)

    def held_out(self, most: int) -> Examples:
        """The first held-out images, at most so many: the data's split shuffled them once for all."""
        return self.data.held_out.fixed(most, "held_out")

    def known(self, most: int) -> Examples:
        """The first training images, at most so many."""
        return self.data.train.fixed(most, "judged_posterior")

    @cached_property
    def looks(self) -> Looks:
        """`IMAGES` held-out images with a partition and noise."""
        images = self.held_out(IMAGES)
        return Looks.of(self.config, self.network, images.tokens, images.labels)

    @cached_property
    def samples(self) -> Samples:
        """As the trial's evaluation draws them, but few; raises CheckpointError where they are not finite."""
        return draw_samples(self.network, self.config, self.data)

    def result(self, name: str, arrays: tuple[AnalysisArray, ...], details: Mapping[str, Any]) -> AnalysisResult:
        """With what stands beside the numbers of every analysis."""
        beside = {"step": self.step, "seed": self.config.evaluation.seed, "precision": self.precision, "device": self.device.type}
        return AnalysisResult(name, ANALYSES[name].version, arrays, {**details, **beside})

    def not_applicable(self, name: str, why: str) -> AnalysisResult:
        """A result without numbers."""
        return AnalysisResult(name, ANALYSES[name].version, (), {"not_applicable": why})
