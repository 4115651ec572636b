"""`sweeper why` says what happened, what was done about it, and what to do next; times are read as people write them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored_sweep import store_sweep

from sweeper.cli.arguments import seconds_of
from sweeper.errors import RequestError
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from tests.state_files import write_state

Sweeper = Callable[..., Any]
ERROR = """RuntimeError: cannot draw
Traceback (most recent call last):
  File "loader.py", line 3, in read
OSError: image 7 is gone

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "train.py", line 9, in step
RuntimeError: cannot draw
"""


def failed(home: Path, failure: Any, policy: str) -> str:
    """The name of a trial whose newest attempt ended so, with a log."""
    trial = store_sweep(endings={("single/none", 0): "lost"}).trials[0]
    with ResultsStore.open(Settings().store_url) as store:
        store.record_sweep(
            name="again", profile="default", version="v", spec={}, trials=[trial], command="sweeper run sweep.yaml --profile smoke"
        )
        held = store.acquire_lease(trial.fingerprint, owner="host:1:1", lease_seconds=60, is_dead=lambda _: False)
        assert held is not None
        store.started(held, start_step=10, comparability={}, provenance={})
        store.end(held, "failed", ERROR, failure=failure, policy=policy)
    folder = home / "trials" / trial.fingerprint / "attempt-2"
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("".join(f"line {i}\n" for i in range(30)) + "\x1b[31mred\n")
    return trial.fingerprint


def test_why_prints_the_exception_its_class_the_policy_the_log_and_the_next_command(sweeper: Sweeper, home: Path) -> None:
    name = failed(home, "fault", "not tried again before the next run")
    said = sweeper("why", name[:6])
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        f"trial {name}: single/none, seed 0, of again (profile default)",
        "attempt 2 failed at step 10: RuntimeError: cannot draw",
        '  File "loader.py", line 3, in read',
        "  OSError: image 7 is gone",
        "class: fault",
        "policy: not tried again before the next run",
        f"last 10 lines of {home / 'trials' / name / 'attempt-2' / 'log.txt'}:",
        *(f"  line {i}" for i in range(21, 30)),
        r"  \x1b[31mred",
        "next: sweeper run sweep.yaml --profile smoke",
    ]


@pytest.mark.parametrize(
    ("failure", "command"),
    [
        ("config error", "sweeper run sweep.yaml --profile smoke --retry-failed"),
        ("out of memory", "sweeper run sweep.yaml --profile smoke --retry-failed"),
        ("data error", "fix the data; then: sweeper run sweep.yaml --profile smoke"),
        ("disk full", "free some space; then: sweeper run sweep.yaml --profile smoke"),
    ],
)
def test_the_next_command_goes_with_the_class(sweeper: Sweeper, home: Path, failure: str, command: str) -> None:
    last = sweeper("why", failed(home, failure, "-")).out.splitlines()[-1]
    assert last.startswith("next: ")
    assert last.endswith(command)


def test_why_of_trials_that_are_well(sweeper: Sweeper, home: Path) -> None:
    planned = store_sweep(endings={("single/none", 1): None})
    names = {(t.variant, t.seed): t.fingerprint for t in planned.trials}
    finished = sweeper("why", names["single/none", 0]).out
    assert "attempt 1 is finished, step 40: it finished; there is nothing to do" in finished
    assert "next:" not in finished
    assert "it was never started\nnext: " in sweeper("why", names["single/none", 1]).out


def test_a_trial_of_two_sweeps_is_told_by_the_one_that_ran_last(sweeper: Sweeper, home: Path) -> None:
    """Its name goes with the command that is given next."""
    trial = store_sweep(endings={("single/none", 0): None}).trials[0]
    with ResultsStore.open(Settings().store_url) as store:
        for name in ("zebra", "ant", "zebra"):
            command = f"sweeper run {name}.yaml"
            store.record_sweep(name=name, profile="default", version="v", spec={}, trials=[trial], command=command)
            said = sweeper("why", trial.fingerprint).out.splitlines()
            assert (said[0], said[-1]) == (
                f"trial {trial.fingerprint}: single/none, seed 0, of {name} (profile default)",
                f"next: {command}",
            )


def test_a_failure_before_the_trial_finished_is_past(sweeper: Sweeper, home: Path) -> None:
    trial = store_sweep(endings={("single/none", 0): "failed"}).trials[0]
    assert "caught fire" in sweeper("why", trial.fingerprint).out
    with ResultsStore.open(Settings().store_url) as store:
        for ending in ("finished", "failed"):
            held = store.acquire_lease(trial.fingerprint, owner="host:1:1", lease_seconds=60, is_dead=lambda _: False)
            assert held is not None
            store.started(held, start_step=0, comparability={}, provenance={})
            store.end(held, ending, ERROR if ending == "failed" else None)
            said = sweeper("why", trial.fingerprint).out
            assert "caught fire" not in said
            assert ("attempt 2 is finished" in said) == (ending == "finished")
            assert ("attempt 3 failed at step 0: RuntimeError: cannot draw" in said) == (ending == "failed")


@pytest.mark.parametrize(("text", "seconds"), [("6h", 21600), ("90m", 5400), ("1d12h", 129600), ("45s", 45), ("1.5h", 5400), (None, None)])
def test_times_are_read(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["6", "h", "6 h", "-1h", "0h", "six", "", "1h30", "٣h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="--deadline"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--gpu-hours", "0"), "--gpu-hours 0: give a number of hours greater than 0, such as 40"),
        (("--gpu-hours", "nan"), "--gpu-hours nan: give a number of hours greater than 0, such as 40"),
        (("--gpu-hours", "1"), "--gpu-hours: the trials of this sweep use no GPU; use --deadline"),
        (("--deadline", "soon"), "--deadline soon: a time is written like 6h, 90m, 1d12h or 45s"),
    ],
)
def test_limits_that_mean_nothing_start_nothing(refused: Callable[..., str], words: tuple[str, ...], message: str) -> None:
    assert refused("run", "sweep.yaml", *words) == message


def test_why_and_show_say_what_the_next_attempt_goes_on_from_by_the_files(sweeper: Sweeper, home: Path) -> None:
    name = store_sweep(endings={("single/none", 0): None}).trials[0].fingerprint
    with ResultsStore.open(Settings().store_url) as store:
        held = store.acquire_lease(name, owner="host:1:1", lease_seconds=60, is_dead=lambda _: False)
        assert held is not None
        store.started(held, start_step=0, comparability={}, provenance={})
        store.checkpointed(held, 20)
        store.end(held, "stopped")
    folder = home / "trials" / name / "attempt-1"
    older, newest = write_state(folder, "checkpoint", 10), write_state(folder, "checkpoint", 20)
    assert "the next attempt goes on from step 20" in sweeper("why", name).out.splitlines()
    newest.unlink()
    gone = "its checkpoint of step 20 is not here (deleted, torn or on another machine): the next attempt starts from"
    assert f"{gone} step 10" in sweeper("why", name).out.splitlines()
    assert "is here any more" not in sweeper("show", name).out
    older.unlink()
    assert f"{gone} the beginning" in sweeper("why", name).out.splitlines()
    assert "  checkpoint none is here any more; its newest was of step 20" in sweeper("show", name).out.splitlines()
