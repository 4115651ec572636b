"""Commands that only look need nothing: no right to write, and no turn behind a writer."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from stored_sweep import store_sweep

from sweeper.liveness import this_process
from sweeper.settings import Settings
from sweeper.store import engine
from sweeper.store.results_store import ResultsStore
from tests.unprivileged import unprivileged

Sweeper = Callable[..., Any]
COMMANDS = """
import contextlib, io, json, sys
from sweeper.cli.app import run_command
said = []
for command in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = run_command(command)
    said.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(said))
"""


def everything_below(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


@pytest.mark.parametrize("command", ["status", "why TRIAL", "show TRIAL", "report", "plan sweep.yaml --profile smoke"])
def test_a_look_does_not_wait_while_another_process_writes(
    sweeper: Sweeper, home: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.1)
    trial = store_sweep().trials[0].fingerprint
    with closing(sqlite3.connect(home / "sweeper.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = sweeper(*command.replace("TRIAL", trial).split())
    assert (said.code, said.err) == (0, "")


def test_results_in_a_folder_that_cannot_be_written(home: Path) -> None:
    trial = store_sweep().trials[0].fingerprint
    folder = home / "trials" / trial / "attempt-1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.txt").write_text("the last line\n")
    commands = [
        ["report"],
        ["report", "--format", "html", "--output", "page.html"],
        ["status"],
        ["show", trial],
        ["why", trial],
        ["plan", "sweep.yaml", "--profile", "smoke"],
        ["sample", trial],
        ["db", "upgrade"],
    ]
    for path in everything_below(home):
        path.chmod(path.stat().st_mode & ~0o222)
    before = {path: path.stat().st_mtime_ns for path in everything_below(home)}
    try:
        command = [*unprivileged(), sys.executable, "-c", COMMANDS, json.dumps(commands)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
    finally:
        after = {path: path.stat().st_mtime_ns for path in everything_below(home)}
        for path in everything_below(home):
            path.chmod(path.stat().st_mode | 0o200)
    report, page, status, show, why, plan, sample, upgrade = json.loads(done.stdout)
    assert [said[0] for said in (report, page, status, show, why, plan)] == [0] * 6
    assert "8 trials: 8 finished" in status[1]
    assert f"trial {trial}" in show[1]
    assert "the last line" in why[1]
    assert "single/none" in report[1]
    assert "single/none" in plan[1]
    assert Path("page.html").stat().st_size > 100_000
    assert (sample[0], f"trial {trial[:8]} has no moving average in {home / 'trials' / trial}" in sample[2]) == (2, True)
    assert upgrade[0] == 2
    assert upgrade[2].startswith(
        f"error: the database {home / 'sweeper.db'} cannot be written (attempt to write a readonly database), though its results can be"
        " read; to go on from them, copy the folder to a place of yours and set SWEEPER_HOME to the copy, or set SWEEPER_DATABASE_URL"
    )
    assert after == before


def test_a_trial_whose_driver_was_killed_does_not_run_and_why_says_so(sweeper: Sweeper, home: Path) -> None:
    planned = store_sweep(endings={("single/none", 0): None, ("single/none", 1): None})
    dead = ":".join([*this_process().split(":")[:1], "999999999", "1"])
    claimed = [trial for trial in planned.trials if trial.variant == "single/none"]
    with ResultsStore.open(Settings().store_url) as store:
        for trial, owner in zip(claimed, (dead, this_process()), strict=True):
            store.acquire_lease(trial.fingerprint, owner=owner, lease_seconds=60, is_dead=lambda _: False)
        assert sweeper("status").out.splitlines()[1] == "8 trials: 6 finished, 1 running, 1 pending"
        told = sweeper("why", claimed[0].fingerprint).out
        assert "attempt 1 is lost" in told or "attempt 1 lost" in told
        assert "its driver died or fell silent; the next attempt goes on from its newest whole checkpoint" in told
        assert "attempt 1 is running" in sweeper("why", claimed[1].fingerprint).out
        assert store.known([claimed[0].fingerprint])[claimed[0].fingerprint].newest_state == "running", "a look writes nothing"
