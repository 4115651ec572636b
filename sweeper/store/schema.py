"""Which schema a database has, and how it gets ours. Alembic is loaded only when there is something to do."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from sweeper.errors import StoreError

HEAD = "0002"
"""Revision of the newest file in `migrations/versions`; a test compares them."""

VERSION_TABLE = "sweeper_schema"
"""Alembic's table under a name of our own: MLflow's and Optuna's tables may share a PostgreSQL database with ours."""

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_KEY = 0x5EE9E6
"""Of the PostgreSQL advisory lock that one upgrade at a time holds."""


def prepare(engine: Engine) -> None:
    """Bring the schema to HEAD; two processes may do so at once. At HEAD, one read and nothing else.

    Raises StoreError for a revision we do not know and for a file that holds another program's tables; leaves both untouched.
    """
    with engine.execution_options(sqlite_begin="DEFERRED").connect() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:  # on SQLite BEGIN IMMEDIATE: alone until it commits
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))
        if _revision(connection) != HEAD:
            _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    revision = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    place = connection.engine.url.set(query={}).render_as_string(hide_password=True)
    if revision is not None and revision not in known:
        raise StoreError(
            f"the database {place} has schema {revision!r}, and this version of sweeper knows up to {HEAD!r}: a newer version wrote it; "
            "upgrade sweeper, or set SWEEPER_HOME or SWEEPER_DATABASE_URL to another database"
        )
    strangers = sorted(set(sa.inspect(connection).get_table_names()) - {VERSION_TABLE})
    if revision is None and strangers and connection.dialect.name == "sqlite":  # a PostgreSQL database may be shared
        raise StoreError(
            f"the database {place} holds the tables of another program ({', '.join(strangers[:3])}, ...), not sweeper's; "
            "set SWEEPER_HOME or SWEEPER_DATABASE_URL to another database"
        )
    command.upgrade(config, "head")
