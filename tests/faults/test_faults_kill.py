"""kill -9 of drivers and workers at random moments."""

import random

import pytest

from tests.faults.disturbing import Table, assert_nothing_lost_nothing_twice, attempts, finish, kill_driver, kill_worker, run, start
from tests.sweep.sweeper_home import Home

pytestmark = pytest.mark.slow


def test_a_driver_killed_at_random_moments(faulty: Home, undisturbed: Table) -> None:
    chance = random.Random(7)
    killed = sum(kill_driver(faulty, start(faulty), chance) for _ in range(3))
    assert killed == 3
    run(faulty)
    assert_nothing_lost_nothing_twice(faulty, undisturbed)
    assert any(attempt.state == "lost" for tried in attempts(faulty).values() for attempt in tried)


def test_workers_killed_at_random_moments(faulty: Home, undisturbed: Table) -> None:
    chance = random.Random(8)
    process = start(faulty)
    killed = sum(kill_worker(faulty, process, chance) for _ in range(3))
    output = finish(process)
    assert killed == 3
    assert output.count("lost ") >= 1
    assert "tried again from its newest whole checkpoint" in output
    assert_nothing_lost_nothing_twice(faulty, undisturbed)
