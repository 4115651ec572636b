"""Files that are to belong to attempts, while nobody knows yet which numbers those get: in a folder beside the trials, on the same disk."""

import contextlib
import itertools
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from model.whole_file import to_disk
from sweeper.liveness import is_dead, this_process
from sweeper.service.sweep_archive import ArchivedFile
from sweeper.trial_folder import attempt_folder, attempt_folders

_PREFIX = ".importing-"
_OWNER = "owner"


@dataclass
class Staging:
    """Files by the numbers that their attempts have in the store that they come from."""

    root: Path
    trials: Path
    """Where they go."""
    files: list[ArchivedFile] = field(default_factory=list)
    _moved: list[tuple[Path, Path]] = field(default_factory=list)
    _made: list[Path] = field(default_factory=list)

    def path(self, file: ArchivedFile) -> Path:
        """Where a file is written first."""
        self.files.append(file)
        return self._staged(file)

    def wanted(self, new: Mapping[tuple[str, int], int], here: Mapping[tuple[str, int], int]) -> list[tuple[Path, Path]]:
        """(where it is, where it goes) of each file whose place is empty; `new` and `here` give the numbers that attempts have here."""
        found = []
        for file in self.files:
            key = (file.fingerprint, file.number)
            number = new.get(key, here.get(key))
            target = None if number is None else attempt_folder(self.trials / file.fingerprint, number) / file.name
            if target is not None and not (os.path.lexists(target) or (key not in new and self._replaced(file))):
                found.append((self._staged(file), target))
        return found

    def place(self, new: Mapping[tuple[str, int], int], here: Mapping[tuple[str, int], int]) -> None:
        """Moves the `wanted` files, and makes the folders of all attempts that are `new`."""
        for (fingerprint, _), number in new.items():
            self._folder(attempt_folder(self.trials / fingerprint, number))
        for source, target in self.wanted(new, here):
            self._folder(target.parent)
            to_disk(source)  # a rename that outlives a power failure names a file that does
            source.rename(target)
            self._moved.append((source, target))

    def take_back(self) -> None:
        """What was placed goes, with the folders that were made."""
        for source, target in reversed(self._moved):
            with contextlib.suppress(OSError):
                target.rename(source)
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _replaced(self, file: ArchivedFile) -> bool:
        """Whether another attempt here has weights of the same step, which are the ones that are kept."""
        folders = attempt_folders(self.trials / file.fingerprint).values() if file.is_weights else ()
        return any((folder / file.name).exists() for folder in folders)

    def _staged(self, file: ArchivedFile) -> Path:
        return self.root / file.fingerprint / str(file.number) / file.name

    def _folder(self, folder: Path) -> None:
        missing = [path for path in (folder, folder.parent) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self._made += reversed(missing)


@contextmanager
def staging_in(folder: Path, trials: Path) -> Iterator[Staging]:
    """Below `folder`, of which nothing is left afterwards where it was not there and stays empty; what a killed process left goes first."""
    for left in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if is_dead((left / _OWNER).read_text(encoding="utf-8")):
                shutil.rmtree(left)
    missing = list(itertools.takewhile(lambda path: not path.exists(), (folder, *folder.parents)))
    root = folder / f"{_PREFIX}{uuid.uuid4().hex[:8]}"
    try:
        root.mkdir(parents=True)
        (root / _OWNER).write_text(this_process(), encoding="utf-8")
        yield Staging(root, trials)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        for made in missing:
            with contextlib.suppress(OSError):
                made.rmdir()
