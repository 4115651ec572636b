"""The data set of a trial, resident on its device as tokens, and which images a step sees."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from model.config import DataConfig
from model.config.backbone import tokens_per_image
from model.data.images import held_out_count
from model.data.source import held_out_fraction, read
from model.patches import patchify
from model.randomness import stream

SPLIT_SEED = 0


@dataclass(frozen=True)
class Examples:
    """Clean images as tokens (n, T, P) with labels (n,)."""

    tokens: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and labels at `indices`."""
        return self.tokens.index_select(0, indices), self.labels.index_select(0, indices)


@dataclass(frozen=True)
class DataSet:
    """The fixed split of a data set; the same for every trial and seed."""

    train: Examples
    held_out: Examples
    channels: int
    classes: int
    content_hash: str


def load(config: DataConfig, patch: int, device: torch.device, dtype: torch.dtype) -> DataSet:
    """Reads, splits and moves the data set; raises DataError, and ConfigError when the patch does not divide its images."""
    found = read(config)
    n = len(found.images)
    tokens_per_image(found.images.shape[-1], patch)
    held_out = held_out_count(n, held_out_fraction(config), str(getattr(config, "path", config.kind)))
    shuffled = torch.randperm(n, generator=stream(SPLIT_SEED, "held_out"))
    tokens, labels = patchify(torch.from_numpy(found.images), patch).to(dtype), torch.from_numpy(found.labels)
    parts = [Examples(tokens[part].to(device), labels[part].to(device)) for part in (shuffled[held_out:], shuffled[:held_out])]
    return DataSet(parts[0], parts[1], found.images.shape[1], found.classes, found.content_hash)


def batch_indices(seed: int, step: int, batch_size: int, images: int) -> Tensor:
    """Which training images step `step` (from 0) sees: image s of all ever seen is place s of a shuffle per epoch, without gaps."""
    first = step * batch_size
    seen = torch.arange(first, first + batch_size)
    epochs = torch.div(seen, images, rounding_mode="floor")
    parts = [_shuffle(seed, epoch, images)[seen[epochs == epoch] % images] for epoch in range(first // images, int(epochs[-1]) + 1)]
    return torch.cat(parts)


@lru_cache(maxsize=4)
def _shuffle(seed: int, epoch: int, images: int) -> Tensor:
    return torch.randperm(images, generator=stream(seed, "data", epoch))
