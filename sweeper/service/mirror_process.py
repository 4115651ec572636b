"""The MLflow mirror in a process of its own, at low priority: it can neither hurt nor slow a trial.

`python -m sweeper.service.mirror_process` drains the outbox of the store that the settings name, until its standard input closes; then
it flushes for a bounded time and ends. A driver that dies closes the pipe as surely as one that says goodbye.
"""

import contextlib
import functools
import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from sweeper.errors import StoreAway
from sweeper.service.ownership import is_dead, this_process
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore

FLUSH_SECONDS = 30.0
"""Longest wait for MLflow at the end of a run."""
HURRIED_SECONDS = 3.0
"""Longest wait when the user interrupted; the next run tells MLflow the rest."""
AGAIN_SECONDS = 5.0
"""Between two tries while the store is away."""
NICENESS = 19
"""Trials come first wherever cores are short."""

log = logging.getLogger("sweeper.service.mirror_process")  # by its name, since Python calls a module that it runs `__main__`


class MirrorProcess:
    """Runs the mirror while a sweep runs; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.hurried = False
        """Set to wait only shortly at the end."""

    def __enter__(self) -> Self:
        output = (self._settings.root / "mirror.log").open("ab")
        with output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sweeper.service.mirror_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=output,
                env=os.environ | {"SWEEPER_HOME": str(self._settings.root)},
                start_new_session=True,  # Ctrl-C in the terminal is the driver's to handle
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(HURRIED_SECONDS if self.hurried else FLUSH_SECONDS + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> None:
    """Entry of the process."""
    os.nice(NICENESS)
    closed = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        _hurry()
        closed.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    settings = Settings()
    try:
        with _telling_why(settings), ResultsStore.open(settings.store_url) as store:
            _mirror(store, settings, closed)
    except Exception:  # the last border: standard error is mirror.log, which people attach to reports of faults
        sys.exit(settings.concealed(traceback.format_exc()))


class _Concealing(logging.Formatter):
    """A line with its time (UTC) and without the secrets of the settings' URLs, whoever wrote them into what is logged."""

    converter = time.gmtime  # type: ignore[assignment]

    def __init__(self, settings: Settings) -> None:
        super().__init__("%(asctime)sZ %(message)s", "%Y-%m-%dT%H:%M:%S")
        self._settings = settings

    def format(self, record: logging.LogRecord) -> str:
        return self._settings.concealed(super().format(record))


@contextlib.contextmanager
def _telling_why(settings: Settings) -> Iterator[None]:
    """What we log goes to standard error, which is mirror.log; what MLflow and the libraries below it log does not."""
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


def _mirror(store: ResultsStore, settings: Settings, closed: threading.Event) -> None:
    from sweeper.service.page import write_pages
    from sweeper.tracking.mlflow_mirror import MlflowMirror
    from sweeper.tracking.runner import run_mirror

    pages = functools.partial(write_pages, store, settings) if settings.mlflow_pages else None
    mirror = MlflowMirror(settings.tracking_uri, settings.artifacts / "mlflow", settings.trials, store, pages)
    while True:
        try:
            run_mirror(mirror, store, owner=this_process(), stop=closed.is_set, is_dead=is_dead, flush_s=FLUSH_SECONDS)
            return
        except StoreAway as away:  # it may be back before the run ends; what it holds waits for the next run otherwise
            log.warning("the store does not answer: %s", away)
            if closed.wait(AGAIN_SECONDS):
                return


if __name__ == "__main__":
    main()
