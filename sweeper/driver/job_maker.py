"""From a leased attempt to the job that a worker is given, and the folder that fences older attempts off."""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.config import modules_also_in, named_classes, source_files
from model.errors import ConfigError
from model.train_trial import state_files
from sweeper.errors import SweepPaused
from sweeper.execution.jobs import Job
from sweeper.plan.machine import Allotment
from sweeper.plan.reconcile import Decision
from sweeper.records import Lease
from sweeper.settings import Settings
from sweeper.trial_folder import attempt_folder


@dataclass(frozen=True)
class JobMaker:
    """What all jobs of a run have in common."""

    settings: Settings
    allotment: Allotment
    user_code: tuple[Path, ...]

    def job(self, decision: Decision, lease: Lease, accumulation: int | None) -> Job:
        """The attempt's job, with so many micro-batches a step where that is not as its config says; makes the attempt's folder.

        Raises SweepPaused when the folder, or that of a copy of the user's code, cannot be made.
        """
        trial_folder = self.settings.trials / lease.fingerprint
        folder = attempt_folder(trial_folder, lease.number)
        with _paused_without(folder):
            folder.mkdir(parents=True, exist_ok=True)  # from here on, older attempts find that they may not write
        with _paused_without(self.settings.code):
            copy = kept_copy(decision.trial.config, self.user_code, self.settings.code)
        return Job(
            key=f"{lease.fingerprint}/{lease.number}",
            config=dict(decision.trial.config) | ({"accumulation": accumulation} if accumulation else {}),
            folder=folder,
            earlier=tuple(attempt_folder(trial_folder, number) for number in lease.earlier),
            recorded={attempt_folder(trial_folder, n): step for n, step in zip(lease.earlier, lease.recorded, strict=True)},
            cache=self.settings.shared,
            device="cuda" if self.allotment.gpus else "cpu",
            threads=self.allotment.threads,
            content=dict(decision.trial.content),
            user_code=self.user_code if copy is None else (*self.user_code, copy),
        )

    def with_checkpoint(self, fingerprint: str, numbers: Iterable[int]) -> list[int]:
        """Those of a trial's attempts whose folder holds a checkpoint, whatever the store believes."""
        folders = {number: attempt_folder(self.settings.trials / fingerprint, number) for number in numbers}
        return [number for number, folder in folders.items() if any(file.kind == "checkpoint" for file in state_files(folder))]


@contextlib.contextmanager
def _paused_without(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SweepPaused(
            f"the sweep is paused: {folder} cannot be made ({error.strerror}); free some space, or make it writable, and run the same"
            " command again"
        ) from error


def kept_copy(config: Mapping[str, Any], folders: Sequence[Path], shared: Path) -> Path | None:
    """A folder below `shared` from which the user's classes can be imported as they are now, with the modules that they import beside them.

    Written once for each content: whatever else changes, a trial finds the code that it is named after. None where a config names no
    class of the user's, or a file is gone: the trial will say so. Raises OSError when it cannot be written.

    Args:
        config: Of a trial, as JSON.
        folders: Where such classes are looked for, after PYTHONPATH.
        shared: Seen by all nodes.
    """
    classes = named_classes(config)
    if not classes:
        return None
    try:
        with modules_also_in(folders):
            files = {name: content for path in classes for name, content in source_files(path).items()}
    except ConfigError:
        return None
    whole = hashlib.sha256()
    for name, content in sorted(files.items()):
        whole.update(f"{name}\0{len(content)}\0".encode() + content)
    folder = shared / whole.hexdigest()[:16]
    if not folder.is_dir():
        shared.mkdir(parents=True, exist_ok=True)
        written = Path(tempfile.mkdtemp(prefix="writing-", dir=shared))
        try:
            for name, content in files.items():
                (written / name).parent.mkdir(parents=True, exist_ok=True)
                (written / name).write_bytes(content)
            written.chmod(shared.stat().st_mode & 0o777)  # a temporary folder is its owner's alone
            _moved(written, folder)
        finally:
            shutil.rmtree(written, ignore_errors=True)
    return folder


def _moved(written: Path, folder: Path) -> None:
    try:
        written.rename(folder)
    except OSError:
        if not folder.is_dir():  # or another driver was faster, with the same files
            raise
