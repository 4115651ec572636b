"""Runs in a worker process: one attempt, its reports sent to the driver, its output kept in its folder."""

import contextlib
import io
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO

from model.config import TrainConfig, modules_also_in
from model.errors import Diverged
from model.train_trial import TrialReport, World, train_trial
from sweeper.execution.jobs import LOG_FILE, STOP_FILE, Ended, Job
from sweeper.execution.provenance import provenance

Send = Callable[[dict[str, Any]], None]


class AttemptFailed(RuntimeError):
    """Ends the worker after a failure was reported, so that the next attempt gets a fresh process."""


ALONE = World()


def run_attempt(job: Job, send: Send, world: World = ALONE) -> None:
    """Trains the job's trial; every report goes through `send` as a plain mapping, the last one is an `Ended`.

    In a `world` of several processes, each sends how it ended, and the first reports. Raises AttemptFailed after a failure was sent.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    with _log(job, world) as log:
        ended = _train(job, send, log, world)
        log.write(f"{_now()} {ended.state}\n{ended.error or ''}")
    send({"ended": asdict(ended)})
    if ended.state in ("failed", "diverged"):
        raise AttemptFailed(ended.state)


def _train(job: Job, send: Send, log: TextIO, world: World) -> Ended:
    def report(what: TrialReport) -> bool:
        if what.kind != "alive":
            values = " ".join(f"{name}={value:.6g}" for name, value in what.metrics.items())
            log.write(f"{_now()} step {what.step} {what.kind} {values or dict(what.details) or ''}\n")
            log.flush()
        message: dict[str, Any] = {"report": asdict(what)}
        if what.kind == "started":
            message["provenance"] = provenance()
        send(message)
        return not (job.folder / STOP_FILE).exists()

    try:
        config = TrainConfig.model_validate(job.config)
        with modules_also_in(job.user_code):
            result = train_trial(
                config,
                job.folder,
                report,
                cache=job.cache,
                resume_from=job.earlier,
                device=job.device,
                threads=job.threads,
                world=world,
            )
    except Diverged as error:
        return Ended("diverged", str(error))
    except Exception as error:  # the one border: whatever a trial raises becomes its recorded result
        first = str(error).strip().splitlines()[:1]
        return Ended("failed", f"{type(error).__name__}: {first[0] if first else ''}\n{traceback.format_exc()}")
    return Ended("stopped" if result.stopped else "finished")


@contextlib.contextmanager
def _log(job: Job, world: World) -> Iterator[TextIO]:
    """The attempt's log file, of the first process; the others have their own. What the trial prints goes there too."""
    name = LOG_FILE if world.rank == 0 else f"log-of-process-{world.rank}.txt"
    with (job.folder / name).open("a", encoding="utf-8") as log:
        which = f"process {world.rank + 1} of {world.size}"
        log.write(f"{_now()} attempt in {which}, device {job.device}, {job.threads} threads\n")
        with contextlib.redirect_stdout(_Locked(log)), contextlib.redirect_stderr(_Locked(log)):
            yield log


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
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
