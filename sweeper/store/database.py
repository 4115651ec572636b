"""One database, opened: transactions that either happen or raise `StoreLost`, on SQLite and PostgreSQL alike."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateSchema

from sweeper.errors import StoreError, StoreLost, StoreUnavailable, StoreUnreachable
from sweeper.settings import without_secrets_of
from sweeper.store import schema
from sweeper.store.damage import DAMAGED, is_damage
from sweeper.store.engine import SET_URL, make_engine, make_folder, parse_url, shown
from sweeper.store.file_systems import read_mounts
from sweeper.store.read_only import make_reading_engine

Answer = TypeVar("Answer")


_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}


_REFUSALS = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
    "failed to resolve host",
    "could not translate host name",
)
"""Parts of what PostgreSQL and its client say to a request that will not be granted later either. (There is no code to tell them by.)"""


class Conflict(StoreLost):
    """A unique or foreign key refused the write; nothing of the transaction was kept."""


@dataclass(frozen=True)
class Upgrade:
    """What became of a database's schema."""

    place: str
    """The database, without its password."""
    before: str | None
    """Its revision; None where it had no tables."""
    after: str


class Database:
    """An opened database at the newest schema. Safe to share between threads; a process opens its own, never across a fork.

    A transaction commits whole or not at all, also when an exception (KeyboardInterrupt from a signal included) leaves its block.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._busy = threading.local()
        if engine.dialect.name == "sqlite":
            self._reader = engine.execution_options(sqlite_begin="DEFERRED")
        else:
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @classmethod
    def open(cls, url: str, *, mounts: str | None = None) -> Self:
        """Open; an empty database gets our tables. `mounts` replaces /proc/self/mounts in tests.

        Every fault is one StoreError without a password in its message: not a URL, no driver, a network file system, a directory, not a
        database, unreadable, server away, tables of another program, a schema from an older or a newer version.
        """
        engine, _ = _opened(url, _to_write, schema.prepare, mounts)
        return cls(engine)

    @classmethod
    def look(cls, url: str, *, mounts: str | None = None) -> Self | None:
        """Open to read alone: writes nothing, needs no right to, and waits for no writer; None without a file, or without tables of ours.

        Raises StoreError as `open` does.
        """
        parsed = parse_url(url)
        if parsed.get_backend_name() == "sqlite" and not os.path.exists(str(parsed.database)):
            return None
        engine, ready = _opened(url, make_reading_engine, schema.is_ready, mounts)
        if ready:
            return cls(engine)
        engine.dispose()
        return None

    @classmethod
    def upgrade(cls, url: str) -> Upgrade:
        """Bring an older database to the newest schema. Raises StoreError as `open` does."""
        engine, before = _opened(url, _to_upgrade, schema.upgrade, None)
        engine.dispose()
        return Upgrade(shown(engine.url), before, schema.HEAD)

    def ensure_schema(self, name: str) -> None:
        """Make a schema where there is none; SQLite has none."""
        if self._engine.dialect.name == "postgresql":
            with self.writing() as session:
                session.execute(CreateSchema(name, if_not_exists=True))

    def close(self) -> None:
        """Close every connection; closing twice is harmless."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A read-only view of one moment, however many queries are asked. Raises StoreLost when the database fails."""
        with self._border(), Session(self._reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One writing transaction. Raises StoreLost (Conflict for a key that is taken) when the database fails; nothing was written then.

        Transactions of one thread do not nest: a signal handler sets a flag or raises, and leaves the store to the code it interrupted.
        """
        if getattr(self._busy, "writing", False):
            raise RuntimeError("this thread is inside a store transaction already; a second one would wait for the first for ever")
        try:
            self._busy.writing = True
            with self._border(), Session(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
        finally:
            self._busy.writing = False

    @contextmanager
    def _border(self) -> Iterator[None]:
        """Where SQLAlchemy's exceptions become ours; a value that the database cannot hold is the caller's ValueError."""
        try:
            yield
        except IntegrityError as error:
            raise Conflict(f"the database {shown(self._engine.url)} refused a write: {_first_line(error.orig)}") from error
        except DataError as error:
            raise ValueError(f"the database cannot hold this value: {_first_line(error.orig)}") from error
        except (DBAPIError, PoolTimeout) as error:
            kind = StoreUnavailable if _may_return(error) else StoreLost
            raise kind(_lost(self._engine.url, error)) from error
        except StatementError as error:  # not the database's: a value could not be turned into what it takes
            raise ValueError(_first_line(error.orig)) from error


def _to_write(url: URL, mounts: str) -> Engine:
    if url.get_backend_name() == "sqlite":
        make_folder(Path(url.database or ""), mounts)
    return make_engine(url)


def _to_upgrade(url: URL, mounts: str) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _to_write(url, mounts)
    return make_engine(url, bounded=False)  # a table that is copied says nothing for as long as it takes


def _opened(
    url: str, make: Callable[[URL, str], Engine], make_ready: Callable[[Engine], Answer], mounts: str | None
) -> tuple[Engine, Answer]:
    """An engine whose schema `make_ready` saw to, and what that answered; every fault as one StoreError."""
    parsed = parse_url(url)
    try:
        engine = make(parsed, read_mounts() if mounts is None else mounts)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"the database driver {error.name!r} is not installed; install it with: pip install 'sweeper[postgres]'"
        ) from error
    except (OSError, SQLAlchemyError) as error:
        raise _cannot_open(parsed, error) from error
    try:
        return engine, make_ready(engine)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        engine.dispose()
        raise _cannot_open(parsed, error) from error
    except BaseException:
        engine.dispose()
        raise


def _cannot_open(url: URL, error: Exception) -> StoreError:
    if isinstance(error, OperationalError) and _code(error) == sqlite3.SQLITE_READONLY:
        return StoreError(
            f"the database {shown(url)} cannot be written ({_detail(url, error)}), though its results can be read; to go on from them, copy"
            f" the folder to a place of yours and set SWEEPER_HOME to the copy, or {SET_URL}"
        )
    if isinstance(error, DBAPIError) and is_damage(error.orig):
        return StoreError(f"the database {shown(url)} cannot be opened: {_detail(url, error)}; {DAMAGED}; or {SET_URL}")
    other = "set SWEEPER_HOME to another folder, or " if url.get_backend_name() == "sqlite" else ""
    kind = StoreUnreachable if _may_open_later(error) else StoreError
    return kind(f"the database {shown(url)} cannot be opened: {_detail(url, error)}; mend it, or {other}{SET_URL}")


def _lost(url: URL, error: Exception) -> str:
    if isinstance(error, DBAPIError) and is_damage(error.orig):
        return f"the database {shown(url)} is damaged ({_detail(url, error)}); {DAMAGED}"
    return f"the database {shown(url)} failed: {_detail(url, error)}; what was written is kept, and the same command goes on from it"


def _may_return(error: DBAPIError | PoolTimeout) -> bool:
    """Whether the database as a whole does not answer now, rather than this question being one that it never answers."""
    if isinstance(error, PoolTimeout) or error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        return _code(error) in _SQLITE_AWAY
    return isinstance(error, OperationalError | InterfaceError)


def _may_open_later(error: Exception) -> bool:
    """Whether the database was only not there at this moment: a server that restarts, or cuts us off, a file that others hold."""
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    said = str(error.orig)
    return isinstance(error, OperationalError | InterfaceError) and not any(refusal in said for refusal in _REFUSALS)


def _code(error: DBAPIError) -> int | None:
    """SQLite's primary result code; None of another database."""
    return error.orig.sqlite_errorcode & 0xFF if isinstance(error.orig, sqlite3.Error) else None


def _detail(url: URL, error: Exception) -> str:
    text = _first_line(error.orig if isinstance(error, DBAPIError) else error)
    return without_secrets_of(url.render_as_string(hide_password=False), text)


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
