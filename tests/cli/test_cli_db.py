"""A store that is copied, checked, and made again when it is damaged or lost."""

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from stored_sweep import store_sweep

from sweeper.records import SweepSnapshot
from sweeper.service import backups
from sweeper.service.backups import DailyBackups, complete_records
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from sweeper.trial_folder import HEARTBEAT_FILE, RECORD_FILE

Sweeper = Callable[..., Any]
ENDINGS = {("dual/none", 1): "failed", ("dual/full", 1): None}


@pytest.fixture
def database(home: Path) -> Path:
    """Of a sweep in which one trial failed and one never began; its folders hold nothing that says so yet."""
    for trial in store_sweep(endings=ENDINGS).trials:
        if ENDINGS.get((trial.variant, trial.seed), "finished") is not None:
            (home / "trials" / trial.fingerprint / "attempt-1").mkdir(parents=True, exist_ok=True)
    return home / "sweeper.db"


def table(home: Path) -> SweepSnapshot:
    with ResultsStore.open(f"sqlite:///{home / 'sweeper.db'}") as store:
        return store.snapshot()


def damage(path: Path) -> None:
    """Zeros over every page but the first."""
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))


def test_a_copy_is_checked_and_three_stay(sweeper: Sweeper, home: Path, database: Path) -> None:
    before = table(home)
    for number in range(1, 6):
        said = sweeper("db", "backup")
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith(f"{home / 'backups'}/sweeper-")
        assert said.out.endswith(f"), checked; {min(number, 3)} of at most 3 copies are there\n")
    assert len(list((home / "backups").iterdir())) == 3, "and nothing half made"
    assert table(home) == before
    newest = max((home / "backups").iterdir())
    with ResultsStore.open(f"sqlite:///{newest}") as copy:
        assert copy.snapshot() == before


def test_a_copy_of_a_damaged_store_is_not_kept(sweeper: Sweeper, home: Path, database: Path) -> None:
    sweeper("db", "backup")
    kept = sorted((home / "backups").iterdir())
    damage(database)
    with pytest.raises(backups.StoreError, match=r"sweeper\.db (is damaged|cannot be copied).*"):
        backups.back_up(Settings())
    assert sorted((home / "backups").iterdir()) == kept


def test_a_copy_that_finds_no_room_leaves_the_others(sweeper: Sweeper, home: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    said = sweeper("db", "backup")
    assert said.code == 2
    assert said.err.startswith(f"error: there is no room for a copy of {database}: it takes ")
    assert list((home / "backups").iterdir()) == []


def test_a_whole_store_is_said_to_be_whole(sweeper: Sweeper, database: Path) -> None:
    said = sweeper("db", "check")
    assert (said.code, said.out) == (0, "the store is whole: 1 sweep, 8 trials, 7 attempts; there is no copy (sweeper db backup)\n")
    sweeper("db", "backup")
    assert "; the newest copy is of 20" in sweeper("db", "check").out


@pytest.mark.parametrize("command", [("status",), ("report",), ("db", "check"), ("show", "abcd")], ids=" ".join)
def test_a_damaged_store_is_told_with_what_to_do(sweeper: Sweeper, database: Path, command: tuple[str, ...]) -> None:
    damage(database)
    said = sweeper(*command)
    assert said.code in (2, 4)
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "sweeper db rebuild" in said.err
    assert "malformed" in said.err or "btree" in said.err.lower() or "damaged" in said.err


def test_a_damaged_store_is_made_again_from_the_newest_copy(sweeper: Sweeper, home: Path, database: Path) -> None:
    before = table(home)
    sweeper("db", "backup")
    damage(database)
    bytes_before = database.read_bytes()
    said = sweeper("db", "rebuild")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"{database} is made again: from the copy of 20")
    (aside,) = home.glob("sweeper.db.damaged-*")
    assert f"the old files are in {aside}\n" in said.out
    assert (aside / "sweeper.db").read_bytes() == bytes_before
    assert table(home) == before
    assert sweeper("db", "check").code == 0


def test_a_lost_store_is_made_again_from_the_folders_alone(sweeper: Sweeper, home: Path, database: Path) -> None:
    before = table(home)
    report = sweeper("report", "--format", "json").out
    complete_records(Settings())
    for path in home.glob("sweeper.db*"):
        path.unlink()
    said = sweeper("db", "rebuild")
    assert (said.code, said.err) == (0, "")
    assert "is made again: from nothing, and 1 version of sweeps, 8 trials and 7 attempts from the folders" in said.out
    assert "not read" not in said.out
    after = table(home)
    assert after.outcomes == before.outcomes
    assert (after.name, after.version, after.spec, after.created) == (before.name, before.version, before.spec, before.created)
    told, again = json.loads(report), json.loads(sweeper("report", "--format", "json").out)
    assert told == again
    plan = sweeper("plan", "sweep.yaml", "--profile", "smoke", "--set", "base.steps=40")
    assert "reuse" in plan.out


