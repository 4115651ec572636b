"""From a file per image to the two arrays that trials map: done once for a data set, in one pass, in the memory of one image."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from model.data.latent_files import list_latent_files
from model.data.latents import LABELS, MOMENTS, ensure_labels
from model.errors import DataError
from model.whole_file import whole_file

TOLD_EVERY = 100_000


class Packed(NamedTuple):
    """What a config has to say of them."""

    images: int
    classes: int
    channels: int
    resolution: int


def pack(source: Path, folder: Path, say: Callable[[str], None]) -> Packed:
    """Writes both arrays into `folder`, or neither.

    Raises:
        DataError: A file is not as its layout says, labels have gaps, or `folder` has such arrays already.
        OSError: What the system refuses: space, permissions.
    """
    if taken := next((name for name in (MOMENTS, LABELS) if os.path.lexists(folder / name)), None):
        raise DataError(f"{folder} has {taken} already; give another folder, or remove it")
    files = list_latent_files(source)
    classes = int(files.labels.max()) + 1
    ensure_labels(files.labels_file, files.labels, max(classes, 1))
    folder.mkdir(parents=True, exist_ok=True)
    count = len(files.names)
    shape: tuple[int, ...] = ()
    with whole_file(folder / MOMENTS) as moments_file, whole_file(folder / LABELS) as labels_file:
        with moments_file.open("wb") as file:
            for done, moments in enumerate(files.moments(), 1):
                if not shape:
                    shape = moments.shape
                    header = {"descr": np.lib.format.dtype_to_descr(moments.dtype), "fortran_order": False, "shape": (count, *shape)}
                    np.lib.format.write_array_header_1_0(file, header)
                file.write(moments.data)  # not a map: on a full disk that would be a signal, not an error
                if not done % TOLD_EVERY:
                    say(f"{done:,} of {count:,} images")
        with labels_file.open("wb") as file:
            np.save(file, files.labels)
    return Packed(count, classes, shape[0] // 2, shape[1])
