"""The process that tells MLflow: last in line while trials run, as any other when only it is waited for; its log says why it cannot."""

import itertools
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.errors import StoreLost
from sweeper.service import tracker_process, trackers
from sweeper.service.tracker_process import TrackerProcess, TrackerProcesses
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore

SECRET = "correct-horse-battery"
NICE = """
import os, threading
from sweeper.service import tracker_process

os.nice(tracker_process.NICENESS)
try:
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    print(0)
except OSError:
    print(tracker_process.NICENESS)
os.setpriority(os.PRIO_PROCESS, 0, tracker_process.NICENESS)
threading.Thread(target=threading.Event().wait, daemon=True).start()
tracker_process._hurry()
print(*(os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in os.listdir("/proc/self/task")))
"""


def test_at_the_end_it_hurries_where_that_is_allowed() -> None:
    said = subprocess.run([sys.executable, "-c", NICE], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": ""})
    allowed, *threads = map(int, said.stdout.split())  # not to any root: a container may take that right away
    assert threads == [allowed, allowed]


def test_its_log_says_why_mlflow_is_away_and_no_secret(tmp_path: Path) -> None:
    with ResultsStore.open(f"sqlite:///{tmp_path / 'sweeper.db'}") as store:
        store.record_sweep(name="noise", profile="default", version="v1", spec={"question": "?"}, trials=[])
    short = "from sweeper.service import tracker_process as m; m.FLUSH_SECONDS = 0.1; m.main()"
    uri = f"http://ann:{SECRET}@127.0.0.1:1/{SECRET}?token={SECRET}"
    environment = os.environ | {"SWEEPER_HOME": str(tmp_path), "SWEEPER_MLFLOW_URI": uri, "PYTHONWARNINGS": "ignore"}
    said = subprocess.run([sys.executable, "-c", short], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    (line,) = said.stderr.splitlines()
    assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ MLflow is away, its rows wait in the outbox: .*Connection refused", line), line
    assert "***" in line
    assert SECRET not in line
    assert (said.returncode, said.stdout) == (0, "")


def test_its_log_conceals_whatever_is_logged_and_leaves_out_others(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(mlflow_uri=f"https://host/?token={SECRET}", database_url=f"postgresql://ann:{SECRET}@host/results")
    with tracker_process._telling_why(settings):
        try:
            raise RuntimeError(f"at https://host/?token={SECRET}")
        except RuntimeError:
            logging.getLogger("sweeper.tracking.sync_loop").warning("no: %s", f"postgresql://ann:{SECRET}@host", exc_info=True)
        logging.getLogger("another library").warning("chatter")
    said = capsys.readouterr().err
    assert "Z no: postgresql://ann:***@host\nTraceback" in said
    assert "RuntimeError: at https://host/?token=***" in said
    assert SECRET not in said
    assert "chatter" not in said


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 400
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_store_that_is_away_when_it_starts_is_opened_later(tmp_path: Path, migrated: Path) -> None:
    """And at its end nothing is left: it says that the store is away once, however often it asks."""
    home = tmp_path / "home"
    store_path = home / "sweeper.db"
    store_path.mkdir(parents=True)
    shutil.copy(migrated, home / "mlflow.db")
    environment = os.environ | {"SWEEPER_HOME": str(home), "SWEEPER_MLFLOW_PAGES": "false", "PYTHONWARNINGS": "ignore"}
    quick = "from sweeper.service import tracker_process as m; m.FIRST_AGAIN_SECONDS = 0.1; m.main()"
    with subprocess.Popen([sys.executable, "-c", quick], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as sync:
        assert sync.stdin is not None
        assert sync.stderr is not None
        assert "Z the store does not answer and is asked again: the database" in sync.stderr.readline()
        time.sleep(1)
        store_path.rmdir()
        with ResultsStore.open(f"sqlite:///{store_path}") as store:
            store.record_sweep(name="noise", profile="default", version="v1", spec={"question": "?"}, trials=[])
            wait_for(lambda: store.backlog() == 0)
        sync.stdin.close()
        assert sync.wait(60) == 0
        assert sync.stderr.read() == ""


def test_a_tracker_is_made_anew_when_the_store_was_lost_and_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    lost = iter([StoreLost("the server restarts"), StoreLost("the server restarts")])

    def sync(*_: object, **__: object) -> None:
        for error in lost:
            raise error

    monkeypatch.setattr(tracker_process, "FIRST_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(tracker_process, "run_sync", sync)
    monkeypatch.setattr(trackers, "open_tracker", lambda name, _context: made.append(name))
    tracker_process._keep_syncing(Settings(home=tmp_path), "mine:Mine", threading.Event())
    assert made == ["mine:Mine"] * 3


def test_a_fault_ends_it_with_a_traceback_and_not_by_an_abort(tmp_path: Path) -> None:
    """While the driver holds its standard input open, which a thread reads."""
    faulty = """
from sweeper.service import tracker_process as m
def open(url):
    raise RuntimeError("no")
m.ResultsStore.open = open
m.main()
"""
    environment = os.environ | {"SWEEPER_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", faulty], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as sync:
        assert sync.wait(60) == 1
        assert sync.stderr is not None
        said = sync.stderr.read()
    assert said.startswith("Traceback")
    assert said.rstrip().endswith("RuntimeError: no")


def test_one_that_ends_too_early_is_started_again_after_longer_and_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_process, "FIRST_AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(
        tracker_process, "COMMAND", (sys.executable, "-S", "-c", "import time; print(time.monotonic(), file=__import__('sys').stderr)")
    )
    log = tmp_path / "mirror.log"
    with TrackerProcesses(Settings(home=tmp_path), ["mlflow"]) as processes:
        (sync,) = processes.each
        wait_for(lambda: log.exists() and len(log.read_text().splitlines()) >= 4)
    assert sync._process is None or sync._process.returncode == 0
    starts = [float(line) for line in log.read_text().splitlines()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert all(pause > wait for pause, wait in zip(pauses, (0.2, 0.4, 0.8), strict=False)), pauses


def test_the_end_is_that_of_the_process_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its watcher may put one that ended away at any moment."""
    monkeypatch.setattr(tracker_process, "COMMAND", (sys.executable, "-S", "-c", "import time; time.sleep(1e6)"))
    sync = TrackerProcess(Settings(home=tmp_path), "mlflow")
    sync.start()
    sync.close()
    started = sync._process
    assert started is not None
    seen = iter([started])
    monkeypatch.setattr(TrackerProcess, "_process", property(lambda _: next(seen, None), lambda *_: None), raising=False)
    sync.wait(time.monotonic() + 0.1)
    assert started.returncode == -signal.SIGKILL


def test_where_several_write_into_one_log_a_fault_names_its_tracker(tmp_path: Path) -> None:
    environment = os.environ | {"SWEEPER_HOME": str(tmp_path), "SWEEPER_TRACKERS": "mlflow,no_such_module:One"}
    command = [*tracker_process.COMMAND, "no_such_module:One"]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    assert said.stderr.startswith("no_such_module:One: Traceback")


def test_one_that_is_killed_is_replaced_and_the_new_one_hears_of_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_process, "FIRST_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(
        tracker_process, "COMMAND", (sys.executable, "-S", "-c", "import sys; sys.stdin.read(); sys.stderr.write('the end')")
    )
    with TrackerProcesses(Settings(home=tmp_path), ["mlflow"]) as processes:
        (sync,) = processes.each
        first = sync._process
        assert first is not None
        first.send_signal(signal.SIGKILL)
        wait_for(lambda: sync._process not in (None, first))
    assert sync._process is not None
    assert sync._process.returncode == 0
    assert (tmp_path / "mirror.log").read_text() == "the end"
