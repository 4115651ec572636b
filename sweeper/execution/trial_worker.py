"""Runs in a worker process: one attempt, its reports sent to the driver, its output kept in its folder."""

import contextlib
import io
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import ray

from model.config import TrainConfig, modules_also_in
from model.errors import Diverged, Superseded
from model.train_trial import SINGLE_PROCESS, DistributedContext, TrialReport, train_trial
from sweeper.execution.jobs import AttemptResult, Job
from sweeper.execution.provenance import provenance
from sweeper.plan.failures import classify
from sweeper.states import ATTEMPT_STATES
from sweeper.trial_folder import HEARTBEAT_FILE, STOP_FILE, is_newest, process_log

Send = Callable[[dict[str, Any]], None]
BEAT_SECONDS = 1.0
SEEN_SECONDS = 10.0
"""For a folder that another node made."""


class AttemptFailed(RuntimeError):
    """Ends the worker after a failure was reported, so that the next attempt gets a fresh process."""


def run_attempt(job: Job, send: Send, world: DistributedContext = SINGLE_PROCESS) -> None:
    """Trains the job's trial; every report goes through `send` as a plain mapping: first that it is here, last an `AttemptResult`.

    In a `world` of several processes, each sends how it ended, and the first reports. Raises AttemptFailed after a failure was sent.
    """
    if not _is_shared(job.folder):
        where = f"node {socket.gethostname()} ({ray.util.get_node_ip_address()})"
        said = f"{where} does not see {job.folder}, which the driver made; share SWEEPER_HOME under the same path on every node"
        send({"ended": asdict(AttemptResult("lost", said, "lost"))})
        raise AttemptFailed("lost")
    if world.rank == 0:
        send({"placed": {"address": ray.util.get_node_ip_address(), "process": os.getpid()}})
    with _log(job, world) as log, _beating(job, world):
        ended = _train(job, send, log, world)
        _note(log, f"{ended.state}{f': {ended.failure}' if ended.failure else ''}\n{ended.error or ''}")
    send({"ended": asdict(ended)})
    if ATTEMPT_STATES[ended.state].is_failure or (ended.state == "lost" and world.size > 1):  # or the others would wait for this one
        raise AttemptFailed(ended.state)


def _is_shared(folder: Path) -> bool:
    """Whether the attempt's folder, which the driver made, is there: a node that does not share the driver's storage would train into a
    place of its own. On a network file system a new folder may take a moment."""
    deadline = time.monotonic() + SEEN_SECONDS
    while not folder.is_dir():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _train(job: Job, send: Send, log: TextIO, world: DistributedContext) -> AttemptResult:
    def report(what: TrialReport) -> bool:
        if what.kind != "alive":
            values = " ".join(f"{name}={value:.6g}" for name, value in what.metrics.items())
            _note(log, f"step {what.step} {what.kind} {values or dict(what.details) or ''}\n")
        message: dict[str, Any] = {"report": asdict(what)}
        if what.kind == "started":
            message["provenance"] = provenance()
        send(message)
        return ours() and not (job.folder / STOP_FILE).exists()

    def ours() -> bool:
        return is_newest(job.folder)

    try:
        config = TrainConfig.model_validate(job.config)
        with modules_also_in(job.user_code):
            result = train_trial(
                config,
                job.folder,
                report,
                cache=job.cache,
                resume_from=job.earlier,
                recorded=job.recorded,
                named=job.content,
                device=job.device,
                threads=job.threads,
                ours=ours,
                world=world,
            )
    except Diverged as error:
        return AttemptResult("diverged", str(error), classify(error))
    except Superseded as error:
        return AttemptResult("lost", str(error), classify(error))
    except Exception as error:  # the one border: whatever a trial raises becomes its recorded result
        first = str(error).strip().splitlines()[:1]
        return AttemptResult("failed", f"{type(error).__name__}: {first[0] if first else ''}\n{traceback.format_exc()}", classify(error))
    return AttemptResult("stopped" if result.stopped else "finished")


@contextlib.contextmanager
def _log(job: Job, world: DistributedContext) -> Iterator[TextIO]:
    """The attempt's log file, of the first process; the others have their own. What the trial prints goes there too.

    Without space for it there is none, and the attempt goes on.
    """
    path = process_log(job.folder, world.rank)
    try:
        path.touch()
    except OSError:
        path = Path(os.devnull)
    log = path.open("a", encoding="utf-8")
    try:
        which = f"process {world.rank + 1} of {world.size}"
        _note(log, f"attempt in {which}, system's number {os.getpid()}, device {job.device}, {job.threads} threads\n")
        with contextlib.redirect_stdout(_Locked(log)), contextlib.redirect_stderr(_Locked(log)):
            yield log
    finally:
        with contextlib.suppress(OSError):  # what the buffer still holds
            log.close()


@contextlib.contextmanager
def _beating(job: Job, world: DistributedContext) -> Iterator[None]:
    """A thread touches the heartbeat file; in a process that is stopped, or dead, it does so no more."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):  # on a full disk there may be none, and what the trial says keeps its lease
                (job.folder / HEARTBEAT_FILE).touch()

    heart = threading.Thread(target=beat, name="heartbeat", daemon=True)
    if world.rank == 0:
        heart.start()
    try:
        yield
    finally:
        over.set()
        if world.rank == 0:
            heart.join()


def _note(log: TextIO, text: str) -> None:
    """A line of the log. On a full disk it is lost, and the attempt goes on: what counts goes through `send`."""
    with contextlib.suppress(OSError):
        log.write(f"{_now()} {text}")
        log.flush()


class _Locked(io.TextIOBase):
    """A text stream that several threads may write to."""

    def __init__(self, under: TextIO) -> None:
        self._under, self._lock = under, threading.Lock()

    def write(self, text: str) -> int:
        with self._lock:
            return self._under.write(text) if not self._under.closed else 0

    def flush(self) -> None:
        with self._lock:
            if not self._under.closed:
                self._under.flush()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
