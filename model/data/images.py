"""Labelled images and what names them: their content."""

import dataclasses
import hashlib
from collections.abc import Sequence
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
    class_names: tuple[str, ...] = ()
    """Of label 0, 1, ...; () where they have none but their numbers."""
    remarks: tuple[str, ...] = ()
    """What a user should know of it, in words: what was left out, what is unusual."""


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
    class_names: tuple[str, ...] = ()
    """Of label 0, 1, ...; () where they have none but their numbers."""
    remarks: tuple[str, ...] = ()
    """What a user should know of it, in words: what was left out, what is unusual."""
    left_out: int = 0
    """Images that could be trained on, but for `data.train_images`."""

    @property
    def classes_in_words(self) -> str:
        """Which label is which class; '' where nothing tells more than the label."""
        return classes_in_words(self.class_names)


def shown_name(name: str) -> str:
    """A name as text: what no reader sees, and what is no text at all (a folder's name may be any bytes), as Python would write it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def classes_in_words(names: Sequence[str], most: int = 12) -> str:
    """'0 = cat, 1 = dog': which label is which class; '' where the names are the labels themselves. At most so many, and the last."""
    if all(name == str(label) for label, name in enumerate(names)):
        return ""
    told = [f"{label} = {name}" for label, name in enumerate(names)]
    return ", ".join(told if len(told) <= most else [*told[: most - 1], "...", told[-1]])


def content_hash(*parts: bytes | memoryview) -> str:
    """Short hash of the parts, each with its length."""
    digest = hashlib.sha256()
    for part in parts:
        size = part.nbytes if isinstance(part, memoryview) else len(part)
        digest.update(size.to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


def with_subset(found: DataFacts, asked: int | None) -> DataFacts:
    """The facts with `data.train_images` as asked; raises DataError when there is no such subset."""
    available = found.train + found.left_out
    train = subset_count(asked, available, found.classes)
    return dataclasses.replace(found, train=train, left_out=available - train)


def subset_count(asked: int | None, available: int, classes: int) -> int:
    """Images that are trained on; raises DataError when there are not so many, or when a class would have none."""
    if asked is None:
        return available
    if asked > available:
        raise DataError(
            f"data.train_images is {asked}, but there are {available} training images; ask for at most so many, or leave it out for all"
        )
    if asked < classes:
        raise DataError(
            f"data.train_images is {asked}, but there are {classes} classes, and each needs an image; ask for at least {classes}"
        )
    return asked


def held_out_count(images: int, fraction: float, place: str) -> int:
    """Images kept away from training; raises DataError when either part would be too small to mean anything."""
    held_out = round(images * fraction)
    if images < MINIMUM_IMAGES or not 2 <= held_out <= images - 2:
        raise DataError(
            f"{place} has {images} images, {held_out} of them held out; at least {MINIMUM_IMAGES} images and 2 in each part are needed"
        )
    return held_out
