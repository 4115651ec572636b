"""A file that is whole or not there: written beside, then renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The path to write to, which takes the name `path` at the end of the block.

    After an error, a full disk's above all, nothing of it is left, and an older file stays as it is.
    """
    beside = path.with_suffix(".writing")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Of a file, or of a folder: without it what was written, or a rename, may be lost with the power. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
