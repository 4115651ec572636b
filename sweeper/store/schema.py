"""Which schema a database has, and how it gets ours. Alembic is loaded only when there is something to do."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from sweeper.errors import StoreError
from sweeper.store.clock import now
from sweeper.store.tables import UtcTime

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0008"
"""Revision of the newest file in `migrations/versions`; a test compares them."""

VERSION_TABLE = "sweeper_schema"
"""Alembic's table under a name of our own: MLflow's and Optuna's tables may share a PostgreSQL database with ours."""

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_KEY = 0x5EE9E6
"""Of the PostgreSQL advisory lock that one upgrade at a time holds."""


def prepare(engine: Engine) -> None:
    """Make our tables in an empty database; two processes may do so at once. At HEAD, one read and nothing else.

    Raises StoreError for an older schema, naming the command that upgrades it, for a revision we do not know and for a file that holds
    another program's tables; leaves all of them untouched.
    """
    with engine.execution_options(sqlite_begin="DEFERRED").connect() as connection:
        if _revision(connection) == HEAD:
            return
    with _alone(engine) as connection:
        revision = _revision(connection)
        _not_older(connection, revision)
        _ours(connection, revision)
        if revision != HEAD:
            _to_head(connection)


def is_ready(engine: Engine) -> bool:
    """Whether our tables are there, at HEAD; False where there is no table yet. Writes nothing.

    Raises StoreError as `prepare` does.
    """
    with engine.execution_options(sqlite_begin="DEFERRED").connect() as connection:
        revision = _revision(connection)
        if revision != HEAD:
            _not_older(connection, revision)
            _ours(connection, revision)
        return revision == HEAD


def upgrade(engine: Engine) -> str | None:
    """Bring an older schema to HEAD, in one transaction; returns the revision it had, None for an empty database.

    Raises StoreError for a revision we do not know, for another program's tables, and while trials run, whose drivers know only
    the older schema.
    """
    with _alone(engine) as connection:
        revision = _revision(connection)
        _ours(connection, revision)
        if revision is not None and revision != HEAD:
            _nobody_runs(connection)
        if revision != HEAD:
            _to_head(connection)
        return revision


@contextlib.contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:  # on SQLite BEGIN IMMEDIATE: alone until it commits
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))
        yield connection


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _not_older(connection: Connection, revision: str | None) -> None:
    """Raises StoreError for a schema that can be brought up to date."""
    if revision is not None and revision != HEAD and revision in _known():
        raise StoreError(
            f"the database {_place(connection)} has schema {revision!r}, and this version of sweeper needs {HEAD!r}: an older version"
            " wrote it; keep a copy, and bring it up to date with: sweeper db upgrade"
        )


def _ours(connection: Connection, revision: str | None) -> None:
    """Raises StoreError for a database that is not ours, or not yet."""
    if revision is not None and revision not in _known():
        raise StoreError(
            f"the database {_place(connection)} has schema {revision!r}, and this version of sweeper knows up to {HEAD!r}: a newer version"
            " wrote it; upgrade sweeper, or set SWEEPER_HOME or SWEEPER_DATABASE_URL to another database"
        )
    strangers = sorted(set(sa.inspect(connection).get_table_names()) - {VERSION_TABLE})
    if revision is None and strangers and connection.dialect.name == "sqlite":  # a PostgreSQL database may be shared
        raise StoreError(
            f"the database {_place(connection)} holds the tables of another program ({', '.join(strangers[:3])}, ...), not sweeper's; "
            "set SWEEPER_HOME or SWEEPER_DATABASE_URL to another database"
        )


def _nobody_runs(connection: Connection) -> None:
    """In words that every schema so far understands."""
    held = sa.table("attempt", sa.column("state"), sa.column("owner"), sa.column("lease_until", UtcTime()))
    live = sa.select(held.c.owner, held.c.lease_until).where(held.c.state == "running", held.c.lease_until > now(connection))
    found = connection.execute(live.order_by(held.c.lease_until.desc())).all()
    if found:
        (owner, until), count = found[0], len(found)
        host, _, process = owner.partition(":")
        raise StoreError(
            f"{count} {'trial runs' if count == 1 else 'trials run'} on the database {_place(connection)}, under process"
            f" {process.partition(':')[0]} on {host}; stop that run with Ctrl-C, or, if it is dead, wait until its lease ends"
            f" ({until:%Y-%m-%d %H:%M:%S} UTC); then upgrade again"
        )


def _place(connection: Connection) -> str:
    return connection.engine.url.set(query={}).render_as_string(hide_password=True)


def _known() -> set[str]:
    """Every revision that there is a migration for."""
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _to_head(connection: Connection) -> None:
    from alembic import command

    command.upgrade(_config(connection=connection, version_table=VERSION_TABLE), "head")


def _config(**attributes: Any) -> "Config":
    from alembic.config import Config

    config = Config(attributes=attributes)
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
