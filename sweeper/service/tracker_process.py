"""A process for each tracker, at low priority: it can neither hurt nor slow a trial, nor another tracker.

`python -m sweeper.service.tracker_process NAME [FOLDER ...]` delivers the outbox of one tracker, in the store that the settings name, until
its standard input closes; then it flushes for a bounded time and ends. A driver that dies closes the pipe as surely as one that ends.
The folders are where the module of a user's own tracker may be, beside PYTHONPATH.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from model.config import modules_also_in
from sweeper.errors import StoreError, StoreLost
from sweeper.liveness import is_dead, this_process
from sweeper.service.trackers import open_delivery
from sweeper.settings import MLFLOW, Settings
from sweeper.store.results_store import ResultsStore
from sweeper.tracking.registry import title_of
from sweeper.tracking.sync_loop import run_sync

FLUSH_SECONDS = 30.0
"""Longest wait for trackers at the end of a run."""
HURRIED_SECONDS = 3.0
"""Longest wait when the user interrupted; the next run sends the rest."""
FIRST_AGAIN_SECONDS, LONGEST_AGAIN_SECONDS = 1.0, 60.0
"""Before the store is opened again, or a process that ended is started again; doubled from one time to the next."""
NICENESS = 19
"""Trials come first wherever cores are short."""

COMMAND = (sys.executable, "-P", "-m", "sweeper.service.tracker_process")
"""`-P`, so that a user's `model.py` in the current folder does not hide ours; a tracker there is found by the folders that follow."""

log = logging.getLogger("sweeper.service.tracker_process")  # by its name, since Python calls a module that it runs `__main__`


class TrackerProcesses:
    """Runs the processes of trackers while a sweep runs; a context manager. At its end all of them are waited for at once."""

    def __init__(self, settings: Settings, names: Iterable[str], folders: Iterable[Path] = ()) -> None:
        self.each = [TrackerProcess(settings, name, folders) for name in names]
        self.is_ending = False
        """Set to wait only shortly at the end."""

    def __enter__(self) -> Self:
        for process in self.each:
            process.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self.each:
            process.close()
        deadline = time.monotonic() + (HURRIED_SECONDS if self.is_ending else FLUSH_SECONDS + 10)
        for process in self.each:
            process.wait(deadline)


class TrackerProcess:
    """The process of one tracker, which is started again should it end before it is closed."""

    def __init__(self, settings: Settings, name: str, folders: Iterable[Path] = ()) -> None:
        self._log_file = settings.root / "mirror.log"
        self._command = (*COMMAND, name, *map(str, folders))
        self._environment = os.environ | {"SWEEPER_HOME": str(settings.root)}
        """As it is now: of what the driver keeps from Ray's workers, a tracker needs some."""
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._start_again, name=f"process of {name}", daemon=True)

    def start(self) -> None:
        """Once."""
        self._start()
        self._watcher.start()

    def close(self) -> None:
        """Tell it that the run is over."""
        with self._lock:
            self._over.set()
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()

    def wait(self, deadline: float) -> None:
        """For its end, and not beyond this time (`time.monotonic()`): then it is killed."""
        with self._lock:  # its watcher may be putting away one that ended
            process = self._process
        if process is not None:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._watcher.join()

    def _start(self) -> None:
        """A process, unless the run is over; the machine may have no room for one at this moment."""
        with self._lock, contextlib.suppress(OSError):
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None
            if not self._over.is_set():
                with self._log_file.open("ab") as output:
                    self._process = subprocess.Popen(
                        self._command,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.DEVNULL,
                        stderr=output,
                        env=self._environment,
                        start_new_session=True,  # Ctrl-C in the terminal is the driver's to handle
                    )

    def _start_again(self) -> None:
        wait = FIRST_AGAIN_SECONDS
        while True:
            started = time.monotonic()
            if self._process is not None:
                self._process.wait()
            wait = FIRST_AGAIN_SECONDS if time.monotonic() - started > LONGEST_AGAIN_SECONDS else wait
            if self._over.wait(wait):
                return
            wait = min(2 * wait, LONGEST_AGAIN_SECONDS)
            self._start()


def main(arguments: Sequence[str] = (MLFLOW,)) -> None:
    """Entry of the process. Arguments: the tracker's name, and folders where its module may be."""
    name, *folders = arguments
    os.nice(NICENESS)
    closed = threading.Event()

    def wait_for_end() -> None:
        # Not from `sys.stdin`, whose lock Python takes when it ends: it would abort, since this thread holds it.
        while os.read(0, 4096):
            pass
        _hurry()
        closed.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    settings = Settings()
    try:
        with _telling_why(settings), modules_also_in(map(Path, folders)):
            _keep_syncing(settings, name, closed)
    except Exception:  # the last border: standard error is mirror.log, which people attach to reports of faults
        sys.exit(settings.concealed(_whose(settings, name) + traceback.format_exc()))


def _whose(settings: Settings, name: str) -> str:
    """What begins a line that does not name its tracker, where several write into one log."""
    return f"{title_of(name)}: " if len(settings.tracker_names) > 1 else ""


class _Concealing(logging.Formatter):
    """A line with its time (UTC) and without the secrets of the settings and the environment, whoever wrote them into what is logged."""

    converter = time.gmtime  # type: ignore[assignment]

    def __init__(self, settings: Settings) -> None:
        super().__init__("%(asctime)sZ %(message)s", "%Y-%m-%dT%H:%M:%S")
        self._settings = settings

    def format(self, record: logging.LogRecord) -> str:
        return self._settings.concealed(super().format(record))


@contextlib.contextmanager
def _telling_why(settings: Settings) -> Iterator[None]:
    """What we log goes to standard error, which is mirror.log; what other libraries log does not."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Concealing(settings))
    ours = logging.getLogger("sweeper")
    ours.addHandler(handler)
    try:
        yield
    finally:
        ours.removeHandler(handler)


def _hurry() -> None:
    """The trials are over and the user waits for us: as any process, where that is allowed (root may) and the kernel lists threads."""
    with contextlib.suppress(OSError):
        for thread in os.listdir("/proc/self/task"):  # on Linux each has a niceness of its own
            os.setpriority(os.PRIO_PROCESS, int(thread), 0)


def _keep_syncing(settings: Settings, name: str, closed: threading.Event) -> None:
    """Opens the store and delivers from it until `closed`, and again for as long as the store fails; at the end once more."""
    wait, said = FIRST_AGAIN_SECONDS, ""
    while True:
        last_time, started = closed.is_set(), time.monotonic()
        try:
            with ResultsStore.open(settings.store_url) as store:
                _sync(store, settings, name, closed)
            return
        except (StoreError, StoreLost) as error:  # it may be back before the run ends; what it holds waits for the next run otherwise
            if str(error) != said:
                log.warning("%sthe store does not answer and is asked again: %s", _whose(settings, name), error)
            said = str(error)
        if last_time:
            return
        wait = FIRST_AGAIN_SECONDS if time.monotonic() - started > LONGEST_AGAIN_SECONDS else wait
        closed.wait(wait)
        wait = min(2 * wait, LONGEST_AGAIN_SECONDS)


def _sync(store: ResultsStore, settings: Settings, name: str, closed: threading.Event) -> None:
    delivery, source = open_delivery(store, settings, name)
    run_sync(delivery, source, owner=this_process(), stop=closed.is_set, is_dead=is_dead, flush_s=FLUSH_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1:])
