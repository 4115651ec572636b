"""Latents of a variational autoencoder, prepared beforehand: a folder of two arrays, read by memory map.

    moments.npy   (n, 2C, S, S) float16 or float32: of each image's posterior the mean, C channels, then the standard deviation, C channels
    labels.npy    (n,) integers from 0

`model.data.latent_files` has the layout of a file per image: few are read into memory as they are, many are packed into this one first.
Either way the same images have the same name.

A shard is known by `content_hash` of its shapes, all labels and 1,024 of its images, evenly spread: 100 GB are not read to name them.
Shards that differ in other images alone are not told apart.
"""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.config import LatentsData
from model.config.encoded_data import FILE
from model.data.images import content_hash
from model.data.latent_files import LatentFiles, is_latent_files, list_latent_files
from model.data.mapped import MappedFile, mapped, mapped_file, places_looked_at, rows_at
from model.errors import DataError

MOMENTS, LABELS = "moments.npy", "labels.npy"
UNFINISHED = "encoding.json"
"""The journal beside arrays that are being encoded."""
MOST_FILES = 10_000
"""Images that are read from a file each whenever a trial starts: about 4 s, and 320 MiB of Stable Diffusion's latents."""
LEAST_SPREAD, MOST_SPREAD = 0.4, 2.5
"""Of scaled latents, their standard deviation: the noise that they are mixed with has 1, and scales are chosen for it. Stable Diffusion's
have 0.8 to 1; scaled twice 0.15 to 0.2, not at all 4 to 5.5."""


@dataclass(frozen=True)
class LatentShard:
    """Moments on disk, labels in memory."""

    moments: npt.NDArray[Any]
    """(n, 2C, S, S), mapped; only what is indexed is read."""
    labels: npt.NDArray[np.int64]
    content_hash: str
    file: MappedFile | None
    """Of mapped moments; None where they were read whole."""

    def ensure_unchanged(self) -> None:
        """See `MappedFile`."""
        if self.file is not None:
            self.file.ensure_unchanged()


def ensure_encoded_whole(folder: Path) -> None:
    """Raises DataError for a folder that `sweeper data encode` has not ended in."""
    if os.path.isfile(folder / UNFINISHED) and not os.path.isfile(folder / FILE):  # which is written last
        raise DataError(f"data.path: {folder} is encoded in part; give its `sweeper data encode` once more, which goes on")


def ensure_there(config: LatentsData) -> None:
    """Raises DataError when the folder or one of its files is missing."""
    ensure_encoded_whole(config.path)
    if is_latent_files(config.path) and not os.path.exists(config.path / MOMENTS):
        return
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
    file = None
    if os.path.exists(config.path / MOMENTS):
        place, labels_place = str(config.path / MOMENTS), str(config.path / LABELS)
        file = mapped_file(config.path / MOMENTS)
        moments, labels = mapped(config.path / MOMENTS), mapped(config.path / LABELS)
    else:
        files = list_latent_files(config.path)
        place, labels_place = str(files.root), files.labels_file
        moments, labels = _read_whole(config, files), files.labels
    shape = (config.images, 2 * config.channels, config.resolution, config.resolution)
    if moments.shape != shape:
        raise DataError(
            f"{place} has shape {moments.shape}, but the config says {shape}: (data.images, 2 x data.channels,"
            " data.resolution, data.resolution); set these fields, or prepare the file again"
        )
    if moments.dtype not in (np.float16, np.float32):
        raise DataError(f"{place} holds {moments.dtype}; give float16 or float32")
    known = checked_labels(labels_place, labels, config.images, config.classes)
    places = places_looked_at(config.images)
    seen = rows_at(moments, places)
    _ensure_moments(config, place, places, seen)
    _ensure_spread(config, place, seen)
    named = content_hash(str(moments.shape).encode(), str(moments.dtype).encode(), known.tobytes(), seen.tobytes())
    return LatentShard(moments, known, named, file)


def checked_labels(place: str, labels: npt.NDArray[Any], images: int, classes: int) -> npt.NDArray[np.int64]:
    """In memory; raises DataError unless there is one for every image, and as `ensure_labels`."""
    if labels.shape != (images,) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{place} has shape {labels.shape} of {labels.dtype}; give {images} integers, one per image")
    known = np.array(labels, dtype=np.int64)
    ensure_labels(place, known, classes)
    return known


