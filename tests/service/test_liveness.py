"""Who is surely gone: only a process of this host and container that is no more."""

import subprocess
import sys

import pytest

from sweeper.liveness import is_dead, this_process

NAME = "from sweeper.liveness import this_process; print(this_process())"


def test_this_process_lives() -> None:
    assert not is_dead(this_process())


def test_a_process_that_ended_is_dead_and_one_that_runs_is_not() -> None:
    ended = subprocess.run([sys.executable, "-c", NAME], capture_output=True, text=True, check=True).stdout.strip()
    assert ended.partition(":")[0] == this_process().partition(":")[0]
    assert is_dead(ended)
    running = subprocess.Popen([sys.executable, "-c", f"{NAME}; input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with running:
        assert running.stdout is not None
        assert not is_dead(running.stdout.readline().strip())


@pytest.mark.parametrize("part", [0, 1, 2], ids=["host", "boot", "container"])
def test_one_that_ran_elsewhere_is_judged_by_its_lease_alone(part: int) -> None:
    """Its number may be nobody's here, or anybody's: host names are not unique, and containers count processes from 1."""
    here, _, _ = this_process().partition(":")
    parts = here.split("/")
    if part >= len(parts):
        pytest.skip("only Linux tells containers apart")
    parts[part] += "x"
    assert not is_dead(f"{'/'.join(parts)}:999999999:1")
    assert is_dead(f"{here}:999999999:1")


def test_a_number_that_another_process_has_by_now() -> None:
    host, pid, _ = this_process().split(":")
    assert is_dead(f"{host}:{pid}:1")


@pytest.mark.parametrize("owner", ["", "somebody", "a:b:c", "machine:29071:191616"])
def test_what_is_no_owner_of_ours_is_not_judged(owner: str) -> None:
    assert not is_dead(owner)
