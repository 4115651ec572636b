"""Asked to end in every way there is: trials checkpoint, leases are given back, and the same command goes on."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.disturbing import (
    PATIENCE,
    SMALL,
    Table,
    assert_nothing_lost_nothing_twice,
    attempts,
    finish,
    run,
    start,
    training,
    wait_until,
)
from tests.sweep.sweeper_home import COMMAND, Home

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def without_nohup() -> Iterator[None]:
    """These tests may themselves run under it; what they start inherits this."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_terminated_or_hung_up_it_checkpoints_and_gives_its_trials_back(number: signal.Signals, faulty: Home, undisturbed: Table) -> None:
    process = start(faulty)
    trained = wait_until(lambda: training(faulty), process)
    process.send_signal(number)
    assert "run the same command again to resume" in finish(process, exit_code=130)
    assert_stopped_with_checkpoints(faulty, [worker for _, worker in trained])
    run(faulty)
    assert_nothing_lost_nothing_twice(faulty, undisturbed)


def assert_stopped_with_checkpoints(home: Home, workers: list[int]) -> None:
    """Those that trained in these processes; one may have finished first."""
    tried = [attempt for tried in attempts(home).values() for attempt in tried if attempt.provenance.get("process") in workers]
    stopped = [attempt for attempt in tried if attempt.state != "finished"]
    assert stopped
    assert {(attempt.state, attempt.checkpoint_step == attempt.step) for attempt in stopped} == {("stopped", True)}


def test_a_terminal_that_is_closed(furnish: Callable[..., Home], tmp_path: Path, undisturbed: Table) -> None:
    """All that the terminal started is hung up at once, Ray too, and from then on nothing can be written to it."""
    home = furnish(tmp_path / "home", {})  # on a Ray of its own
    master, slave = pty.openpty()

    def in_the_terminal() -> None:
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    command = [*COMMAND, "run", str(SMALL), "--max-concurrent", "2"]
    process = subprocess.Popen(
        command,
        env=home.environment,
        cwd=home.path,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=in_the_terminal,
    )
    os.close(slave)
    shown = bytearray()

    def trains() -> list[tuple[str, int]]:
        while select.select([master], [], [], 0)[0]:  # or the display would wait for its reader
            shown.extend(os.read(master, 65536))
        return training(home) if b"running" in shown else []  # the display is renewed twice a second

    trained = wait_until(trains, process)
    rays = children(process.pid, ("raylet", "gcs_server"))
    assert len(rays) == 2
    assert all(blocks_warnings(ray) for ray in rays), "without them no trial lives to checkpoint"
    os.close(master)
    assert process.wait(timeout=PATIENCE) == 130, shown.decode()
    assert b"running" in shown, "it had a live display"
    assert_stopped_with_checkpoints(home, [worker for _, worker in trained])
    run(home)
    assert_nothing_lost_nothing_twice(home, undisturbed)


def children(parent: int, names: tuple[str, ...]) -> list[Path]:
    """Their folders in /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # ended while we looked
            before, _, after = stat.read_text().rpartition(")")
            if int(after.split()[1]) == parent and before.partition("(")[2] in names:
                found.append(stat.parent)
    return found


def blocks_warnings(process: Path) -> bool:
    """The hang-up of a terminal, and what Slurm sends before a job's end."""
    blocked = next(line for line in (process / "status").read_text().splitlines() if line.startswith("SigBlk"))
    return all(int(blocked.split()[1], 16) >> (number - 1) & 1 for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2))


def test_a_reader_that_has_seen_enough(faulty: Home, undisturbed: Table) -> None:
    """`sweeper run ... | head`: the run goes on."""
    process = start(faulty)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("joining Ray at ")
    assert "trials to run" in process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 0
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
