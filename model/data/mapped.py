"""An array in a file, mapped: read where it is looked at and nowhere else, however large it is."""

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import DataError
from model.plain_files import Version, ensure_plain, version_of

LOOKED_AT = 1024
"""Rows that name an array and are checked when it is opened; all of a smaller one."""


@dataclass(frozen=True)
class MappedFile:
    """The file under a map, as it was when it was opened."""

    path: Path
    opened: Version

    def ensure_unchanged(self) -> None:
        """Raises DataError when the file was written to. One that was moved away or unlinked stays mapped as it was."""
        try:
            now = version_of(os.stat(self.path))
        except OSError:
            return
        if now.inode == self.opened.inode and now.written != self.opened.written:
            raise DataError(
                f"{self.path} was written to while it was trained on; put the old content back, or run the same command again, which plans"
                " with the new"
            )


def mapped_file(path: Path) -> MappedFile:
    """Raises OSError when there is none, or no regular one."""
    return MappedFile(path, version_of(ensure_plain(path)))


def mapped(path: Path) -> npt.NDArray[Any]:
    """The array of an `.npy`, which may only be read: of a map that could be written to, the system would keep memory for every page.

    Raises:
        DataError: It cannot be read as an array.
    """
    try:
        found: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # a damaged header makes numpy and Python's own tokenizer raise what they will
        why = str(error) or type(error).__name__
        raise DataError(f"{path} cannot be read as an array ({why}); prepare it again, with numpy.save or numpy.lib.format") from error
    return found


def begin_reading(array: npt.NDArray[Any], places: npt.NDArray[np.int64]) -> None:
    """Has the system begin to read these rows of a map, all at the same time and nothing else; waits for none.

    Unasked it reads them one after another, with up to some MiB around each, which for small rows is hundreds of times as much. Does
    nothing for an array that is no map, and where a system takes no advice.
    """
    held, advice = array.base, getattr(mmap, "MADV_WILLNEED", None)
    if not isinstance(array, np.memmap) or not isinstance(held, mmap.mmap) or advice is None or not array.flags.c_contiguous:
        return
    size, header = array.nbytes // max(len(array), 1), array.ctypes.data - np.frombuffer(held, np.uint8).ctypes.data
    for place in places.tolist():
        first = header + place * size
        begin = first // mmap.PAGESIZE * mmap.PAGESIZE
        held.madvise(advice, begin, first + size - begin)


def rows_at(array: npt.NDArray[Any], places: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """These rows, in memory."""
    begin_reading(array, places)
    return np.ascontiguousarray(array[places])


def places_looked_at(count: int, most: int = LOOKED_AT) -> npt.NDArray[np.int64]:
    """`most` of so many rows, evenly spread; all where there are fewer."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(np.int64))
