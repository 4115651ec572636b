"""Removing files in two moves, so that a kill in between leaves nothing half believed.

First they are renamed, which is done at once and can be taken back; then, when the store has agreed, they are deleted. A name that says
so is looked at by nobody but `leftovers`.
"""

import contextlib
import re
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

ASIDE = "removed-"
"""How the name of what was put aside begins, with a dot before it for a whole folder."""
_TRIAL = re.compile(rf"\.{ASIDE}(?P<name>.+)-[0-9a-f]{{8}}")
UNFINISHED = ".writing"
"""What a checkpoint is called while it is written; a worker that was killed leaves it so."""


def put_aside(paths: Iterable[Path]) -> list[tuple[Path, Path]]:
    """(where it was, where it is) of each that was there. Raises OSError with all of them put back."""
    done: list[tuple[Path, Path]] = []
    try:
        for path in paths:
            beside = path.with_name(_aside_name(path))
            with contextlib.suppress(FileNotFoundError):
                path.rename(beside)
                done.append((path, beside))
    except BaseException:
        put_back(done)
        raise
    return done


def put_back(done: Iterable[tuple[Path, Path]]) -> None:
    """Where nothing else took the place meanwhile."""
    for path, beside in done:
        with contextlib.suppress(OSError):
            if not path.exists():
                beside.rename(path)


def remove(paths: Iterable[Path]) -> list[str]:
    """Deletes files and whole folders; what could not be deleted, each with the reason."""
    failed = []
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            failed.append(f"{error.filename or path} ({error.strerror})")
    return failed


def leftovers(folder: Path) -> list[Path]:
    """What an interrupted write or removal left in the folder of a trial at which no attempt runs."""
    try:
        return sorted(path for path in folder.glob("attempt-*/*") if path.suffix == UNFINISHED or path.name.startswith(ASIDE))
    except OSError:
        return []


def trials_aside(root: Path) -> list[tuple[str, Path]]:
    """(fingerprint, where it is) of trials whose folders were put aside and not deleted."""
    found = [(_TRIAL.fullmatch(path.name), path) for path in root.glob(f".{ASIDE}*")]
    return [(named["name"], path) for named, path in found if named is not None]


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; 0 for what is not there."""
    try:
        if not path.is_dir():
            return path.lstat().st_size
        return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
    except OSError:
        return 0


def _aside_name(path: Path) -> str:
    mark = uuid.uuid4().hex[:8]
    return f".{ASIDE}{path.name}-{mark}" if path.is_dir() else f"{ASIDE}{path.name}-{mark}"
