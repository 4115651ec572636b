"""Killed and interrupted: the others go on, nothing is lost, the same command completes the sweep."""

import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

from sweeper_home import Home, wait_for, workers

SLOWER = ("--set", "base.steps=400", "--set", "base.checkpoint_every=20")
"""Long enough to be hit in the middle."""


def checkpoints(home: Home) -> list[Path]:
    return list(home.path.glob("trials/*/attempt-*/checkpoint-*.safetensors"))


def test_an_interrupt_checkpoints_and_the_same_command_resumes(home: Home) -> None:
    process = home.start("run", str(Path(__file__).with_name("tiny.yaml")), *SLOWER)
    wait_for(lambda: len(checkpoints(home)) >= 2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=300)
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
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 0, output
    assert "lost" in output
    assert "attempt 2" in output
    assert "(raylet)" not in output
    assert sorted(o.attempts for o in home.snapshot().outcomes) == [1, 2]


def test_two_drivers_share_the_work(home: Home) -> None:
    several = ("--set", "seeds=2")
    tiny = str(Path(__file__).with_name("tiny.yaml"))
    pair = [home.start("run", tiny, *several), home.start("run", tiny, *several)]
    outputs = [process.communicate(timeout=500)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], outputs
    assert {(o.state, o.attempts) for o in home.snapshot().outcomes} == {("finished", 1)}


def test_a_store_that_fails_ends_the_run_with_its_own_exit_code(home: Home) -> None:
    process = home.start("run", str(Path(__file__).with_name("tiny.yaml")), *SLOWER)
    wait_for(lambda: len(checkpoints(home)) >= 1)
    with sqlite3.connect(home.path / "sweeper.db", timeout=30) as database:
        database.execute("drop table curve_point")
    database.close()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 4, output
    assert "error:" in output
    assert "Traceback" not in output


def test_a_cluster_that_asks_for_its_token_is_joined_with_it_alone(new_home: Callable[..., Home], cluster: dict[str, str]) -> None:
    home = new_home("outside", {"RAY_ADDRESS": cluster["RAY_ADDRESS"], "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64})
    said = home.sweep(exit_code=2)
    assert said.splitlines() == [
        f"error: RAY_ADDRESS {cluster['RAY_ADDRESS']}: the cluster asks for its token; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN as on its"
        " head",
    ]
    assert not (home.path / "sweeper.db").exists(), "nothing was recorded"
