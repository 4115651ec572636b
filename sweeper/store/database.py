"""One database, opened: transactions that either happen or raise `StoreLost`, on SQLite and PostgreSQL alike."""

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

from sweeper.errors import StoreAway, StoreError, StoreLost
from sweeper.settings import without_secrets_of
from sweeper.store import schema
from sweeper.store.engine import SET_URL, make_engine, make_folder, parse_url, shown
from sweeper.store.file_systems import read_mounts

Answer = TypeVar("Answer")


_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}


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
        engine, _ = _opened(url, schema.prepare, mounts)
        return cls(engine)

    @classmethod
    def upgrade(cls, url: str) -> Upgrade:
        """Bring an older database to the newest schema. Raises StoreError as `open` does."""
        engine, before = _opened(url, schema.upgrade, None)
        engine.dispose()
        return Upgrade(shown(engine.url), before, schema.HEAD)

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
            kind = StoreAway if _may_return(error) else StoreLost
            raise kind(_lost(self._engine.url, error)) from error
        except StatementError as error:  # not the database's: a value could not be turned into what it takes
            raise ValueError(_first_line(error.orig)) from error


def _opened(url: str, make_ready: Callable[[Engine], Answer], mounts: str | None) -> tuple[Engine, Answer]:
    """An engine whose schema `make_ready` saw to, and what that answered; every fault as one StoreError."""
    parsed = parse_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            make_folder(Path(parsed.database or ""), read_mounts() if mounts is None else mounts)
        engine = make_engine(parsed)
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
    other = "set SWEEPER_HOME to another folder, or " if url.get_backend_name() == "sqlite" else ""
    return StoreError(f"the database {shown(url)} cannot be opened: {_detail(url, error)}; mend it, or {other}{SET_URL}")


def _lost(url: URL, error: Exception) -> str:
    return f"the database {shown(url)} failed: {_detail(url, error)}; what was written is kept, and the same command goes on from it"


def _may_return(error: DBAPIError | PoolTimeout) -> bool:
    """Whether the database as a whole does not answer now, rather than this question being one that it never answers."""
    if isinstance(error, PoolTimeout) or error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        return error.orig.sqlite_errorcode & 0xFF in _SQLITE_AWAY
    return isinstance(error, OperationalError | InterfaceError)


def _detail(url: URL, error: Exception) -> str:
    text = _first_line(error.orig if isinstance(error, DBAPIError) else error)
    return without_secrets_of(url.render_as_string(hide_password=False), text)


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
