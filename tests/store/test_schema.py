"""The migrations make the tables of `tables.py`, once, on every database."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from sweeper.errors import StoreError
from sweeper.store import schema
from sweeper.store.results_store import ResultsStore
from sweeper.store.tables import Table

PROBE = """
import sys
from sweeper.store.results_store import ResultsStore
loaded = set(sys.modules)
ResultsStore.open(sys.argv[1]).close()
print(*sorted({"alembic", "torch", "ray", "mlflow"} & (loaded | set(sys.modules))))
"""


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_the_migrations_make_the_declared_tables(url: str) -> None:
    ResultsStore.open(url).close()
    engine = sa.create_engine(sa.make_url(url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        options = {"version_table": schema.VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Table.metadata) == []


def clauses(sql: str) -> list[str]:
    """The parts of a CREATE statement, in whatever order: a column added later stands behind the constraints."""
    head, _, body = sql.partition("(")
    body, _, tail = body.rpartition(")")
    parts, depth = [""], 0
    for letter in body:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [" ".join(part.split()) for part in (head, *parts, tail)]


def test_the_migrations_write_what_the_tables_would(tmp_path: Path) -> None:
    """Stricter than comparing metadata, which does not see checks, WITHOUT ROWID, AUTOINCREMENT and partial indexes."""

    def statements(path: Path) -> set[tuple[str, ...]]:
        engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
        with engine.connect() as connection:
            found = connection.execute(sa.text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")).scalars()
            return {tuple(sorted(clauses(sql))) for sql in found if schema.VERSION_TABLE not in sql}

    ResultsStore.open(f"sqlite:///{tmp_path / 'migrated.db'}").close()
    Table.metadata.create_all(sa.create_engine(f"sqlite:///{tmp_path / 'declared.db'}", poolclass=sa.NullPool))
    assert statements(tmp_path / "migrated.db") == statements(tmp_path / "declared.db")


def test_the_migrations_can_be_undone(url: str) -> None:
    ResultsStore.open(url).close()
    engine = sa.create_engine(sa.make_url(url), poolclass=sa.NullPool)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection, "version_table": schema.VERSION_TABLE})
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names() == [schema.VERSION_TABLE]
    with ResultsStore.open(url) as store:
        assert store.sweeps() == []


def test_alembic_is_loaded_only_for_a_new_database(sqlite_url: str) -> None:
    def loaded() -> str:
        return subprocess.run([sys.executable, "-c", PROBE, sqlite_url], capture_output=True, text=True, check=True).stdout.strip()

    assert loaded() == "alembic"
    assert loaded() == ""


def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    ResultsStore.open(url).close()
    engine = sa.create_engine(sa.make_url(url), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    message = f"has schema '9999', and this version of sweeper knows up to '{schema.HEAD}': a newer version wrote it; upgrade sweeper"
    with pytest.raises(StoreError, match=message) as caught:
        ResultsStore.open(url)
    assert "unused" not in str(caught.value)
    with engine.connect() as connection:
        assert connection.scalar(sa.text(f"SELECT version_num FROM {schema.VERSION_TABLE}")) == "9999"
