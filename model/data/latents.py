"""Latents of a variational autoencoder, prepared beforehand: a folder of two arrays, read by memory map.

    moments.npy   (n, 2C, S, S) float16 or float32: of each image's posterior the mean, C channels, then the standard deviation, C channels
    labels.npy    (n,) integers from 0

A shard is known by `content_hash` of its shapes, all labels and `LOOKED_AT` of its images, evenly spread: 100 GB are not read to name them.
Shards that differ in other images alone are not told apart.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.config import LatentsData
from model.data.images import content_hash
from model.errors import DataError

MOMENTS, LABELS = "moments.npy", "labels.npy"
LOOKED_AT = 1024
"""Images that name a shard and are checked when it is opened; all of a smaller one."""


@dataclass(frozen=True)
class LatentShard:
    """Moments on disk, labels in memory."""

    moments: npt.NDArray[Any]
    """(n, 2C, S, S), mapped; only what is indexed is read."""
    labels: npt.NDArray[np.int64]
    content_hash: str


def ensure_there(config: LatentsData) -> None:
    """Raises DataError when the folder or one of its files is missing."""
    wanted = (
        f"give a folder with {MOMENTS}, ({config.images}, {2 * config.channels}, {config.resolution}, {config.resolution}) float16 or"
        f" float32: means, then standard deviations; and {LABELS}, ({config.images},) integers"
    )
    if not os.path.isdir(config.path):  # unlike Path.is_dir, of a name too long as well
        raise DataError(f"data.path: there is no folder {config.path}; {wanted}")
    for name in (MOMENTS, LABELS):
        if not os.path.isfile(config.path / name):
            raise DataError(f"data.path: {config.path} has no {name}; {wanted}")


def open_latents(config: LatentsData) -> LatentShard:
    """The shard in the config's folder; raises DataError naming what is missing or not as the config says."""
    ensure_there(config)
    moments, labels = _mapped(config.path / MOMENTS), _mapped(config.path / LABELS)
    shape = (config.images, 2 * config.channels, config.resolution, config.resolution)
    if moments.shape != shape:
        raise DataError(
            f"{config.path / MOMENTS} has shape {moments.shape}, but the config says {shape}: (data.images, 2 x data.channels,"
            " data.resolution, data.resolution); set these fields, or prepare the file again"
        )
    if moments.dtype not in (np.float16, np.float32):
        raise DataError(f"{config.path / MOMENTS} holds {moments.dtype}; give float16 or float32")
    if labels.shape != (config.images,) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{config.path / LABELS} has shape {labels.shape} of {labels.dtype}; give {config.images} integers, one per image")
    known = np.array(labels, dtype=np.int64)
    wrong = np.flatnonzero((known < 0) | (known >= config.classes))
    if len(wrong):
        raise DataError(f"{config.path / LABELS}: label {known[wrong[0]]} of image {wrong[0]} is none of 0 to {config.classes - 1}")
    places = np.unique(np.linspace(0, config.images - 1, min(LOOKED_AT, config.images)).round().astype(np.int64))
    seen = np.ascontiguousarray(moments[places])
    _ensure_moments(config, places, seen)
    named = content_hash(str(moments.shape).encode(), str(moments.dtype).encode(), known.tobytes(), seen.tobytes())
    return LatentShard(moments, known, named)


def _mapped(path: Path) -> npt.NDArray[Any]:
    try:
        found: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="c")  # torch takes arrays that may be written to
    except Exception as error:  # a damaged header makes numpy and Python's own tokenizer raise what they will
        why = str(error) or type(error).__name__
        raise DataError(f"{path} cannot be read as an array ({why}); prepare it again, with numpy.save or numpy.lib.format") from error
    return found


def _ensure_moments(config: LatentsData, places: npt.NDArray[np.int64], seen: npt.NDArray[Any]) -> None:
    for what, bad in (
        ("values that are not finite", ~np.isfinite(seen)),
        ("a negative standard deviation", seen[:, config.channels :] < 0),
    ):
        wrong = np.flatnonzero(bad.reshape(len(seen), -1).any(axis=1))
        if len(wrong):
            raise DataError(
                f"{config.path / MOMENTS}: image {places[wrong[0]]} has {what}; the first {config.channels} channels are means, the others"
                " standard deviations (not their logarithms)"
            )
