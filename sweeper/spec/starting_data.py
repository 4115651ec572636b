"""What `sweeper init` makes of a data set: its kind and its sizes, as the sweep file has to state them."""

import json
import os
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sweeper.errors import RequestError

DIGITS = "digits"
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MOST_TOKENS_A_SIDE = 16
"""Of the nano transformer that a laptop trains: 256 tokens an image."""


@dataclass(frozen=True)
class StartingData:
    """A data set, and the network and length of training to begin with."""

    preset: str
    fields: str
    """The value of `base.data`, as YAML."""
    comment: str
    patch: int | None = None
    """Side of a token in pixels, where the preset's own is too small."""
    steps: int = 500
    samples: int = 500


def starting_data(given: str) -> StartingData:
    """Of `digits`, or of the path of a folder: one with a folder of pictures per class, or one with `images.npy` or `moments.npy`.

    Raises:
        RequestError: There is no such folder, or nothing in it that can be trained on.
    """
    if given == DIGITS:
        return StartingData("nano", "{kind: digits}", "1,797 handwritten digits of 8 x 8 pixels; nothing to download")
    folder = Path(given).expanduser()
    if not os.path.isdir(folder):
        raise RequestError(f"--data {given}: there is no such folder; give {DIGITS}, or the path of a folder of images or of latents")
    try:
        if (folder / "moments.npy").exists():
            return _latents(given, folder)
        if (folder / "images.npy").exists():
            return _images(given, folder)
        return _pictures(given, folder)
    except (OSError, ValueError) as error:
        raise RequestError(f"--data {given}: it cannot be read ({error}); see docs/data.md for what a folder holds") from error


def _latents(given: str, folder: Path) -> StartingData:
    count, channels, side = _shape(folder / "moments.npy")[:3]
    fields = f"{{kind: latents, path: {_quoted(given)}"
    if not (folder / "dataset.json").exists():  # else the folder says it of itself
        fields += f", channels: {channels // 2}, resolution: {side}, images: {count}, classes: {_classes(folder)}"
    return StartingData("S/2", fields + "}", f"{count:,} images as latents", steps=50_000, samples=5_000)


def _images(given: str, folder: Path) -> StartingData:
    count, side = _shape(folder / "images.npy")[:2]
    fields = f"{{kind: images, path: {_quoted(given)}"
    if not (folder / "dataset.json").exists():
        fields += f", resolution: {side}, images: {count}, classes: {_classes(folder)}"
    return StartingData("nano", fields + "}", f"{count:,} images of {side} x {side} pixels", _patch(side), steps=2_000)


def _pictures(given: str, folder: Path) -> StartingData:
    from PIL import Image

    classes = sorted(inner for inner in folder.iterdir() if inner.is_dir() and not inner.name.startswith("."))
    files = chain.from_iterable(sorted(inner.iterdir()) for inner in classes)
    first = next((file for file in files if file.suffix.lower() in PICTURES), None)
    if first is None:
        raise RequestError(
            f"--data {given}: it holds neither a folder of pictures per class, nor images.npy, nor moments.npy; see docs/data.md"
        )
    with Image.open(first) as picture:
        width, height = picture.size
    if width != height:
        raise RequestError(
            f"--data {given}: {first} has {width} x {height} pixels, and pictures are squares of one size; `sweeper data encode` crops them"
        )
    fields = f"{{kind: folder, path: {_quoted(given)}, resolution: {width}}}"
    return StartingData("nano", fields, "a folder of pictures per class, all of one size", _patch(width), steps=2_000)


def _shape(file: Path) -> tuple[int, ...]:
    array: npt.NDArray[np.generic] = np.load(file, mmap_mode="r", allow_pickle=False)
    if array.ndim != 4:
        raise ValueError(f"{file.name} has {array.ndim} axes, not 4")
    return array.shape


def _classes(folder: Path) -> int:
    labels: npt.NDArray[np.integer] = np.load(folder / "labels.npy", mmap_mode="r", allow_pickle=False)
    return int(labels.max()) + 1


def _patch(side: int) -> int | None:
    """The least patch above the preset's 2 with which an image has few enough tokens; None where 2 will do."""
    fitting = (patch for patch in range(2, side + 1) if side % patch == 0 and side // patch <= MOST_TOKENS_A_SIDE)
    patch = next(fitting, side)
    return None if patch == 2 else patch


def _quoted(path: str) -> str:
    return json.dumps(path, ensure_ascii=False)
