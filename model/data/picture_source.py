"""A data set of pictures to encode: one picture at a time, by its place, wherever it lies. n pictures, S pixels a side."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image

from model.data.crop import Crop, cropped
from model.data.images import content_hash
from model.data.pixels import to_pixels
from model.errors import ConfigError, DataError

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
_HUB = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?")
HUB = "hub:"


@dataclass(frozen=True)
class HubName:
    """A data set on the Hugging Face hub."""

    name: str
    """OWNER/NAME."""
    revision: str | None = None

    def __str__(self) -> str:
        return f"{HUB}{self.name}" + (f"@{self.revision}" if self.revision else "")


@dataclass(frozen=True)
class Choice:
    """What to take of a source that holds more than one; None takes the only one there is."""

    split: str | None = None
    subset: str | None = None
    """Of a data set on the hub."""
    image_column: str | None = None
    label_column: str | None = None

    def ensure_meant(self, place: str, *meant: str) -> None:
        """Raises ConfigError for an option that this kind of source has no use for."""
        for field in fields(self):
            if getattr(self, field.name) is not None and field.name not in meant:
                option = f"--{field.name.replace('_', '-')}"
                raise ConfigError(f"{option} {getattr(self, field.name)}: {place} has no such thing to choose; leave the option out")


ALL = Choice()


@dataclass(frozen=True)
class Square:
    """What becomes of a picture."""

    side: int
    crop: Crop

    def opened(self, file: Path | IO[bytes], place: str) -> Pixels:
        """(S, S, 3) of a picture's file, by the one rule from files to RGB.

        Raises:
            DataError: It cannot be read, or is too small; the message begins with `place`.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(file) as image:
                    picture = Image.fromarray(to_pixels(image, 3))
        except Exception as error:  # a damaged file makes Pillow's decoders raise what they will, a bomb too
            raise broken(place, error) from error
        return self.of(picture, place)

    def of(self, picture: Image.Image, place: str) -> Pixels:
        """(S, S, 3) of a picture in RGB; raises DataError for one that is too small."""
        try:
            return np.asarray(cropped(picture, self.side, self.crop), np.uint8)
        except ValueError as error:
            raise DataError(f"{place}: {error}") from error


def broken(place: str, error: Exception) -> DataError:
    """What is said of a picture that cannot be read."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return DataError(f"{place} cannot be read as an image ({said}); replace or remove it, or take --skip-broken")


@dataclass(frozen=True)
class Source:
    """A data set of pictures."""

    read: Callable[[int], Pixels]
    """Picture i, (S, S, 3); raises DataError naming its file."""
    labels: Labels
    class_names: tuple[str, ...]
    classes: int
    named: str
    """Hash of names, sizes and labels."""
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    part: str = ""
    """Which part of the source it is, in words; '' for all of it."""
    kept: Labels | None = None
    """Places of these pictures among all of the source, where some were left out."""
    listed: str = ""
    """What names all of it, those left out too, where some were: `named` of the source opened without looking."""


def readable(read: Callable[[int], Pixels], labels: Labels, class_place: Callable[[int], str]) -> tuple[Labels, Labels]:
    """Places of the pictures that can be read, and of those that cannot. Every one is read.

    Raises:
        DataError: A class has no picture that can be read; the message begins with what `class_place` says of its label.
    """
    good = np.zeros(len(labels), bool)
    for place in range(len(labels)):
        try:
            read(place)
        except DataError:
            continue
        good[place] = True
    if empty := sorted(set(labels.tolist()) - set(labels[good].tolist())):
        raise DataError(f"{class_place(empty[0])} has no picture that can be read; replace them, or remove the class")
    return np.flatnonzero(good), np.flatnonzero(~good)


@dataclass(frozen=True)
class Entries:
    """Pictures that lie in larger files, as a reader of these found them."""

    place: str
    """The source, for messages."""
    read: Callable[[int], Pixels]
    shown: Callable[[int], str]
    """Where picture i lies, for `left_out`."""
    labels: Labels
    class_names: tuple[str, ...]
    content: tuple[bytes, ...]
    """What names them, besides the labels."""
    remarks: tuple[str, ...] = ()
    part: str = ""

    def source(self, *, skip_broken: bool) -> Source:
        """All of them, or those that can be read."""
        labels, classes = self.labels, int(self.labels.max()) + 1
        names = self.class_names or tuple(map(str, range(classes)))
        content = (*self.content, labels.tobytes())
        if not skip_broken:
            return Source(self.read, labels, self.class_names, classes, content_hash(*content), (), self.remarks, self.part)
        good, bad = readable(self.read, labels, lambda label: f"{self.place}: class {names[label]}")
        return Source(
            lambda place: self.read(int(good[place])),
            labels[good],
            self.class_names,
            classes,
            content_hash(*content, *([bad.tobytes()] if len(bad) else [])),
            tuple(self.shown(int(place)) for place in bad),
            self.remarks,
            self.part,
            good,
            content_hash(*content),
        )


def named_source(text: str) -> Path | HubName:
    """The source that a command line names: `hub:OWNER/NAME[@REVISION]`, or a path.

    Raises:
        ConfigError: It begins as a name on the hub, and is none.
    """
    if not text.startswith(HUB):
        return Path(text).expanduser().absolute()
    found = _HUB.fullmatch(text.removeprefix(HUB))
    if found is None:
        raise ConfigError(f"{text} is no name on the Hugging Face hub; write {HUB}OWNER/NAME or {HUB}OWNER/NAME@REVISION")
    return HubName(found[1], found[2])
