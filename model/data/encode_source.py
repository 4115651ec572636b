"""Pictures to encode, one at a time: from a folder of class folders, or from an `.npz`. n pictures, S pixels a side."""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from model.config import NpzData
from model.data.class_folders import list_classes
from model.data.crop import Crop, cropped
from model.data.images import content_hash, shown_name
from model.data.npz import read_npz
from model.data.pixels import to_pixels
from model.errors import DataError
from model.plain_files import ensure_plain

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Source:
    """A data set of pictures."""

    read: Callable[[int], Pixels]
    """Picture i, (S, S, 3); raises DataError naming its file."""
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    classes: int
    named: str
    """Hash of names, sizes and labels."""
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def open_source(path: Path, side: int, crop: Crop, *, skip_broken: bool) -> Source:
    """The pictures of a folder or an `.npz`, as squares of `side`.

    `skip_broken` reads every file once before, and leaves out those that cannot be read.

    Raises:
        DataError: There are no pictures, or they lie otherwise than they should.
    """
    return _of_npz(path, side, crop) if path.suffix == ".npz" else _of_folder(path, side, crop, skip_broken)


def _of_npz(path: Path, side: int, crop: Crop) -> Source:
    found = read_npz(NpzData(kind="npz", path=path))
    if found.images.shape[1] not in (1, 3):
        raise DataError(f"{path} has pictures of {found.images.shape[1]} channels; give grey or RGB pictures")
    pixels = ((found.images + 1) * 127.5).round().astype(np.uint8).transpose(0, 2, 3, 1)

    def read(place: int) -> Pixels:
        picture = Image.fromarray(np.ascontiguousarray(np.broadcast_to(pixels[place], (*pixels.shape[1:3], 3))))
        return _square(picture, side, crop, f"{path}: picture {place}")

    return Source(read, found.labels, found.class_names, found.classes, found.content_hash)


def _of_folder(path: Path, side: int, crop: Crop, skip_broken: bool) -> Source:
    if not os.path.isdir(path):
        raise DataError(f"there is no folder {path}; give a folder with one sub-folder of pictures per class, or an .npz file")
    try:
        found = list_classes(path)
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be listed ({error.strerror}); mend its permissions") from error
    files, labels, broken = list(found.files), list(found.labels), []
    if skip_broken:
        good = []
        for place, file in enumerate(files):
            try:
                _read(file, side, crop)
                good.append(place)
            except DataError:
                broken.append(shown_name(str(file.relative_to(path))))
        files, labels = [files[place] for place in good], [labels[place] for place in good]
        if empty := sorted(set(found.labels) - set(labels)):
            raise DataError(f"{path / found.names[empty[0]]} has no picture that can be read; replace them, or remove the class")
    sizes = np.array([file.stat().st_size for file in files], np.int64)
    known = np.asarray(labels, np.int64)
    named = content_hash(*(os.fsencode(file.relative_to(path)) for file in files), sizes.tobytes(), known.tobytes())
    return Source(
        lambda place: _read(files[place], side, crop), known, found.class_names, len(found.names), named, tuple(broken), found.remarks
    )


def _read(file: Path, side: int, crop: Crop) -> Pixels:
    try:
        ensure_plain(file)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                picture = Image.fromarray(to_pixels(image, 3))
    except Exception as error:  # a damaged file makes Pillow's decoders raise what they will, a bomb too
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{file} cannot be read as an image ({said}); replace or remove it, or take --skip-broken") from error
    return _square(picture, side, crop, str(file))


def _square(picture: Image.Image, side: int, crop: Crop, place: str) -> Pixels:
    try:
        return np.asarray(cropped(picture, side, crop), np.uint8)
    except ValueError as error:
        raise DataError(f"{place}: {error}") from error
