"""Whether the store is whole, and making a lost or damaged one again from the newest copy and from what the trials' folders say."""

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sweeper.driver.attempt_records import read_trials
from sweeper.errors import RequestError, StoreError
from sweeper.liveness import is_dead
from sweeper.service.backups import ON_A_SERVER, Backup, newest_whole
from sweeper.service.measured_weights import take_in_folders
from sweeper.service.open_store import store_with_results
from sweeper.service.sweep_records import SweepRecord, read_sweep_records
from sweeper.settings import Settings
from sweeper.store.importing import Taken
from sweeper.store.results_store import ResultsStore
from sweeper.store.sqlite_files import faults_of, put_in_place, sqlite_path
from sweeper.trial_folder import heartbeats

ALIVE_SECONDS = 60.0
"""A heartbeat younger than this is of a worker that lives."""


@dataclass(frozen=True)
class Checkup:
    """A store that is whole."""

    sweeps: int
    trials: int
    attempts: int
    backup: Backup | None
    """The newest copy that is whole, too."""


@dataclass(frozen=True)
class Rebuilt:
    """What became of it."""

    path: Path
    base: Backup | None
    """The copy that it began from."""
    taken: Taken
    aside: Path | None
    """The folder in which the old files are."""
    missing: tuple[str, ...]
    """What could not be read, each with the reason."""


def check_store(settings: Settings) -> Checkup:
    """Raises StoreError that says what is wrong and how to make it whole, and RequestError where nothing was ever run."""
    path = sqlite_path(settings.store_url)
    if path is not None and path.exists() and (faults := faults_of(path)):
        raise StoreError(f"the database {path} is damaged: {'; '.join(faults)}. {remedy(settings)}")
    with store_with_results(settings) as store:
        uses = store.uses()
        return Checkup(len(store.sweeps()), len(uses), sum(len(use.attempts) for use in uses), newest_whole(settings))


def remedy(settings: Settings) -> str:
    """What to do about a damaged store."""
    copy = newest_whole(settings)
    base = f"the copy of {copy.taken:%Y-%m-%d %H:%M} UTC and " if copy is not None else ""
    return f"`sweeper db rebuild` makes it again from {base}what the trials' folders say, and keeps the damaged files"


def rebuild_store(settings: Settings) -> Rebuilt:
    """Puts a store in place of a damaged or missing one; the old files are moved aside, never deleted.

    Raises RequestError while trials run, for a store that is whole, and where there is nothing to make one from.
    """
    path = sqlite_path(settings.store_url)
    if path is None:
        raise RequestError(f"{ON_A_SERVER}; pg_restore makes it again from such a copy")
    _ensure_nobody_runs(settings)
    if path.exists() and not faults_of(path):
        raise RequestError(f"the database {path} is whole, so that nothing is to be made again; to go back to a copy, move it away first")
    base = newest_whole(settings)
    made = path.with_name(f"{path.name}.rebuilding")
    for old in made.parent.glob(f"{made.name}*"):
        old.unlink()
    try:
        made.parent.mkdir(parents=True, exist_ok=True)
        if base is not None:
            shutil.copyfile(base.path, made)
            ResultsStore.upgrade(f"sqlite:///{made}")
        taken, missing = _fill(f"sqlite:///{made}", settings)
        if base is None and not taken.versions and not taken.attempts:
            said = f" ({missing[0]})" if missing else ""
            raise RequestError(f"there is neither a copy in {settings.root / 'backups'} nor anything in {settings.trials} to go by{said}")
        aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        put_in_place(made, path, aside)
    finally:
        for left in made.parent.glob(f"{made.name}*"):
            left.unlink()
    if not any(aside.iterdir()):
        aside.rmdir()
    return Rebuilt(path, base, taken, aside if aside.exists() else None, tuple(missing))


def _fill(url: str, settings: Settings) -> tuple[Taken, list[str]]:
    """What the folders say goes into the store at the URL, which has no log beside it afterwards."""
    missing: list[str] = []
    records: list[SweepRecord] = []
    for record in read_sweep_records(settings):
        if isinstance(record, str):
            missing.append(record)
        else:
            records.append(record)
    with ResultsStore.open(url) as store:
        with store.taking_in(is_dead) as taking:
            for record in records:
                taking.versions([record.version], record.whole_configs())
            for trial, unread in read_trials(settings):
                missing += unread
                if trial is not None:
                    taking.put_back(trial)
        take_in_folders(store, settings)
        return taking.taken, missing


def _ensure_nobody_runs(settings: Settings) -> None:
    now = time.time()
    for beat in heartbeats(settings.trials):
        if now - beat.stat().st_mtime < ALIVE_SECONDS:
            raise RequestError(
                f"a trial runs ({beat.parent} shows life); stop its run with Ctrl-C and wait a minute: two stores at once would part"
            )