def ensure_labels(place: str, labels: npt.NDArray[np.int64], classes: int) -> None:
    """Raises DataError unless every class has an image and every image a class: samples of a class without any would count as wrong."""
    present = np.unique(labels)
    wanted = np.arange(classes)
    if len(present) == classes and (present == wanted).all():
        return
    if (present == np.arange(1, len(present) + 1)).all():
        raise DataError(
            f"{place}: labels go from 1 to {len(present)}, and no image has label 0; they count from 0: subtract 1 from each, and set"
            f" data.classes: {len(present)}"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise DataError(f"{place}: label {labels[wrong[0]]} of image {wrong[0]} is none of 0 to {classes - 1}")
    if present[-1] == len(present) - 1:
        raise DataError(
            f"{place}: labels go from 0 to {present[-1]}, but data.classes is {classes}; set data.classes: {len(present)}, or give images"
            " of the others too"
        )
    absent = np.setdiff1d(wanted, present)
    raise DataError(
        f"{place}: no image has label {absent[0]}, and labels go to {present[-1]}; number the classes from 0 without gaps, as"
        f" numpy.unique(labels, return_inverse=True)[1] does, and set data.classes: {len(present)}"
    )


def _read_whole(config: LatentsData, files: LatentFiles) -> npt.NDArray[Any]:
    if len(files.names) > MOST_FILES:
        raise DataError(
            f"data.path: {files.root} has {len(files.names):,} files, and every trial would open each when it starts, which is done up to"
            f" {MOST_FILES:,}; pack them once: python -m model pack-latents {shlex.quote(str(config.path))} NEW_FOLDER, and set data.path:"
            " NEW_FOLDER"
        )
    return np.stack(list(files.moments()))


def _ensure_moments(config: LatentsData, place: str, places: npt.NDArray[np.int64], seen: npt.NDArray[Any]) -> None:
    for what, bad in (
        ("values that are not finite", ~np.isfinite(seen)),
        ("a negative standard deviation", seen[:, config.channels :] < 0),
    ):
        wrong = np.flatnonzero(bad.reshape(len(seen), -1).any(axis=1))
        if len(wrong):
            raise DataError(
                f"{place}: image {places[wrong[0]]} has {what}; the first {config.channels} channels are means, the others"
                " standard deviations (not their logarithms)"
            )


def _ensure_spread(config: LatentsData, place: str, seen: npt.NDArray[Any]) -> None:
    """Raises DataError where z is far from the spread of the noise: scaled twice, or not at all, or by another autoencoder's scale."""
    if config.spread == "any":
        return
    mean, std = (seen[:, part].astype(np.float64) for part in (slice(config.channels), slice(config.channels, None)))
    squares = mean.var(axis=(0, 2, 3)) + (std**2).mean(axis=(0, 2, 3))
    scale = np.broadcast_to(np.asarray(config.scale, np.float64), squares.shape)
    spread, of_scaled = (float(np.sqrt(np.mean(of))) for of in (squares, squares * scale**2))
    if LEAST_SPREAD <= of_scaled <= MOST_SPREAD:
        return
    anyway = "data.spread: any trains on them as they are"
    if LEAST_SPREAD <= spread <= MOST_SPREAD:
        remedy = f"if they are scaled already, set data.scale: 1; {anyway}"
    else:
        remedy = f"set data.scale to that of their autoencoder{f', about {1 / spread:.2g}' if spread else ''}; {anyway}"
    raise DataError(
        f"{place}: latents have a standard deviation of {spread:.3g}, times data.scale {_written(config.scale)} is {of_scaled:.2g}, far"
        f" from the 1 of the noise ({LEAST_SPREAD:g} to {MOST_SPREAD:g} is taken); {remedy}"
    )


def _written(scale: float | tuple[float, ...]) -> str:
    return f"{scale:g}" if isinstance(scale, int | float) else f"[{', '.join(f'{each:g}' for each in scale)}]"
