"""Trials of two processes, started by Ray Train inside Ray Tune: they measure what one process measures, and outlive their own deaths."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from sweeper_home import Home, wait_for, workers

from sweeper.records import AttemptRecord

TWO = ("--set", "resources.cpus=2", "--set", "resources.processes=2")
LONGER = ("--set", "base.steps=200", "--set", "base.checkpoint_every=10")
"""Long enough to be hit in the middle."""
ONE_VARIANT = ("--set", "design.factors.timesteps.levels=[dual]", "--set", "contrasts=[]")


def attempts(home: Home) -> tuple[AttemptRecord, ...]:
    fingerprint = home.snapshot().outcomes[0].fingerprint
    with home.store() as store:
        return store.history(fingerprint).attempts


def same_but_for_rounding(found: Home, wanted: Home) -> None:
    assert found.metrics().keys() == wanted.metrics().keys()
    for trial, metrics in wanted.metrics().items():
        assert found.metrics()[trial] == pytest.approx(metrics, rel=1e-4), trial


def test_a_sweep_of_two_processes_measures_what_one_measures(cluster_home: Home, swept: Home) -> None:
    home, alone = cluster_home, swept
    home.sweep(*TWO)
    same_but_for_rounding(home, alone)
    (attempt,), (single,) = attempts(home), attempts(alone)
    assert {name: attempt.comparability[name] for name in ("world_size", "micro_batch", "threads")} == {
        "world_size": 2,
        "micro_batch": 8,
        "threads": 1,
    }
    assert (single.comparability["world_size"], single.comparability["micro_batch"]) == (1, 16)
    assert home.snapshot().outcomes[0].fingerprint == alone.snapshot().outcomes[0].fingerprint, "the same trial"

    assert "to run" not in home.sweep(*TWO)
    refused = home.sweep(exit_code=2)
    assert "world_size 2 there, 1 here" in refused
    assert "--allow-mixed world_size --allow-mixed micro_batch" in refused

    folder = home.path / "trials" / home.snapshot().outcomes[0].fingerprint / "attempt-1"
    assert "process 1 of 2" in (folder / "log.txt").read_text()
    assert "process 2 of 2" in (folder / "log-of-process-1.txt").read_text()


@pytest.mark.slow
def test_stopped_then_robbed_of_a_process_then_hung_in_one_it_resumes(
    home: Home, new_home: Callable[..., Home], cluster: dict[str, str]
) -> None:
    """Ctrl-C checkpoints in all processes at one step; a process that is killed, or hangs, takes the attempt along; the next goes on."""
    home = Home(home.path, {**home.more, "SWEEPER_SILENCE_SECONDS": "60"})
    command = ("run", str(Path(__file__).with_name("tiny.yaml")), *TWO, *LONGER, *ONE_VARIANT)

    def trains(number: int) -> bool:
        return bool(list(home.path.glob(f"trials/*/attempt-{number}/checkpoint-*")))

    process = home.start(*command)
    wait_for(lambda: trains(1))
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 130, output
    (stopped,) = attempts(home)
    assert (stopped.state, stopped.checkpoint_step) == ("stopped", stopped.step)

    process = home.start(*command)
    wait_for(lambda: trains(2))
    os.kill(workers(process, "RayTrainWorker")[1], signal.SIGKILL)
    wait_for(lambda: trains(3))
    os.kill(hung := workers(process, "RayTrainWorker")[1], signal.SIGSTOP)
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 0, output
    assert "lost      dual  seed 0  the worker process died without a word" in output
    assert "lost      dual  seed 0  the worker hung: it said nothing for too long and was killed" in output
    assert not Path(f"/proc/{hung}").exists(), "what hangs holds its GPU"
    first, lost, hanging, last = attempts(home)
    assert [attempt.state for attempt in (first, lost, hanging, last)] == ["stopped", "lost", "lost", "finished"]
    assert [a.start_step for a in (lost, hanging, last)] == [stopped.step, lost.checkpoint_step, hanging.checkpoint_step]

    alone = new_home("alone", cluster)
    alone.sweep(*LONGER, *ONE_VARIANT)
    same_but_for_rounding(home, alone)
