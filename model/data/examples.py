"""Images as tokens, and which of them a step sees. n images, T tokens, P values of a patch."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from model.randomness import BatchStreams, stream
from model.transfer import moved


class TrainingImages(Protocol):
    """What is trained on: anything that knows the images of a step."""

    @property
    def labels(self) -> Tensor:
        """(n,), on the device."""

    def __len__(self) -> int: ...

    def batch(self, streams: BatchStreams) -> tuple[Tensor, Tensor, Tensor]:
        """Places among the training images (m,), tokens (m, T, P) and labels (m,) of the step and images that `streams` are for."""

    def fixed(self, most: int, purpose: str) -> "Examples":
        """The first images, at most so many; what of them is drawn is drawn once for all, by the stream `purpose`."""


@dataclass(frozen=True)
class Examples:
    """Clean images as tokens (n, T, P) with labels (n,), held on a device."""

    tokens: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and labels at `indices`."""
        return self.tokens.index_select(0, indices), self.labels.index_select(0, indices)

    def fixed(self, most: int, purpose: str) -> "Examples":
        """See `TrainingImages`."""
        return Examples(self.tokens[:most], self.labels[:most])

    def repeated(self, n: int) -> "Examples":
        """So many: all of them, again and again."""
        return Examples(*self.take(torch.arange(n, device=self.labels.device) % len(self)))

    def batch(self, streams: BatchStreams) -> tuple[Tensor, Tensor, Tensor]:
        """See `TrainingImages`."""
        places = moved(batch_places(streams, len(self)), self.labels.device)
        return places, *self.take(places)


def batch_places(streams: BatchStreams, images: int) -> Tensor:
    """Which of so many training images the step sees: those of `streams` among the whole batch's."""
    return batch_indices(streams.seed, streams.step, streams.batch_size, images)[streams.images]


def batch_indices(seed: int, step: int, batch_size: int, images: int) -> Tensor:
    """Which training images step `step` (from 0) sees: image s of all ever seen is place s of a shuffle per epoch, without gaps."""
    first = step * batch_size
    seen = torch.arange(first, first + batch_size)
    epochs = torch.div(seen, images, rounding_mode="floor")
    parts = [_shuffle(seed, epoch, images)[seen[epochs == epoch] % images] for epoch in range(first // images, int(epochs[-1]) + 1)]
    return torch.cat(parts)


@lru_cache(maxsize=4)
def _shuffle(seed: int, epoch: int, images: int) -> Tensor:
    return stream(seed, "data", epoch).permutation(images)
