"""Failing, diverging, killed and interrupted: the others go on, nothing is lost, the same command completes the sweep."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sweeper_home import SHIPPED, Home

SLOWER = ("--set", "base.steps=400", "--set", "base.checkpoint_every=20")
"""Long enough to be hit in the middle."""


def wait_for(what: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def checkpoints(home: Home) -> list[Path]:
    return list(home.path.glob("trials/*/attempt-*/checkpoint-*.safetensors"))


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Ray's worker processes that train, found below the driver."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            title = (entry / "cmdline").read_bytes().decode(errors="replace") if entry.name.isdigit() else ""
            if title.startswith("ray::") and "ImplicitFunc" in title and os.getpgid(int(entry.name)) != os.getpgid(0):
                found.append(int(entry.name))
        except (OSError, ProcessLookupError):
            continue
    return found


def test_a_diverging_variant_is_a_result_and_stops_nothing(home: Home) -> None:
    design = "design={kind: variants, variants: {sane: {}, wild: {optimizer.learning_rate: 1.0e+30}}}"
    output = home.sweep("--set", design, "--set", "contrasts=[]", exit_code=3)
    assert "1 of 1 diverged" in output
    assert [(o.variant, o.state) for o in home.snapshot().outcomes] == [("sane", "finished"), ("wild", "diverged")]
    status = home.run("status")
    assert "loss became nan at step" in status or "loss became inf at step" in status
    assert "to run" not in home.sweep("--set", design, "--set", "contrasts=[]", exit_code=3)  # a result is not run again


def test_a_failing_trial_shows_its_first_real_exception_and_is_tried_again(home: Home) -> None:
    judge = next((home.path / "artifacts" / "judges").glob("*.safetensors"))
    whole = judge.read_bytes()
    judge.write_bytes(whole[:100])
    home.sweep(exit_code=3)
    status = home.run("status")
    assert "2 failed" in status
    assert "SafetensorError" in status
    shown = home.run("show", home.snapshot().outcomes[0].fingerprint[:6])
    assert "Traceback" in shown
    judge.write_bytes(whole)
    home.sweep()
    assert {o.attempts for o in home.snapshot().outcomes} == {2}


def test_an_interrupt_checkpoints_and_the_same_command_resumes(home: Home) -> None:
    process = home.start("run", str(Path(__file__).with_name("tiny.yaml")), *SLOWER)
    wait_for(lambda: len(checkpoints(home)) >= 2)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert time.monotonic() - asked < 20
    assert process.returncode == 130
    assert "run the same command again to resume" in output
    with home.store() as store:
        stopped = [store.history(o.fingerprint).attempts[0] for o in home.snapshot().outcomes if o.attempts]
    assert {attempt.state for attempt in stopped} == {"stopped"}
    assert [attempt.checkpoint_step for attempt in stopped] == [attempt.step for attempt in stopped]
    assert max(attempt.step for attempt in stopped) >= 20
    home.sweep(*SLOWER)
    assert {o.state for o in home.snapshot().outcomes} == {"finished"}


def test_a_killed_worker_is_replaced(home: Home) -> None:
    process = home.start("run", str(Path(__file__).with_name("tiny.yaml")), *SLOWER)
    wait_for(lambda: len(checkpoints(home)) >= 2)
    victims = workers(process)
    assert victims
    os.kill(victims[0], signal.SIGKILL)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    assert "lost" in output
    assert "attempt 2" in output
    assert "(raylet)" not in output
    assert sorted(o.attempts for o in home.snapshot().outcomes) == [1, 2]


@pytest.mark.slow
def test_a_killed_driver_loses_nothing(undisturbed: Home, new_home: Callable[[str], Home]) -> None:
    """kill -9 in the middle, then the same command: every metric but times and memory is that of the undisturbed run, bit for bit."""
    home = new_home("killed")
    process = home.start("run", str(SHIPPED), "--profile", "smoke")
    wait_for(lambda: len(list(home.path.glob("trials/*/attempt-1/average-*"))) >= 3)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert " running" not in home.run("status").splitlines()[1]
    kept = {o.fingerprint for o in home.snapshot().outcomes if o.state == "finished"}
    assert kept
    home.run("run", str(SHIPPED), "--profile", "smoke")
    outcomes = home.snapshot().outcomes
    assert {o.state for o in outcomes} == {"finished"}
    assert all(o.attempts == 1 for o in outcomes if o.fingerprint in kept)
    assert home.metrics() == undisturbed.metrics()


def test_two_drivers_share_the_work(home: Home) -> None:
    several = ("--set", "seeds=2")
    tiny = str(Path(__file__).with_name("tiny.yaml"))
    pair = [home.start("run", tiny, *several), home.start("run", tiny, *several)]
    outputs = [process.communicate(timeout=300)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], outputs
    assert {(o.state, o.attempts) for o in home.snapshot().outcomes} == {("finished", 1)}


def test_a_store_that_fails_ends_the_run_with_its_own_exit_code(home: Home) -> None:
    process = home.start("run", str(Path(__file__).with_name("tiny.yaml")), *SLOWER)
    wait_for(lambda: len(checkpoints(home)) >= 1)
    with sqlite3.connect(home.path / "sweeper.db", timeout=30) as database:
        database.execute("drop table curve_point")
    database.close()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 4, output
    assert "error:" in output
    assert "Traceback" not in output
