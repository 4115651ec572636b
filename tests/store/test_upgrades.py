"""Databases of older versions, kept as they were written: refused with the command that upgrades them, upgraded, and whole afterwards.

`kept/REVISION.sql` is the dump of a database in which a small sweep ran under that schema. Whoever adds a migration adds a dump of the
schema before it, where none is kept yet: `sqlite3 sweeper.db .dump`, names of machines taken out.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from sweeper.errors import StoreError
from sweeper.store import schema
from sweeper.store.results_store import ResultsStore

KEPT = sorted((Path(__file__).parent / "kept").glob("*.sql"))
Rows = dict[str, list[dict[str, Any]]]
NEXT = """
from alembic import op
import sqlalchemy as sa

revision, down_revision, branch_labels, depends_on = "next", {head!r}, None, None


def upgrade() -> None:
    with op.batch_alter_table("trial") as trial:
        trial.add_column(sa.Column("note", sa.Text(), nullable=False, server_default="none"))
"""


@pytest.fixture(params=KEPT, ids=lambda path: path.stem)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A SQLite file of an older version."""
    return restored(request.param, tmp_path / "kept.db")


def restored(dump: Path, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(dump.read_text(encoding="utf-8"))
    return path


def rows_of(url: str) -> Rows:
    """Every row of every table of ours, in the order of its key."""
    engine = sa.create_engine(sa.make_url(url), poolclass=sa.NullPool)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        found = {
            name: [dict(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()]
            for name, table in tables.tables.items()
            if name != schema.VERSION_TABLE
        }
    return {name: [{column: _aware(value) for column, value in row.items()} for row in rows] for name, rows in found.items()}


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC) if isinstance(value, datetime) else value


def same_rows(before: Rows, after: Rows) -> None:
    """Every value that was there is there; columns and tables may have come along, and MLflow's lease and mark are a tracker's row now."""
    for name, rows in before.items():
        if name == "outbox":
            marks = [row["payload"]["mark"] for row in rows if row["id"] == 0]
            marks += [row["mark"] for row in before.get("mirror_lease", before.get("tracker", [])) if row.get("mark")]
            assert [row["mark"] for row in after["tracker"] if row["mark"]] == marks
            rows = [row for row in rows if row["id"] != 0]
            assert {row["tracker"] for row in after["outbox"]} <= {"mlflow"}
        columns = list(rows[0]) if rows else []
        if name == "mirror_lease":
            name, columns = "tracker", ["owner", "until"]
            assert [row["name"] for row in after["tracker"]] == ["mlflow"]
            rows = [{column: row[column] for column in columns} for row in rows]
        assert [{column: row[column] for column in columns} for row in after[name]] == rows, name


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweeper with one more migration than this one."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next.py").write_text(NEXT.format(head=schema.HEAD))
    monkeypatch.setattr(schema, "MIGRATIONS", folder)
    monkeypatch.setattr(schema, "HEAD", "next")


def test_a_dump_of_every_schema_is_kept_but_of_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    revisions = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    assert {path.stem for path in KEPT} >= revisions - {schema.HEAD} | {"0001"}


def test_a_kept_database_holds_real_rows(kept: Path) -> None:
    counts = {name: len(rows) for name, rows in rows_of(f"sqlite:///{kept}").items()}
    assert all(counts.values()), counts


def test_an_upgrade_keeps_every_row(kept: Path) -> None:
    url = f"sqlite:///{kept}"
    before = rows_of(url)
    done = ResultsStore.upgrade(url)
    assert (done.place, done.after) == (str(kept), schema.HEAD)
    same_rows(before, rows_of(url))
    again = ResultsStore.upgrade(url)
    assert again.before == again.after == schema.HEAD
    with ResultsStore.open(url) as store:
        assert [sweep.name for sweep in store.sweeps()] == ["tiny"]
        assert store.snapshot().outcomes
        histories = [store.history(row["fingerprint"]) for row in before["trial"]]
    assert sum(len(history.attempts) for history in histories) == len(before["attempt"])
    assert any(history.points for history in histories)
    assert any(history.evaluations for history in histories)


