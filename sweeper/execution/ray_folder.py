"""The folder in which a Ray of our own keeps its sockets and logs: short, closed to others, and gone afterwards.

Left to itself, Ray uses TMPDIR, where a batch system's long name breaks its sockets, lets everybody read and write there, and leaves a
folder behind for each run.
"""

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sweeper.errors import RequestError

LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107
"""Bytes of a socket's name that the kernel takes."""
SESSION = "/r/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""What Ray adds to the folder at most."""
PREFIX = "sweeper-"
_RANDOM = 8
"""Letters that `tempfile` adds."""
LONGEST_PARENT = LONGEST_SOCKET - len(SESSION) - len(PREFIX) - _RANDOM - 1
OTHERS = (Path("/tmp"), Path("/dev/shm"))
"""Where a short folder may be made, if TMPDIR is no place for one."""
_NEW_SECONDS = 60.0
"""A younger folder may not be locked yet."""


class RayFailed(RequestError):
    """Ray could not be started, or joined. Its folder stays, since its logs there say more; the next run removes it."""


@contextlib.contextmanager
def ray_folder() -> Iterator[Path]:
    """A new folder for Ray, removed at the end; folders of runs that were killed are removed first.

    Raises RequestError where no folder is short enough.
    """
    parent = _parent()
    _remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))  # for this user alone; Ray opens what it makes inside to everybody
    with _locked(folder):  # as long as this process lives, however it ends
        try:
            yield folder / "r"
        except RayFailed:
            raise
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Raises OSError where another process has it locked."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _parent() -> Path:
    """The first folder that is short enough and may be written."""
    asked = os.environ.get("RAY_TMPDIR")
    if asked:
        if _too_long(Path(asked)) or not _writable(Path(asked)):
            why = f"has {_bytes(Path(asked))} bytes, at most {LONGEST_PARENT} fit" if _too_long(Path(asked)) else "is no folder of yours"
            raise RequestError(f"RAY_TMPDIR {asked}: Ray makes sockets there, and it {why}; set it to a short folder of yours, or unset it")
        return Path(asked)
    wanted = Path(os.environ.get("TMPDIR") or tempfile.gettempdir()).absolute()
    for folder in (wanted, *OTHERS):
        if not _too_long(folder) and _writable(folder):
            return folder
    raise RequestError(
        f"Ray needs a folder with a short name for its sockets, of at most {LONGEST_PARENT} bytes: TMPDIR {wanted} has {_bytes(wanted)},"
        f" and {' and '.join(map(str, OTHERS))} cannot be written; set RAY_TMPDIR to a short folder of yours"
    )


def _bytes(folder: Path) -> int:
    return len(os.fsencode(folder.absolute()))


def _too_long(folder: Path) -> bool:
    return _bytes(folder) > LONGEST_PARENT


def _writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _remove_abandoned(parent: Path) -> None:
    """Folders of this user's runs that are no more: their locks went with them."""
    for folder in parent.glob(f"{PREFIX}{'?' * _RANDOM}"):
        with contextlib.suppress(OSError), _locked(folder):  # of another user, of a live run, or gone meanwhile
            about = folder.stat()
            if about.st_uid == os.geteuid() and time.time() - about.st_mtime > _NEW_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