def test_attempts_that_came_after_the_copy_are_put_back(sweeper: Sweeper, home: Path, database: Path) -> None:
    """One that ran when it was taken is over by now; one that was torn is named."""
    sweeper("db", "backup")
    with closing(sqlite3.connect(next((home / "backups").iterdir()))) as copy, copy:
        newest = copy.execute("SELECT max(id) FROM attempt").fetchone()[0]
        copy.execute("UPDATE attempt SET state = 'running', ended = NULL WHERE id = 1")
        for name in ("curve_point", "evaluation", "evaluation_detail"):
            copy.execute(f"DELETE FROM {name} WHERE attempt_id IN (1, {newest})")
        copy.execute("DELETE FROM attempt WHERE id = ?", (newest,))
    before = table(home)
    damage(database)
    torn = next(home.glob(f"trials/*/attempt-1/{RECORD_FILE}"))
    whole = torn.read_text()
    torn.write_text(whole.splitlines()[0][:-5])
    said = sweeper("db", "rebuild")
    assert f"not read: {torn} does not say what the attempt was\n" in said.out
    torn.write_text(whole)
    assert [o.metrics for o in table(home).outcomes if torn.parent.parent.name != o.fingerprint] == [
        o.metrics for o in before.outcomes if torn.parent.parent.name != o.fingerprint
    ]


def test_a_store_that_is_whole_or_in_use_is_not_replaced(sweeper: Sweeper, home: Path, database: Path) -> None:
    said = sweeper("db", "rebuild")
    assert (said.code, said.err.startswith(f"error: the database {database} is whole")) == (2, True)
    damage(database)
    beat = next(home.glob("trials/*/attempt-1")) / HEARTBEAT_FILE
    beat.touch()
    before = database.read_bytes()
    said = sweeper("db", "rebuild")
    assert said.code == 2
    assert said.err.startswith(f"error: a trial runs ({beat.parent} shows life); stop its run")
    assert database.read_bytes() == before
    os.utime(beat, (time.time() - 120, time.time() - 120))
    complete = sweeper("db", "rebuild")
    assert complete.code == 2
    assert "there is neither a copy in " in complete.err
    assert database.read_bytes() == before


def test_a_run_keeps_a_copy_a_day(home: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, said = Settings(), list[str]()

    def run() -> int:
        with DailyBackups(settings, said.append):
            pass
        return len(list((home / "backups").glob("*.db")))

    assert run() == 1, "none was there"
    assert run() == 1, "it is not a day old"
    (copy,) = (home / "backups").iterdir()
    os.utime(copy, (time.time() - 90_000, time.time() - 90_000))
    assert run() == 2
    assert all(path.exists() for path in [folder / RECORD_FILE for folder in home.glob("trials/*/attempt-*")])
    os.utime(max((home / "backups").iterdir()), (time.time() - 90_000, time.time() - 90_000))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    assert run() == 2
    assert len(said) == 1
    assert said[0].startswith("no copy of the store could be kept: there is no room for a copy of ")


def test_an_upgrade_keeps_a_copy_of_what_was(sweeper: Sweeper, home: Path) -> None:
    from sweeper.store import schema

    home.mkdir()
    dump = Path(__file__).parents[1] / "store" / "kept" / "0001.sql"
    with closing(sqlite3.connect(home / "sweeper.db")) as old:
        old.executescript(dump.read_text(encoding="utf-8"))
    said = sweeper("db", "upgrade")
    (copy,) = (home / "backups").iterdir()
    assert said.out == (f"{home / 'sweeper.db'}: schema 0001 -> {schema.HEAD}; every result is kept\na copy of it as it was: {copy}\n")
    with closing(sqlite3.connect(copy)) as kept:
        assert kept.execute(f"SELECT version_num FROM {schema.VERSION_TABLE}").fetchone() == ("0001",)
    assert sweeper("db", "upgrade").out == f"{home / 'sweeper.db'} is up to date (schema {schema.HEAD})\n"
    assert list((home / "backups").iterdir()) == [copy]


@pytest.mark.parametrize("command", ["backup", "rebuild"])
def test_a_database_on_a_server_is_left_to_its_own_tools(sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("SWEEPER_DATABASE_URL", "postgresql://ann@127.0.0.1:1/db")
    said = sweeper("db", command)
    assert said.code == 2
    assert "pg_dump --format=custom" in said.err
