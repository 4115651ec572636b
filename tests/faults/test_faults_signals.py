"""Asked to end in every way there is: trials checkpoint, leases are given back, and the same command goes on."""

import signal
import time

import pytest

from tests.faults.disturbing import Table, assert_nothing_lost_nothing_twice, attempts, finish, run, start, training, wait_until
from tests.sweep.sweeper_home import Home

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_terminated_or_hung_up_it_checkpoints_and_gives_its_trials_back(number: signal.Signals, faulty: Home, undisturbed: Table) -> None:
    process = start(faulty)
    assert wait_until(lambda: training(faulty), process)
    process.send_signal(number)
    assert "run the same command again to resume" in finish(process, exit_code=130)
    stopped = [tried[-1] for tried in attempts(faulty).values() if tried and tried[-1].state != "finished"]
    assert {attempt.state for attempt in stopped} <= {"stopped", "lost"}
    assert all(attempt.checkpoint_step == attempt.step for attempt in stopped if attempt.state == "stopped")
    run(faulty)
    assert_nothing_lost_nothing_twice(faulty, undisturbed)


def test_a_second_interrupt_ends_at_once_and_loses_nothing(faulty: Home, undisturbed: Table) -> None:
    process = start(faulty)
    assert wait_until(lambda: training(faulty), process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output = finish(process, exit_code=130)
    assert "Traceback" not in output
    assert not [attempt for tried in attempts(faulty).values() for attempt in tried if attempt.state == "running"]
    run(faulty)
    assert_nothing_lost_nothing_twice(faulty, undisturbed)
