"""One database, opened: transactions that either happen or raise `StoreLost`, on SQLite and PostgreSQL alike.

SQLite: WAL, so that readers never wait; writers begin with BEGIN IMMEDIATE, since a deferred transaction that turns from reading to
writing fails at once under WAL, whatever the timeout.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
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
from sqlalchemy.pool import ConnectionPoolEntry

from sweeper.errors import StoreAway, StoreError, StoreLost
from sweeper.settings import without_secrets_of
from sweeper.store import schema
from sweeper.store.file_systems import network_file_system, read_mounts

BUSY_SECONDS = 30
Answer = TypeVar("Answer")
SET_URL = "set SWEEPER_DATABASE_URL to sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"


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
        return Upgrade(_shown(engine.url), before, schema.HEAD)

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
            raise Conflict(f"the database {_shown(self._engine.url)} refused a write: {_first_line(error.orig)}") from error
        except DataError as error:
            raise ValueError(f"the database cannot hold this value: {_first_line(error.orig)}") from error
        except (DBAPIError, PoolTimeout) as error:
            kind = StoreAway if _may_return(error) else StoreLost
            raise kind(_lost(self._engine.url, error)) from error
        except StatementError as error:  # not the database's: a value could not be turned into what it takes
            raise ValueError(_first_line(error.orig)) from error


def _opened(url: str, make_ready: Callable[[Engine], Answer], mounts: str | None) -> tuple[Engine, Answer]:
    """An engine whose schema `make_ready` saw to, and what that answered; every fault as one StoreError."""
    parsed = _parse(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            _make_ready(Path(parsed.database or ""), read_mounts() if mounts is None else mounts)
        engine = _engine(parsed)
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


def now(session: Session) -> datetime:
    """The clock that leases are measured by: the server's where several machines share one, else this machine's."""
    if session.get_bind().dialect.name == "postgresql":
        return session.scalars(sa.select(sa.func.clock_timestamp(type_=sa.DateTime(timezone=True)))).one().astimezone(UTC)
    return datetime.now(UTC)


def _parse(url: str) -> URL:
    try:
        parsed = sa.make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        # Not chained: a URL that cannot be read may have its password anywhere, and the cause would quote it.
        raise StoreError(f"the database URL cannot be read; {SET_URL}") from None
    if backend == "postgres":  # a spelling many services hand out
        backend = "postgresql"
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise StoreError(f"a {backend} database cannot hold the results, only SQLite and PostgreSQL can; {SET_URL}")
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise StoreError(f"{_shown(parsed)} is not a file by its path, and results must outlive the command; {SET_URL}")
    # Absolute, since the working directory may change; without options, which could turn our transactions off.
    return sa.make_url("sqlite://").set(database=str(Path(parsed.database).expanduser().absolute()))


def _make_ready(path: Path, mounts: str) -> None:
    if path.is_dir():
        raise StoreError(f"the database {path} is a directory; {SET_URL}, or SWEEPER_HOME to another folder")
    kind = network_file_system(path, mounts)
    if kind is not None:
        raise StoreError(
            f"an SQLite database must lie on a local disk, and {path} is on a network file system ({kind}), where its locks do not hold; "
            "set SWEEPER_HOME to a folder on a local disk, or SWEEPER_DATABASE_URL to a PostgreSQL server (postgresql://USER:PASSWORD@HOST/DATABASE)"
        )
    path.parent.mkdir(parents=True, exist_ok=True)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, json_serializer=_json, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
        sa.event.listen(engine, "connect", _on_sqlite_connect)
        sa.event.listen(engine, "begin", _on_sqlite_begin)
    else:
        connect_args = {"connect_timeout": 10, "application_name": "sweeper"}
        engine = sa.create_engine(url, json_serializer=_json, hide_parameters=True, pool_pre_ping=True, connect_args=connect_args)
        sa.event.listen(engine, "connect", _on_postgres_connect)
    return engine


def _on_sqlite_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions on its own: `_on_sqlite_begin` does.
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    _turn_on_wal(connection)


def _turn_on_wal(connection: sqlite3.Connection) -> None:
    # The switch asks for the file alone and does not honour the busy timeout, so several first starts at once try again by hand.
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
            continue
        if mode != "wal":
            raise sqlite3.OperationalError(f"this file system does not support SQLite's write-ahead log (journal mode stays {mode!r})")


def _on_sqlite_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN " + connection.get_execution_options().get("sqlite_begin", "IMMEDIATE"))


def _on_postgres_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # A driver that was stopped inside a transaction must not hold its locks for ever: others wait, then it is thrown out.
    cursor = connection.cursor()
    cursor.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
    cursor.execute(f"SET idle_in_transaction_session_timeout = '{BUSY_SECONDS - 5}s'")
    cursor.close()
    connection.commit()


def _json(value: Any) -> str:
    """JSON that every dialect can hold: NaN and infinity raise ValueError; any mapping will do."""
    try:
        return json.dumps(value, allow_nan=False, default=_plain)
    except ValueError as error:
        raise ValueError(f"the database cannot hold this value: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise ValueError(f"{type(value).__name__} {value!r} is not JSON")


def _cannot_open(url: URL, error: Exception) -> StoreError:
    other = "set SWEEPER_HOME to another folder, or " if url.get_backend_name() == "sqlite" else ""
    return StoreError(f"the database {_shown(url)} cannot be opened: {_detail(url, error)}; mend it, or {other}{SET_URL}")


def _lost(url: URL, error: Exception) -> str:
    return f"the database {_shown(url)} failed: {_detail(url, error)}; what was written is kept, and the same command goes on from it"


def _may_return(error: DBAPIError | PoolTimeout) -> bool:
    """Whether the database as a whole does not answer now, rather than this question being one that it never answers."""
    if isinstance(error, PoolTimeout) or error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        return error.orig.sqlite_errorcode & 0xFF in _SQLITE_AWAY
    return isinstance(error, OperationalError | InterfaceError)


def _shown(url: URL) -> str:
    """The URL without its password and its options, which may hold one; a file by its path."""
    return (
        str(url.database) if url.get_backend_name() == "sqlite" and url.database else url.set(query={}).render_as_string(hide_password=True)
    )


def _detail(url: URL, error: Exception) -> str:
    text = _first_line(error.orig if isinstance(error, DBAPIError) else error)
    return without_secrets_of(url.render_as_string(hide_password=False), text)


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
