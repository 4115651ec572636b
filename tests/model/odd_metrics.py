"""Metrics of a user's own that see everything, and others that go wrong."""

import torch
from torch import Tensor

from model.evaluation.own_metrics import Evaluated, Metric

SEEN: list[Evaluated] = []
"""What `SeesAll` was shown."""
ROWS = torch.arange(40.0).view(20, 2)


class SeesAll(Metric):
    """Keeps every image whole."""

    def measure(self, images: Tensor, labels: Tensor) -> Tensor:
        assert not torch.is_autocast_enabled(images.device.type)
        return images

    def value(self, evaluated: Evaluated) -> float:
        SEEN.append(evaluated)
        return float(evaluated.seed)


class FeaturesAlone(Metric):
    """Distance of mean features."""

    def value(self, evaluated: Evaluated) -> float:
        return (evaluated.samples.features.mean(dim=0) - evaluated.reference.features.mean(dim=0)).norm().item()


class NoMetric:
    """Does not say that it is one."""


class NoValue(Metric):
    """Forgets its number."""


class Raises(FeaturesAlone):
    def value(self, evaluated: Evaluated) -> float:
        raise KeyError("no such\nkey")


class InPlace(Metric):
    """Overwrites whatever it is given."""

    def measure(self, images: Tensor, labels: Tensor) -> Tensor:
        labels.zero_()
        return images.zero_()

    def value(self, evaluated: Evaluated) -> float:
        for images in (evaluated.samples, evaluated.reference, evaluated.held_out):
            for tensor in (images.labels, images.features, images.measured):
                tensor.fill_(7)
        return 1.0


class TooLarge(FeaturesAlone):
    """Asks for more than there is."""

    def value(self, evaluated: Evaluated) -> float:
        return torch.empty(2**60, dtype=torch.uint8).sum().item()


class NotFinite(FeaturesAlone):
    def value(self, evaluated: Evaluated) -> float:
        return float("nan")


class Text(FeaturesAlone):
    def value(self, evaluated: Evaluated) -> float:
        return "0.5"  # type: ignore[return-value]


class Negative(FeaturesAlone):
    def value(self, evaluated: Evaluated) -> float:
        return -0.5


class Complex(FeaturesAlone):
    def measure(self, images: Tensor, labels: Tensor) -> Tensor:
        return torch.fft.fft(images)


class Sparse(FeaturesAlone):
    def measure(self, images: Tensor, labels: Tensor) -> Tensor:
        return images.to_sparse()


class SameMemory(FeaturesAlone):
    def measure(self, images: Tensor, labels: Tensor) -> Tensor:
        return ROWS[: len(images)]


class ByBlock(Metric):
    """Rows as long as their block."""

    def measure(self, images: Tensor, labels: Tensor) -> Tensor:
        return images.new_zeros(len(images), len(images))

    def value(self, evaluated: Evaluated) -> float:
        return float(len(evaluated.held_out.measured))


class OneRow(FeaturesAlone):
    def measure(self, images: Tensor, labels: Tensor) -> Tensor:
        return images[:1]
