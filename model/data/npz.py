"""A user's own images in one `.npz` file: `images` and `labels`."""

import json
import math
import os
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.config import NpzData
from model.data.images import LabelledImages, content_hash, shown_name
from model.data.labels import known_labels
from model.data.npy_header import read_header
from model.errors import DataError

EXPECTED = "an .npz file with `images` (N, H, H) or (N, H, H, C), uint8 or floats in [-1, 1], and `labels` (N,) integers"
OTHER_NAMES = (("train_images", "train_labels"), ("arr_0", "arr_1"), ("x_train", "y_train"), ("X", "y"), ("data", "labels"))
"""What tools of others call the two arrays."""

UINT8, FLOATS = (0.0, 255.0), (-1.0, 1.0)
"""Values of black and white where the config declares none."""
SMALL_BYTES, DENSEST = 2**28, 100
"""Arrays above this size that were packed this much denser are bombs: photographs and latents hardly shrink."""

Array = npt.NDArray[np.generic]


def read_npz(config: NpzData) -> LabelledImages:
    """The images and labels of the file; raises DataError naming what is wrong with it, and what to do."""
    path = config.path
    images, labels, names = _arrays(path)
    if images.ndim == 3:
        images = images[..., None]
    _ensure_images(path, images)
    known = known_labels(str(path), len(images), labels)
    classes = int(known.max()) + 1 if len(known) else 0
    if names is not None and (names.ndim != 1 or names.dtype.kind != "U" or len(names) != classes):
        raise DataError(f"{path}: `class_names` has shape {names.shape} of {names.dtype}; give {classes} names, one per label, or none")
    values, range_part = _values(config, images)
    parts = (str(images.shape).encode(), str(images.dtype).encode(), images.tobytes(), known.tobytes(), *range_part)
    shown = () if names is None else tuple(map(shown_name, names.tolist()))
    return LabelledImages(np.ascontiguousarray(values.transpose(0, 3, 1, 2)), known, classes, content_hash(*parts), shown)


def _ensure_images(path: Path, images: Array) -> None:
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] not in (1, 3, 4) or not images.shape[1]:
        channels_first = images.ndim == 4 and images.shape[1] in (1, 3, 4) and images.shape[2] == images.shape[3]
        remedy = ": save images.transpose(0, 2, 3, 1)" if channels_first else ""
        raise DataError(
            f"{path}: `images` has shape {images.shape}; give square images, (N, H, H) or (N, H, H, C) with C 1, 3 or 4{remedy}"
        )


def _arrays(path: Path) -> tuple[Array, Array, Array | None]:
    """`images`, `labels` and, where the file has them, `class_names`."""
    if os.path.isdir(path):
        raise DataError(f"data.path: {path} is a directory; give {EXPECTED}, or data.kind: folder")
    if not os.path.isfile(path):  # unlike Path.is_file, of a name too long as well
        raise DataError(f"data.path: there is no file {path}; give {EXPECTED}")
    try:
        with path.open("rb") as file:  # ours to close, also where numpy gives up half-way
            archive = np.load(file, allow_pickle=False)
            held = list(getattr(archive, "files", []))
            missing = [name for name in ("images", "labels") if name not in held]
            if missing:
                raise DataError(
                    f"{path} has no `{missing[0]}`, it holds {', '.join(held) or 'a single array'}; give {EXPECTED}{_renamed(held)}"
                )
            wanted = ("images", "labels", *(["class_names"] if "class_names" in held else []))
            for name in wanted:
                _ensure_honest(path, archive.zip, name)
            return archive["images"], archive["labels"], archive["class_names"] if "class_names" in held else None
    except DataError:
        raise
    except Exception as error:  # a damaged archive makes zipfile, zlib, numpy and its parser of headers raise what they will
        raise DataError(f"{path} cannot be read ({str(error) or type(error).__name__}); give {EXPECTED}") from error


def _ensure_honest(path: Path, archive: zipfile.ZipFile, name: str) -> None:
    """Before anything of that size is allocated: the array is as large as its header says, and no bomb."""
    about = archive.getinfo(f"{name}.npy")
    with archive.open(about) as member:
        shape, _, dtype = read_header(member)
        held = about.file_size - member.tell()
    declared = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and declared != held:
        raise DataError(f"{path}: `{name}` says to be {shape} of {dtype}, {declared:,} bytes, but holds {held:,}; write the file again")
    if held > SMALL_BYTES and held > DENSEST * about.compress_size:
        raise DataError(
            f"{path}: `{name}` unpacks from {about.compress_size:,} to {held:,} bytes, as no images do; it is not unpacked. Write it with"
            " numpy.savez"
        )


def _renamed(held: list[str]) -> str:
    """How to save the arrays of another tool's file."""
    pair = next((pair for pair in OTHER_NAMES if set(pair) <= set(held)), None)
    return f": numpy.savez('new.npz', images=a['{pair[0]}'], labels=a['{pair[1]}'].ravel()), a being this file" if pair else ""


def _values(config: NpzData, images: Array) -> tuple[npt.NDArray[np.float32], tuple[bytes, ...]]:
    """The images in [-1, 1], and what the range adds to their name: nothing where they are what they seem."""
    path, declared = config.path, config.range
    if images.dtype == np.uint8:
        usual = UINT8
    elif np.issubdtype(images.dtype, np.floating):
        usual = FLOATS
    elif declared is not None and np.issubdtype(images.dtype, np.integer):
        usual = (math.nan, math.nan)
    else:
        raise DataError(f"{path}: `images` holds {images.dtype}; give uint8 or floats in [-1, 1], or declare data.range: [black, white]")
    black, white = declared or usual
    least, most = (float(images.min()), float(images.max())) if images.size else (black, white)
    if not (math.isfinite(least) and math.isfinite(most)) or least < black or most > white:
        if usual == FLOATS and declared is None:
            raise DataError(
                f"{path}: float `images` leave [-1, 1] or are not finite; scale them, declare data.range: [black, white], or store uint8"
            )
        raise DataError(f"{path}: `images` hold values from {least:g} to {most:g}, which leave data.range: [{black:g}, {white:g}]")
    if declared is None and images.size:
        _ensure_as_they_seem(path, usual, least, most)
    if (black, white) == usual:
        scaled = images.astype(np.float32)
        return (scaled / 127.5 - 1 if usual == UINT8 else scaled), ()
    values = (images.astype(np.float64) - black) / (white - black) * 2 - 1
    return values.astype(np.float32), (json.dumps([black, white]).encode(),)


def _ensure_as_they_seem(path: Path, usual: tuple[float, float], least: float, most: float) -> None:
    """Values that use no more than half of their range are of another one, as good as always: [0, 1] taken for [-1, 1] halves the contrast,
    and every number measured on it is another's."""
    doubted = most <= 1 if usual == UINT8 else least >= 0 or max(-least, most) <= 0.5
    if doubted:
        what = "uint8" if usual == UINT8 else "float"
        other = (0, 1) if least >= 0 else (-0.5, 0.5)
        raise DataError(
            f"{path}: {what} `images` hold values from {least:g} to {most:g}, where {usual[0]:g} is black and {usual[1]:g} white; declare"
            f" data.range: [{other[0]:g}, {other[1]:g}], or [{usual[0]:g}, {usual[1]:g}] if they are as dim as that"
        )
