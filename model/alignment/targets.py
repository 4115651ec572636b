"""Where the features come from that the student is aligned with: its own moving average, or a frozen encoder.

N images, T tokens, P values of a patch, R conditioning rows, F width of the features.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from model.alignment.teacher import teacher_noise_levels
from model.backbone.transformer import DiffusionTransformer
from model.config.alignment import TeacherConfig
from model.grouping import Grouping
from model.noise.process import Process


@dataclass(frozen=True)
class AlignmentBatch:
    """A batch, as much of it as a target may look at."""

    images: Tensor | None
    """(N,) places of the images in the training set; only tests, whose images come from nowhere, have none."""
    clean: Tensor
    """(N, T, P) in group order."""
    noise: Tensor
    """(N, T, P) in group order, the student's own."""
    t: Tensor
    """(N, R) noise levels of the student."""
    k: Tensor
    """(N, 1 or R) drawn interval."""
    labels: Tensor
    """(N,) true labels."""
    seen: Tensor
    """(N,) labels as the student saw them, some of them null."""
    grouping: Grouping
    """Layout of a teacher's pass: the student's token order."""
    process: Process
    """From data to noise."""
    empty: Tensor | None = None
    """(N, R) groups that own no token of their image; None where all own some."""


class OutsideGraphs(ABC):
    """A target whose features come from a file, which no compiled graph can read."""

    @abstractmethod
    def features(self, batch: AlignmentBatch) -> Tensor:
        """As `Target`'s."""

    def stay_outside_graphs(self) -> None:
        """Has the compiler break its graph here. Not a decorator, which would load the compiler at every start."""
        self.features = torch.compiler.disable(self.features)  # type: ignore[method-assign]


class Target(Protocol):
    """A source of features without gradient, in the token order of the batch."""

    def features(self, batch: AlignmentBatch) -> Tensor:
        """(N, T, F)."""


@dataclass(frozen=True)
class AverageTarget:
    """Self alignment: the moving average's features of a cleaner image (2505.02831, 2603.06507)."""

    average: DiffusionTransformer
    config: TeacherConfig

    def features(self, batch: AlignmentBatch) -> Tensor:
        t = teacher_noise_levels(self.config, batch.t, batch.k, batch.empty)
        cleaner = batch.process.add_noise(batch.clean, batch.noise, batch.grouping.spread(t.unsqueeze(-1)))
        known = batch.seen if self.config.labels == "dropped" else batch.labels
        return self.average.features(cleaner, t, known, batch.grouping, after=self.config.layer)


@dataclass(frozen=True)
class EncodedImages:
    """External alignment: a frozen encoder's features of the clean images (2410.06940).

    Nothing augments the images, so each has been encoded once, before the first step.
    """

    encoded: Tensor
    """(n, T, F) of the whole training set, in image order."""
    downloaded: str = ""
    """Name and content of weights that no config names; '' where there are none."""

    def features(self, batch: AlignmentBatch) -> Tensor:
        assert batch.images is not None, "features are kept by an image's place in the training set"
        return batch.grouping.sort(self.encoded.index_select(0, batch.images))
