"""Files that end: before a path is opened, whether it is a regular file, and of a size that can be meant.

A pipe would be waited for and a device read for ever. Everything that opens a file of a user's asks here first.
"""

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

MOST_WEIGHTS = 2**36
"""Bytes of a file of weights: 64 GiB, five times the full training state of the largest network here."""

_OTHERS = (
    (stat.S_ISDIR, errno.EISDIR, "it is a folder"),
    (stat.S_ISFIFO, errno.EINVAL, "it is a pipe"),
    (stat.S_ISSOCK, errno.EINVAL, "it is a socket"),
    (stat.S_ISCHR, errno.EINVAL, "it is a device"),
    (stat.S_ISBLK, errno.EINVAL, "it is a device"),
)


def ensure_plain(path: Path, most: int | None = None) -> os.stat_result:
    """What the system knows of the file behind `path`, links followed.

    Raises:
        OSError: it is missing, no regular file, or of more than `most` bytes; `strerror` says which, without the path.
    """
    try:
        about = os.stat(path)
    except ValueError as error:  # a name that no system takes
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    for is_other, number, words in _OTHERS:
        if is_other(about.st_mode):
            raise OSError(number, words, str(path))
    if most is not None and about.st_size > most:
        raise OSError(errno.EFBIG, f"it has {about.st_size:,} bytes, more than the {most:,} that are read", str(path))
    return about


class Version(NamedTuple):
    """Which file it is, and how it was last written."""

    inode: tuple[int, int]
    written: tuple[int, int]
    """Bytes, and when (mtime)."""
    changed: int
    """ctime, which no user sets: tells a change that kept size and mtime, and changes with a name or a permission too."""


def version_of(about: os.stat_result) -> Version:
    """Of what the system knows of a file."""
    return Version((about.st_dev, about.st_ino), (about.st_size, about.st_mtime_ns), about.st_ctime_ns)
