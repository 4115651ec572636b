"""An SQLite database as a file: whether it is whole, and a copy of it that is."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from model.whole_file import to_disk, whole_file
from sweeper.errors import StoreError
from sweeper.store.damage import is_damage
from sweeper.store.engine import parse_url
from sweeper.store.read_only import make_reading_engine

MOST_FAULTS = 5
"""Named one by one."""


def sqlite_path(url: str) -> Path | None:
    """Where the database at a URL lies; None for one on a server. Raises StoreError for what is no URL."""
    parsed = parse_url(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


def faults_of(path: Path) -> list[str]:
    """What is wrong with it, a line each; nothing is written. Raises StoreError where it cannot be looked at now."""
    if path.stat().st_size == 0:
        return ["the file is empty"]
    engine = make_reading_engine(sa.make_url("sqlite://").set(database=str(path)), "")
    try:
        with engine.execution_options(sqlite_begin="DEFERRED").connect() as connection:
            said = [str(line) for (line,) in connection.exec_driver_sql(f"PRAGMA integrity_check({MOST_FAULTS})")]
            found = [] if said == ["ok"] else [line for text in said for line in text.splitlines()]
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(MOST_FAULTS)
            return [*found, *(f"a row of {table} belongs to a row of {parent} that is not there" for table, _, parent, _ in orphans)]
    except sa.exc.DatabaseError as error:
        if is_damage(error.orig):
            return [str(error.orig)]
        raise StoreError(f"the database {path} cannot be looked at: {error.orig}") from error
    finally:
        engine.dispose()


def copy_checked(source: Path, target: Path) -> None:
    """A copy of the last commit in one file, whole or not there; runs that write meanwhile are not held up.

    Raises StoreError, with `target` as it was, where the source is damaged or there is no room.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    needed, free = source.stat().st_size, shutil.disk_usage(target.parent).free
    if needed > free:
        raise StoreError(f"there is no room for a copy of {source}: it takes {needed:,} bytes, and {free:,} are free in {target.parent}")
    try:
        with whole_file(target) as beside:
            beside.unlink(missing_ok=True)  # what a killed process left
            with _connected(source, "mode=ro") as original, _connected(beside, "mode=rwc") as copy:
                original.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            if faults := faults_of(beside):
                raise StoreError(f"the database {source} is damaged ({faults[0]}), so that no copy of it is kept")
            to_disk(beside)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{source} cannot be copied to {target} ({error})") from error


def put_in_place(made: Path, path: Path, aside: Path) -> None:
    """`made` becomes the database at `path`, whose files, log and all, go `aside` under their names. Both are closed. Raises OSError."""
    aside.mkdir(parents=True)
    for suffix in ("-wal", "-shm", ""):  # the file itself last: nobody may find it without its log
        old = path.with_name(path.name + suffix)
        with contextlib.suppress(FileNotFoundError):
            old.rename(aside / old.name)
    made.rename(path)


@contextlib.contextmanager
def _connected(path: Path, options: str) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"file:{quote(os.fsencode(path))}?{options}", uri=True, timeout=30)) as connection:
        yield connection
