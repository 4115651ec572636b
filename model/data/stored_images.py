"""Pictures in one array on disk, read by memory map: pixels at a scale that fits no memory.

    images.npy   (n, S, S, 3) uint8
    labels.npy   (n,) integers from 0

`sweeper data encode` writes both beside its latents, and numpy can. They are known by shape, all labels and 1,024 of the pictures, evenly
spread, as latents are.
"""

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.config import ImagesData
from model.data.images import content_hash, held_out_count
from model.data.latents import LABELS, checked_labels, ensure_encoded_whole
from model.data.mapped import MappedFile, mapped, mapped_file, places_looked_at, rows_at
from model.errors import DataError

IMAGES = "images.npy"
HELD_VALUES = 2**28
"""Values of the images that evaluation holds as tokens, of the held-out part and of the training part each: 1 GiB in float32. The split
goes by it, so trials of another value would be other trials."""


@dataclass(frozen=True)
class ImageArray:
    """Pixels on disk, labels in memory."""

    pixels: npt.NDArray[np.uint8]
    """(n, S, S, 3), mapped; only what is indexed is read."""
    labels: npt.NDArray[np.int64]
    content_hash: str
    file: MappedFile


def most_held(resolution: int) -> int:
    """Images of that side that evaluation holds of a part."""
    return max(2, HELD_VALUES // (3 * resolution**2))


def held_out_images(config: ImagesData) -> int:
    """Images kept away from training; raises DataError as `held_out_count`."""
    return min(held_out_count(config.images, config.held_out_fraction, str(config.path)), most_held(config.resolution))


def ensure_there(config: ImagesData) -> None:
    """Raises DataError when the folder or one of its files is missing."""
    ensure_encoded_whole(config.path)
    wanted = (
        f"give a folder with {IMAGES}, {_shape(config)} uint8, and {LABELS}, ({config.images},) integers, as `sweeper data encode` writes"
        " them"
    )
    if not os.path.isdir(config.path):  # unlike Path.is_dir, of a name too long as well
        raise DataError(f"data.path: there is no folder {config.path}; {wanted}")
    for name in (IMAGES, LABELS):
        if not os.path.isfile(config.path / name):
            raise DataError(f"data.path: {config.path} has no {name}; {wanted}")


def open_stored_images(config: ImagesData) -> ImageArray:
    """The pictures in the config's folder; raises DataError naming what is missing or not as the config says."""
    ensure_there(config)
    path, labels_path = config.path / IMAGES, config.path / LABELS
    file = mapped_file(path)
    pixels = mapped(path)
    if pixels.dtype != np.uint8:
        raise DataError(f"{path} holds {pixels.dtype}; give uint8, 0 is black and 255 white")
    if pixels.shape != _shape(config):
        raise DataError(
            f"{path} has shape {pixels.shape}, but the config says {_shape(config)}: (data.images, data.resolution, data.resolution, 3);"
            " set these fields, or prepare the file again"
        )
    labels = checked_labels(str(labels_path), mapped(labels_path), config.images, config.classes)
    seen = rows_at(pixels, places_looked_at(config.images))
    named = content_hash(str(pixels.shape).encode(), labels.tobytes(), seen.tobytes())
    return ImageArray(pixels, labels, named, file)


def _shape(config: ImagesData) -> tuple[int, int, int, int]:
    return config.images, config.resolution, config.resolution, 3
