"""From the URL of a database to an engine whose transactions are as the store needs them.

SQLite: WAL, so that readers never wait; writers begin with BEGIN IMMEDIATE, since a deferred transaction that turns from reading to
writing fails at once under WAL, whatever the timeout.
"""

import json
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Dialect, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from sweeper.errors import StoreError
from sweeper.store.file_systems import network_file_system

BUSY_SECONDS = 30
"""Longest wait for another's lock."""
SET_URL = "set SWEEPER_DATABASE_URL to sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"
NOTICED = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""A server that vanished from the network is away within half a minute (seconds, but the last in ms), not when the kernel gives up."""


def parse_url(url: str) -> URL:
    """Of a database that can hold the results. Raises StoreError."""
    try:
        parsed = sa.make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        # Not chained: a URL that cannot be read may have its password anywhere, and the cause would quote it.
        raise StoreError(f"the database URL cannot be read; {SET_URL}") from None
    if backend == "postgres":  # a spelling many services hand out
        backend = "postgresql"
    if backend == "postgresql":
        if "@" in f"{parsed.host}{parsed.database}":  # neither is told: both hold a part of the password then
            raise StoreError(f"the database URL has an @ in its password; write @ in a password as %40, / as %2F; {SET_URL}")
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise StoreError(f"a {backend} database cannot hold the results, only SQLite and PostgreSQL can; {SET_URL}")
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise StoreError(f"{shown(parsed)} is not a file by its path, and results must outlive the command; {SET_URL}")
    try:
        path = Path(parsed.database).expanduser().absolute()  # since the working directory may change
    except RuntimeError as error:
        raise StoreError(f"the database {parsed.database} begins with a user who has no home here; {SET_URL}") from error
    return sa.make_url("sqlite://").set(database=str(path))  # without options, which could turn our transactions off


def make_folder(path: Path, mounts: str) -> None:
    """Of an SQLite file, on a disk whose locks hold. `mounts`: as /proc/self/mounts. Raises StoreError, OSError."""
    refuse_directory(path)
    kind = network_file_system(path, mounts)
    if kind is not None:
        raise StoreError(
            f"an SQLite database must lie on a local disk, and {path} is on a network file system ({kind}), where its locks do not hold; "
            "set SWEEPER_HOME to a folder on a local disk, or SWEEPER_DATABASE_URL to a PostgreSQL server (postgresql://USER:PASSWORD@HOST/DATABASE)"
        )
    path.parent.mkdir(parents=True, exist_ok=True)


def refuse_directory(path: Path) -> None:
    """Raises StoreError for a directory in the place of an SQLite file."""
    if path.is_dir():
        raise StoreError(f"the database {path} is a directory; {SET_URL}, or SWEEPER_HOME to another folder")


def make_engine(url: URL, *, bounded: bool = True) -> Engine:
    """Not connected yet. `bounded`: a PostgreSQL that falls silent under a question is given up, see `sweeper.store.postgres`."""
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, json_serializer=_json, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
        sa.event.listen(engine, "connect", _on_sqlite_connect)
        sa.event.listen(engine, "begin", on_sqlite_begin)
    else:
        connect_args = {"connect_timeout": 10, "application_name": "sweeper", **NOTICED}
        engine = sa.create_engine(url, json_serializer=_json, hide_parameters=True, pool_pre_ping=True, connect_args=connect_args)
        if bounded:
            sa.event.listen(engine, "do_connect", _connect_bounded)
        sa.event.listen(engine, "connect", _on_postgres_connect)
    return engine


def _on_sqlite_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions on its own: `on_sqlite_begin` does.
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


def on_sqlite_begin(connection: Connection) -> None:
    """Begins as the engine's `sqlite_begin` says; IMMEDIATE where it says nothing."""
    connection.exec_driver_sql("BEGIN " + connection.get_execution_options().get("sqlite_begin", "IMMEDIATE"))


def _connect_bounded(_dialect: Dialect, _entry: ConnectionPoolEntry, arguments: list[Any], options: dict[str, Any]) -> DBAPIConnection:
    from sweeper.store.postgres import BoundedConnection

    return cast(DBAPIConnection, BoundedConnection.connect(*arguments, **options))


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


def shown(url: URL) -> str:
    """The URL without its password and its options, which may hold one; a file by its path."""
    return (
        str(url.database) if url.get_backend_name() == "sqlite" and url.database else url.set(query={}).render_as_string(hide_password=True)
    )
