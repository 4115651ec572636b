"""Drivers and workers that are stopped, outlive their lease and wake up: what they say then is refused."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.disturbing import Table, assert_nothing_lost_nothing_twice, attempts, files, finish, start, training, wait_until
from tests.sweep.sweeper_home import Home

pytestmark = pytest.mark.slow


def test_a_worker_that_sleeps_past_its_lease_writes_nothing_more(short_lease: Home, undisturbed: Table) -> None:
    first = start(short_lease)
    fingerprint, worker = wait_until(lambda: training(short_lease))[0]
    os.kill(worker, signal.SIGSTOP)
    folder = short_lease.path / "trials" / fingerprint
    try:
        finish(start(short_lease))  # the second driver waits for the lease to end, and finishes what the first cannot
        before = files(folder / "attempt-1")
        assert (folder / "attempt-2").exists()
    finally:
        os.kill(worker, signal.SIGCONT)
    output = finish(first)
    assert "another driver took it over" in output
    assert files(folder / "attempt-1") == before, "a checkpoint was written, or deleted, behind the fence"
    tried = next(tried for tried in attempts(short_lease).values() if tried[0].provenance.get("process") == worker)
    assert [attempt.state for attempt in tried] == ["lost", "finished"]
    assert tried[0].step < 120
    assert_nothing_lost_nothing_twice(short_lease, undisturbed)


def test_a_worker_that_hangs_is_killed_and_its_trial_goes_on(faulty: Home, undisturbed: Table) -> None:
    home = Home(faulty.path, {**faulty.more, "SWEEPER_SILENCE_SECONDS": "40"})
    process = start(home)
    _, worker = wait_until(lambda: training(home))[0]
    os.kill(worker, signal.SIGSTOP)
    output = finish(process)
    assert "its worker said nothing for 40 s and is killed" in output
    tried = next(tried for tried in attempts(home).values() if tried[0].provenance.get("process") == worker)
    assert [attempt.state for attempt in tried] == ["lost", "finished"]
    assert tried[0].error == "the worker hung: it said nothing for too long and was killed"
    assert tried[1].start_step >= 8, "it goes on from a checkpoint"
    assert_nothing_lost_nothing_twice(home, undisturbed)


def stop_between_writes(process: int, home: Home) -> None:
    """Stopped in the middle of a write it would hold SQLite's lock, and whoever comes next would rightly say that the store is locked."""
    while True:
        os.kill(process, signal.SIGSTOP)
        with contextlib.closing(sqlite3.connect(home.path / "sweeper.db", timeout=1)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                database.rollback()
                return
            except sqlite3.OperationalError:
                os.kill(process, signal.SIGCONT)
        time.sleep(0.1)


def test_a_driver_that_sleeps_while_another_takes_over_writes_nothing_more(short_lease: Home, undisturbed: Table) -> None:
    first = start(short_lease)
    wait_until(lambda: training(short_lease))
    stop_between_writes(first.pid, short_lease)
    held = {name for name, _ in training(short_lease)}
    try:
        finish(start(short_lease))
        told = attempts(short_lease)
    except BaseException:
        first.kill()  # and is not left to the tests that follow
        first.communicate()
        raise
    os.kill(first.pid, signal.SIGCONT)
    output = finish(first)
    assert held
    assert "another driver took it over" in output
    assert attempts(short_lease) == told, "nothing of what it had yet to say was written"
    assert any(attempt.state == "lost" for tried in told.values() for attempt in tried)
    assert_nothing_lost_nothing_twice(short_lease, undisturbed)


def test_two_drivers_at_once_train_no_trial_twice(faulty: Home, undisturbed: Table) -> None:
    """The second has another sweep's name and one seed more: what they share is trained once, whoever comes first."""
    pair = [start(faulty), start(faulty, "--set", "name=wider", "--set", "seeds=[1, 0, 2]"), start(faulty)]
    for process in pair:
        finish(process)
    assert {len(tried) for tried in attempts(faulty, "wider").values()} == {1}
    assert len(attempts(faulty, "wider")) == len(undisturbed) + 2
    shared = {trial: tried for trial, tried in attempts(faulty, "wider").items() if trial in undisturbed}
    assert shared == attempts(faulty)


@pytest.fixture
def stepped(faulty: Home, tmp_path: Path) -> tuple[Home, Path]:
    """A home whose drivers' wall clock is off by the seconds in a file, and that file."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the stepped clock with (Debian: apt-get install gcc libc6-dev)")
    library, offset = tmp_path / "stepped_clock.so", tmp_path / "offset"
    source = Path(__file__).with_name("stepped_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    offset.write_text("0")
    return Home(faulty.path, {**faulty.more, "LD_PRELOAD": str(library), "STEPPED_CLOCK": str(offset)}), offset


def test_a_clock_that_is_stepped_back_an_hour(undisturbed: Table, stepped: tuple[Home, Path]) -> None:
    home, offset = stepped
    before = time.time()
    process = start(home)
    wait_until(lambda: training(home), process)
    offset.write_text("-3600")
    second = start(home)
    finish(process)
    finish(second)
    told = [attempt for tried in attempts(home).values() for attempt in tried]
    assert min(attempt.ended.timestamp() for attempt in told if attempt.ended) < before - 1800, "the clock was really back"
    assert {attempt.state for attempt in told} == {"finished"}
    assert_nothing_lost_nothing_twice(home, undisturbed)
