"""Sweeps that are disturbed, and what must be the same afterwards as in one that was left alone."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweeper.metrics import METRICS
from sweeper.records import AttemptRecord
from tests.sweep.sweeper_home import Home

SMALL = Path(__file__).with_name("small.yaml")
TIMES = frozenset(name for name, info in METRICS.items() if not info.reproducible) | {"step_seconds"}
PATIENCE = 900.0
"""Seconds for anything to happen on a loaded machine; nothing takes that long on an idle one."""

Table = dict[tuple[str, int], dict[str, Any]]


def start(home: Home, *more: str, spec: Path = SMALL) -> subprocess.Popen[str]:
    """`sweeper run`, two trials at a time."""
    return home.start("run", str(spec), "--max-concurrent", "2", *more)


def finish(process: subprocess.Popen[str], exit_code: int = 0) -> str:
    """What the run said, once it ended so."""
    try:
        output, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == exit_code, output
    return output


def run(home: Home, *more: str, exit_code: int = 0, spec: Path = SMALL) -> str:
    return finish(start(home, *more, spec=spec), exit_code)


def table(home: Home, sweep: str = "small") -> Table:
    """By (variant, seed): state, metrics, details and whole curves; without times and memory, and without how it came about."""
    found: Table = {}
    with home.store() as store:
        for outcome in store.snapshot(sweep).outcomes:
            points = store.history(outcome.fingerprint).points
            found[outcome.variant, outcome.seed] = {
                "state": outcome.state,
                "metrics": {name: value for name, value in outcome.metrics.items() if name not in TIMES},
                "details": dict(outcome.details),
                "curves": {(point.metric, point.step): point.value for point in points if point.metric not in TIMES},
            }
    return found


def attempts(home: Home, sweep: str = "small") -> dict[tuple[str, int], tuple[AttemptRecord, ...]]:
    """Of every trial."""
    with home.store() as store:
        return {(o.variant, o.seed): store.history(o.fingerprint).attempts for o in store.snapshot(sweep).outcomes}


def assert_nothing_lost_nothing_twice(home: Home, undisturbed: Table, sweep: str = "small") -> None:
    """The table and the curves bit for bit; one result per trial; nothing held; in MLflow a run per trial."""
    assert table(home, sweep) == undisturbed
    for trial, tried in attempts(home, sweep).items():
        assert [attempt.state for attempt in tried].count("finished") == 1, trial
        assert not [attempt for attempt in tried if attempt.state == "running"], trial
    with home.store() as store:
        assert store.backlog() == 0
    if (home.path / "mlflow.db").exists():
        assert_mirrored_once(home.path / "mlflow.db", len(undisturbed))


def assert_mirrored_once(database: Path, trials: int) -> None:
    """One parent, one child per trial, all finished; a step that two attempts did has one value, for they did the same."""
    with contextlib.closing(sqlite3.connect(database)) as mlflow:
        kinds = [kind for (kind,) in mlflow.execute("select value from tags where key = 'sweeper.kind'")]
        names = [name for (name,) in mlflow.execute("select value from tags where key = 'sweeper.trial'")]
        status = {state for (state,) in mlflow.execute("select status from runs where lifecycle_stage = 'active'")}
        points = set(mlflow.execute("select run_uuid, step, value from metrics where key = 'train_loss'"))
    assert (kinds.count("sweep"), kinds.count("trial")) == (1, trials)
    assert len(set(names)) == trials
    assert status == {"FINISHED"}
    assert points
    assert len(points) == len({(run, step) for run, step, _ in points})


def wait_until(what: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> Any:
    """What it says as soon as it says something, or None once the process is over."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := what()):
        if process is not None and process.poll() is not None:
            return None
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return answer


def running(home: Home) -> list[tuple[str, AttemptRecord]]:
    """(fingerprint, attempt) of those whose worker said where it is."""
    if not (home.path / "sweeper.db").exists():
        return []
    with home.store() as store:
        found = store.snapshot().outcomes if store.sweeps() else ()
        newest = [(o.fingerprint, store.history(o.fingerprint).attempts[-1]) for o in found if o.attempts]
    return [(name, attempt) for name, attempt in newest if attempt.state == "running" and "process" in attempt.provenance]


def training(home: Home, *, at_least: int = 8) -> list[tuple[str, int]]:
    """(fingerprint, process) of attempts that wrote a checkpoint and are not at their end."""
    return [(name, int(attempt.provenance["process"])) for name, attempt in running(home) if at_least <= attempt.checkpoint_step < 100]


def kill_driver(home: Home, process: subprocess.Popen[str], chance: random.Random) -> bool:
    """kill -9 at a random moment after the first sign of training; False when the run was over before that."""
    if wait_until(lambda: running(home), process) is None:
        return False
    time.sleep(chance.uniform(0, 2))
    alive = process.poll() is None
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    return alive


def kill_worker(home: Home, process: subprocess.Popen[str], chance: random.Random) -> bool:
    """kill -9 of a worker that trains, chosen at random; False when the run was over before there was one."""

    def victims() -> list[int]:
        return [pid for _, attempt in running(home) if alive(pid := int(attempt.provenance["process"]))]

    while found := wait_until(victims, process):
        time.sleep(chance.uniform(0, 1))
        with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(chance.choice(found), signal.SIGKILL)
            return True
    return False


def alive(pid: int) -> bool:
    """Whether there is such a process: a driver that was killed leaves attempts behind that seem to run."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def files(folder: Path) -> dict[str, int]:
    """Checkpoints and averages in a folder, with the times of their last change."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}