def test_an_upgrade_keeps_every_row_on_postgresql(postgres_url: str, kept: Path) -> None:
    """The kept rows, put into the same old schema on a server."""
    old = rows_of(f"sqlite:///{kept}")
    with closing(sqlite3.connect(kept)) as database:
        revision = database.execute(f"SELECT version_num FROM {schema.VERSION_TABLE}").fetchone()[0]
    engine = sa.create_engine(sa.make_url(postgres_url), poolclass=sa.NullPool)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection, "version_table": schema.VERSION_TABLE})
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        command.upgrade(config, revision)
        tables = sa.MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            if old.get(table.name):
                connection.execute(sa.delete(table))  # what a migration itself put there is among the kept rows
                connection.execute(sa.insert(table), old[table.name])
    before = rows_of(postgres_url)
    assert before == old
    if revision != schema.HEAD:
        with pytest.raises(StoreError, match="sweeper db upgrade"):
            ResultsStore.open(postgres_url)
    assert ResultsStore.upgrade(postgres_url).before == revision
    same_rows(before, rows_of(postgres_url))
    with ResultsStore.open(postgres_url) as store:
        assert store.snapshot().outcomes


@pytest.mark.usefixtures("next_version")
def test_an_older_schema_is_refused_with_the_command_and_left_alone(kept: Path) -> None:
    url = f"sqlite:///{kept}"
    before = rows_of(url)
    with pytest.raises(StoreError) as caught:
        ResultsStore.open(url)
    assert str(caught.value).startswith(f"the database sqlite:///{kept} has schema '")
    assert str(caught.value).endswith(
        "', and this version of sweeper needs 'next': an older version wrote it; keep a copy, and bring it up to date with: sweeper db"
        " upgrade"
    )
    assert rows_of(url) == before
    assert ResultsStore.upgrade(url).after == "next"
    after = rows_of(url)
    same_rows(before, after)
    assert {row["note"] for row in after["trial"]} == {"none"}
    ResultsStore.open(url).close()


@pytest.mark.usefixtures("next_version")
def test_an_upgrade_that_fails_changes_nothing(kept: Path) -> None:
    url = f"sqlite:///{kept}"
    before = rows_of(url)
    broken = schema.MIGRATIONS / "versions" / "next.py"
    broken.write_text(broken.read_text() + "    op.execute('SELECT * FROM no_such_table')\n")
    with pytest.raises(StoreError, match="no such table: no_such_table"):
        ResultsStore.upgrade(url)
    assert rows_of(url) == before


@pytest.mark.parametrize("open_it", [ResultsStore.open, ResultsStore.upgrade], ids=["open", "upgrade"])
def test_a_newer_schema_and_other_peoples_tables_are_left_alone(tmp_path: Path, open_it: Callable[[str], Any]) -> None:
    newer, other = tmp_path / "newer.db", tmp_path / "other.db"
    ResultsStore.open(f"sqlite:///{newer}").close()
    with closing(sqlite3.connect(newer)) as database:
        database.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
        database.commit()
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE runs (id INTEGER)")
    with pytest.raises(StoreError, match="a newer version wrote it; upgrade sweeper"):
        open_it(f"sqlite:///{newer}")
    with pytest.raises(StoreError, match="holds the tables of another program"):
        open_it(f"sqlite:///{other}")
    with closing(sqlite3.connect(other)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("runs",)]


def test_a_database_on_which_trials_run_is_not_upgraded_under_their_driver(kept: Path) -> None:
    def set_lease(until: str) -> None:
        with closing(sqlite3.connect(kept)) as database, database:
            database.execute(
                "UPDATE attempt SET state = 'running', owner = 'node7:42:99', lease_until = ? WHERE id = (SELECT min(id) FROM attempt)",
                (until,),
            )

    url = f"sqlite:///{kept}"
    set_lease("2999-01-01 00:00:00.000000")
    with pytest.raises(StoreError, match=r"1 trial runs on .*, under process 42 on node7; .* ends \(2999-01-01 00:00:00 UTC\)"):
        ResultsStore.upgrade(url)
    with pytest.raises(StoreError, match="sweeper db upgrade"):
        ResultsStore.open(url)
    set_lease("2026-01-01 00:00:00.000000")
    assert ResultsStore.upgrade(url).after == schema.HEAD
