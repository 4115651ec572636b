"""Opening a database to read it alone: nothing is written, nothing is made, and no writer is waited for.

SQLite under WAL: writers append to a log (`-wal`), readers see the last commit whatever a writer holds, and all of them share an index
(`-shm`) of the log. Without a log there is nothing to share: the file is read as it is (`immutable=1`), which works where nothing may be
written, and leaves nothing there. With a log, `immutable` would miss its commits without a word, so it is never used then. Where there is
a log whose index is not there and cannot be made, on a full disk or in a folder that cannot be written, nobody is writing either: file and
log are copied to a temporary folder, and the copy is read.
"""

import os
import shutil
import sqlite3
import tempfile
import weakref
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from sweeper.errors import StoreError
from sweeper.store.engine import make_engine, on_sqlite_begin, refuse_directory
from sweeper.store.file_systems import network_file_system

WAIT_SECONDS = 5.0
"""Longest wait for the moment in which another process opens or closes the file; a writer's transaction is never waited for."""
_WHOLE_INDEX = 32_768
"""Bytes that the index of a database in use has at least; a full disk leaves a shorter one."""
_CANNOT_SHARE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL}


def make_reading_engine(url: URL, mounts: str) -> Engine:
    """Not connected yet. `mounts`: as /proc/self/mounts. Raises StoreError for a directory, and for a log that is on another
    machine's disk.
    """
    if url.get_backend_name() != "sqlite":
        return make_engine(url)
    path = Path(str(url.database))
    refuse_directory(path)
    kind = network_file_system(path, mounts)
    if kind is not None and _has_log(path):
        raise StoreError(
            f"the database {path} is on a network file system ({kind}), where its locks do not hold, and {_log(path).name} beside it says"
            " that it is in use or was not closed; read it on the machine that writes it, or copy the folder to a local disk and set"
            " SWEEPER_HOME to the copy"
        )

    # No pool: a connection that reads the file as it is would never see what is written later.
    copy = _Copy(path)
    engine = sa.create_engine(url, creator=lambda: _connect(path, copy), poolclass=sa.NullPool, hide_parameters=True)
    sa.event.listen(engine, "begin", on_sqlite_begin)
    return engine


class _Copy:
    """Of a database whose log has no index, and so no writer: made anew where a writer came and went, and gone with its engine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder: Path | None = None
        self._of: list[tuple[int, ...]] = []
        """Which files it was made of."""

    def connect(self) -> sqlite3.Connection:
        """Raises OSError where there is no room, or where somebody writes after all."""
        now = self._files()
        if self._folder is None or self._of != now:
            folder = Path(tempfile.mkdtemp(prefix="sweeper-look-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            for file in (self._path, _log(self._path)):
                shutil.copyfile(file, folder / file.name)
            if self._files() != now:
                raise OSError("it was written to meanwhile")
            self._folder, self._of = folder, now
        return _opened(self._folder / self._path.name, "mode=ro")

    def _files(self) -> list[tuple[int, ...]]:
        index = self._path.with_name(self._path.name + "-shm")
        if index.exists() and index.stat().st_size >= _WHOLE_INDEX:
            raise OSError(f"{index.name} is there, and may be in use")
        found = [os.stat(file) for file in (self._path, _log(self._path))]
        return [(about.st_ino, about.st_size, about.st_mtime_ns) for about in found]


def _connect(path: Path, copy: _Copy) -> sqlite3.Connection:
    if not _has_log(path):
        # A writer that begins now changes the file itself only when it moves its log there, long after this transaction.
        return _opened(path, "mode=ro&immutable=1")
    shared = _opened(path, "mode=ro")
    try:
        shared.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return shared
    except sqlite3.OperationalError as error:
        shared.close()
        if error.sqlite_errorcode & 0xFF not in _CANNOT_SHARE:
            raise
        if not _has_log(path):  # its last writer closed it between the two looks
            return _opened(path, "mode=ro&immutable=1")
        try:
            return copy.connect()
        except OSError as other:
            raise StoreError(
                f"the last writes of the database {path} are in {_log(path).name} beside it, which cannot be read on a full disk or in a"
                f" folder that cannot be written ({error}), nor from a copy in {tempfile.gettempdir()} ({other.strerror or other}); free"
                " some space, or copy the folder to a place of yours and set SWEEPER_HOME to the copy"
            ) from error


def _opened(path: Path, options: str) -> sqlite3.Connection:
    # The driver must not begin transactions on its own: `on_sqlite_begin` does. Threads take turns, as SQLAlchemy has them do.
    return sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?{options}", uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )


def _has_log(path: Path) -> bool:
    """Whether commits may lie beside the file; an empty log holds none."""
    try:
        return _log(path).stat().st_size > 0
    except OSError:
        return False


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")
