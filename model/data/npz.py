"""A user's own images in one `.npz` file: `images` and `labels`."""

import math
import os
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.data.images import LabelledImages, content_hash
from model.errors import DataError

EXPECTED = "an .npz file with `images` (N, H, H) or (N, H, H, C), uint8 or floats in [-1, 1], and `labels` (N,) integers"

FEWEST_LABELS = 1_000
"""Labels below it are always taken: a few images may be of many classes."""
SMALL_BYTES, DENSEST = 2**28, 100
"""Arrays above this size that were packed this much denser are bombs: photographs and latents hardly shrink."""
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npz(path: Path) -> LabelledImages:
    """The images and labels of the file; raises DataError naming what is wrong with it."""
    images, labels = _arrays(path)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] not in (1, 3, 4) or not images.shape[1]:
        raise DataError(f"{path}: `images` has shape {images.shape}; give square images, (N, H, H) or (N, H, H, C) with C 1, 3 or 4")
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{path}: `labels` has shape {labels.shape} of {labels.dtype}; give {len(images)} integers, one per image")
    if len(labels) and labels.min() < 0:
        raise DataError(f"{path}: label {labels.min()} of image {int(labels.argmin())} is negative; labels count from 0")
    if len(labels) and labels.max() >= max(len(labels), FEWEST_LABELS):
        raise DataError(
            f"{path}: label {labels.max()} of image {int(labels.argmax())} is larger than the number of images, {len(labels)}; number the"
            " classes from 0 without gaps"
        )
    values = _values(path, images)
    named = content_hash(str(images.shape).encode(), str(images.dtype).encode(), images.tobytes(), labels.astype(np.int64).tobytes())
    classes = int(labels.max()) + 1 if len(labels) else 0
    return LabelledImages(np.ascontiguousarray(values.transpose(0, 3, 1, 2)), labels.astype(np.int64), classes, named)


def _arrays(path: Path) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic]]:
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
                raise DataError(f"{path} has no `{missing[0]}`, it holds {', '.join(held) or 'a single array'}; give {EXPECTED}")
            for name in ("images", "labels"):
                _ensure_honest(path, archive.zip, name)
            return archive["images"], archive["labels"]
    except DataError:
        raise
    except Exception as error:  # a damaged archive makes zipfile, zlib, numpy and its parser of headers raise what they will
        raise DataError(f"{path} cannot be read ({str(error) or type(error).__name__}); give {EXPECTED}") from error


def _ensure_honest(path: Path, archive: zipfile.ZipFile, name: str) -> None:
    """Before anything of that size is allocated: the array is as large as its header says, and no bomb."""
    about = archive.getinfo(f"{name}.npy")
    with archive.open(about) as member:
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(member)](member)
        held = about.file_size - member.tell()
    declared = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and declared != held:
        raise DataError(f"{path}: `{name}` says to be {shape} of {dtype}, {declared:,} bytes, but holds {held:,}; write the file again")
    if held > SMALL_BYTES and held > DENSEST * about.compress_size:
        raise DataError(
            f"{path}: `{name}` unpacks from {about.compress_size:,} to {held:,} bytes, as no images do; it is not unpacked. Write it with"
            " numpy.savez"
        )


def _values(path: Path, images: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 127.5 - 1
    if not np.issubdtype(images.dtype, np.floating):
        raise DataError(f"{path}: `images` holds {images.dtype}; give uint8 or floats in [-1, 1]")
    values = images.astype(np.float32)
    if not np.isfinite(values).all() or (values.size and abs(values).max() > 1):
        raise DataError(f"{path}: float `images` leave [-1, 1] or are not finite; scale them, or store uint8")
    return values
