"""Checked copies of the store, in `backups/` under SWEEPER_HOME: asked for, before an upgrade, and daily while sweeps run."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sweeper.driver.attempt_records import AttemptRecords
from sweeper.errors import RequestError, StoreError, StoreLost, SweeperError
from sweeper.service.open_store import existing_store_to_write, upgraded_store
from sweeper.service.sweep_records import write_sweep_record
from sweeper.settings import Settings
from sweeper.store.results_store import Upgrade
from sweeper.store.sqlite_files import copy_checked, faults_of, sqlite_path

KEPT = 3
"""The newest copies that stay."""
EVERY_SECONDS = 24 * 3600.0
LOOK_SECONDS = 600.0
"""Between looks whether a copy is due."""
ON_A_SERVER = "the results are in a PostgreSQL database, which its own tools copy: pg_dump --format=custom --file=FILE DATABASE"


@dataclass(frozen=True)
class Backup:
    """A copy."""

    path: Path
    taken: datetime


def backups(settings: Settings) -> list[Backup]:
    """Those that are there, the newest first."""
    found = [Backup(path, datetime.fromtimestamp(path.stat().st_mtime, UTC)) for path in _folder(settings).glob("*.db")]
    return sorted(found, key=lambda backup: (backup.taken, backup.path.name), reverse=True)


def newest_whole(settings: Settings) -> Backup | None:
    """The newest that still is what was written."""
    for backup in backups(settings):
        with contextlib.suppress(StoreError):
            if not faults_of(backup.path):
                return backup
    return None


def back_up(settings: Settings) -> Backup:
    """A copy taken now; of older ones the newest stay. Raises RequestError, StoreError; then all that were there still are."""
    source = sqlite_path(settings.store_url)
    if source is None:
        raise RequestError(ON_A_SERVER)
    moment = datetime.now(UTC)
    target = _folder(settings) / f"{source.stem}-{moment:%Y%m%dT%H%M%S%f}Z.db"
    copy_checked(source, target)
    for old in backups(settings)[KEPT:]:
        with contextlib.suppress(OSError):
            old.path.unlink()
    return Backup(target, moment)


def upgrade_with_copy(settings: Settings) -> tuple[Upgrade, Backup | None]:
    """The newest schema, and a copy of the database as it was, where it had an older one. Raises RequestError, StoreError."""
    source = sqlite_path(settings.store_url)
    if source is None or not source.exists() or not os.access(source.parent, os.W_OK):
        return upgraded_store(settings), None  # in a folder that cannot be written it says so, and changes nothing
    moment = datetime.now(UTC)
    target = _folder(settings) / f"{source.stem}-{moment:%Y%m%dT%H%M%S%f}Z-before-upgrade.db"
    copy_checked(source, target)
    needed = False
    try:
        done = upgraded_store(settings)
        needed = done.before != done.after
        return done, Backup(target, moment) if needed else None
    finally:
        if not needed:
            target.unlink()


def complete_records(settings: Settings) -> None:
    """Attempts of older versions get the files that a store is made again from. Raises RequestError, StoreError."""
    with existing_store_to_write(settings) as store:
        AttemptRecords(store, settings).complete()
        for version in store.versions():
            write_sweep_record(store, settings, version.name, version.profile, version.hash)


class DailyBackups:
    """While a run lasts, a copy when the newest is a day old; at its end one where there is none yet. A context manager.

    What cannot be copied is said once, and stops no run. A database on a server is left to its own tools.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings, self._say = settings, say
        self._here = sqlite_path(settings.store_url) is not None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="backups", daemon=True)
        self._complained = False

    def __enter__(self) -> Self:
        if self._here:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        if self._here and kind is None:
            self._thread.join()
            self._take_if_due(at_end=True)

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self._take_if_due(at_end=False)

    def _take_if_due(self, *, at_end: bool) -> None:
        try:
            newest = backups(self._settings)[:1]
            due = time.time() - newest[0].taken.timestamp() >= EVERY_SECONDS if newest else at_end
            if due:
                back_up(self._settings)
                complete_records(self._settings)
        except (OSError, StoreLost, SweeperError) as error:
            if not self._complained:
                self._say(f"no copy of the store could be kept: {error}")
            self._complained = True


def _folder(settings: Settings) -> Path:
    return settings.root / "backups"
