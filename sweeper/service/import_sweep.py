"""Taking the sweep of another store in: all of it is looked at first, and then goes in whole, in one transaction, or not at all."""

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sweeper.driver.attempt_records import AttemptRecords
from sweeper.errors import MachineError, StoreLost
from sweeper.liveness import is_dead
from sweeper.plan.cost import bytes_in_words
from sweeper.service.archive_reader import ArchiveReader, opened_archive
from sweeper.service.import_checks import Checked, check
from sweeper.service.open_store import existing_store, store_to_write
from sweeper.service.staging import Staging, staging_in
from sweeper.service.sweep_archive import ANALYSES, TRIALS, VERSIONS, WEIGHTS, ArchivedTrial
from sweeper.service.sweep_records import write_sweep_record
from sweeper.service.trackers import waiting
from sweeper.settings import Settings
from sweeper.store.exchange_format import AnalysisPart, VersionPart, WeightsPart
from sweeper.store.importing import Taken
from sweeper.store.results_store import ResultsStore
from sweeper.trial_folder import attempt_folders


@dataclass(frozen=True)
class Imported:
    """What came of it, or would come of it."""

    name: str
    profile: str
    taken: Taken
    files: int
    """That were not here."""
    unchecked: tuple[str, ...]
    """Trials of which this sweeper cannot make the name again."""
    running: int
    """Attempts that had not ended there, and were left out."""
    backlogs: Mapping[str, int]
    """By the names of trackers that the settings name: events that they have yet to receive; none of a dry run."""


class _OnlyALook(Exception):  # no error: it undoes the transaction
    pass


def import_sweep(settings: Settings, path: Path, *, dry_run: bool = False) -> Imported:
    """Nothing is changed where anything is wrong, nor in a `dry_run`, which also makes no home.

    Raises RequestError for a file that is damaged or lies, and where it contradicts what is here; MachineError for lack of space.
    """
    with opened_archive(path) as archive, contextlib.ExitStack() as stack:
        here = existing_store(settings)
        if here is not None:
            stack.enter_context(here)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) if dry_run else settings.trials
        _ensure_room(archive, folder)
        staging = stack.enter_context(staging_in(folder, settings.trials))
        found = check(archive, here, staging.path)
        with _store(settings, folder, new=here is None, dry_run=dry_run) as store:
            taken, files = _take(store, archive, found, staging, dry_run=dry_run)
            if not dry_run:
                _write_records(store, settings, archive, found, taken)
            backlogs: dict[str, int] = {} if dry_run else waiting(store, settings)
        return Imported(archive.head.name, archive.head.profile, taken, files, tuple(found.unchecked), found.running, backlogs)


def _ensure_room(archive: ArchiveReader, folder: Path) -> None:
    needed = sum(size for _, size in archive.files)
    place = next(one for one in (folder, *folder.parents) if one.is_dir())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise MachineError(
            f"{place} has {bytes_in_words(free)} free, and the files in {archive.path} take {bytes_in_words(needed)}; free some space, or"
            " ask for an archive without weights; nothing was changed"
        )


def _store(settings: Settings, folder: Path, *, new: bool, dry_run: bool) -> ResultsStore:
    """A look at a store that is not there is a look at an empty one."""
    if dry_run:
        return ResultsStore.open(f"sqlite:///{folder / 'sweeper.db'}" if new else settings.store_url)
    return store_to_write(settings)


def _take(store: ResultsStore, archive: ArchiveReader, found: Checked, staging: Staging, *, dry_run: bool) -> tuple[Taken, int]:
    def number_of(fingerprint: str, _: int, following: int) -> int:
        """Folders of attempts that this store does not know keep their numbers, too."""
        return max(following, 1 + max(attempt_folders(staging.trials / fingerprint), default=0))

    taken, files = Taken(), 0
    try:
        with contextlib.suppress(_OnlyALook), store.taking_in(is_dead) as taking:
            taken = taking.taken
            taking.versions(archive.lines(VERSIONS, VersionPart), found.configs)
            for one in archive.lines(TRIALS, ArchivedTrial):
                taking.trial(one.trial, number_of)
            for weights in archive.lines(WEIGHTS, WeightsPart) if archive.has_weights else ():
                taking.weights(weights)
            for analysis in archive.lines(ANALYSES, AnalysisPart) if archive.has_analyses else ():
                taking.analysis(analysis)
            files = len(staging.wanted(taken.attempts, found.here))
            if dry_run:
                raise _OnlyALook
            staging.place(taken.attempts, found.here)
    except BaseException:
        staging.take_back()
        raise
    return taken, files


def _write_records(store: ResultsStore, settings: Settings, archive: ArchiveReader, found: Checked, taken: Taken) -> None:
    """So that a store that is lost can be made again; where there is no room for them, the import stands."""
    records = AttemptRecords(store, settings)
    for (fingerprint, _), number in taken.attempts.items():
        with contextlib.suppress(OSError, StoreLost, ValueError):
            records.write_whole(fingerprint, number)
    for version in found.versions if taken.versions or taken.touched else ():
        with contextlib.suppress(StoreLost, ValueError):
            write_sweep_record(store, settings, archive.head.name, archive.head.profile, version)
