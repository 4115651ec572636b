"""Labelled images and what names them: their content."""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.errors import DataError

MINIMUM_IMAGES = 10


@dataclass(frozen=True)
class LabelledImages:
    """A whole data set in memory."""

    images: npt.NDArray[np.float32]
    """(N, C, S, S) in [-1, 1]."""
    labels: npt.NDArray[np.int64]
    """(N,) in 0 ... classes - 1."""
    classes: int
    content_hash: str


@dataclass(frozen=True)
class DataFacts:
    """What a plan has to know of a data set."""

    content_hash: str
    """Names the images and labels, wherever they lie."""
    channels: int
    resolution: int
    """Side of an image, in pixels or latent cells."""
    classes: int
    train: int
    """Images trained on."""
    held_out: int
    """Images kept away from training."""


def content_hash(*parts: bytes) -> str:
    """Short hash of the parts, each with its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


def held_out_count(images: int, fraction: float, place: str) -> int:
    """Images kept away from training; raises DataError when either part would be too small to mean anything."""
    held_out = round(images * fraction)
    if images < MINIMUM_IMAGES or not 2 <= held_out <= images - 2:
        raise DataError(
            f"{place} has {images} images, {held_out} of them held out; at least {MINIMUM_IMAGES} images and 2 in each part are needed"
        )
    return held_out
