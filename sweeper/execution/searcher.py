"""Where Ray Tune meets the queue: a searcher that hands out jobs, and a stopper that brings messages and ends the run."""

import functools
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ParamSpec, Self, TypeVar

import ray
from ray import tune
from ray.tune import Stopper
from ray.tune.search import Searcher

from model.train_trial import TrialReport
from sweeper.execution.jobs import AttemptResult, JobQueue, WorkerMessage
from sweeper.execution.killing import kill_process
from sweeper.execution.running_jobs import Place, RunningJobs
from sweeper.execution.trial_worker import run_attempt

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


def trainable(config: dict[str, Any]) -> None:
    """What Tune runs in a worker: one attempt."""
    run_attempt(config["job"], tune.report)


def named_elsewhere(ended: AttemptResult, place: Place | None, here: str) -> AttemptResult:
    """Of a failure on another node than this one, the first line says on which: what is wrong may be wrong only there."""
    if ended.error is None or ended.state != "failed" or place is None or place.address == here:
        return ended
    first, newline, rest = ended.error.partition("\n")
    return replace(ended, error=f"{first} (on node {place.address}){newline}{rest}")


class _StaysHere:
    """Tune writes its parts to disk for a restore that we never use; what is bound to this process is left out of that."""

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def _guarded(method: Callable[P, R]) -> Callable[P, R | None]:
    """An exception in what Tune calls kills the whole experiment, so none leaves one."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(*args, **kwargs)
        except Exception:
            log.exception("what Ray Tune called failed; the sweep goes on")
            return None

    return call


class QueueSearcher(_StaysHere, Searcher):  # type: ignore[misc]
    """Draws the next job when fewer than `concurrent` are out; None makes Tune wait. Is told when one is over."""

    def __init__(self, queue: JobQueue, running: RunningJobs, concurrent: int) -> None:
        super().__init__()
        self._queue, self._running, self._concurrent = queue, running, concurrent

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if len(self._running.jobs) >= self._concurrent:
            return None
        job = self._queue.next_job()
        if job is None:
            return str(Searcher.FINISHED) if self._queue.finished() else None
        self._running.jobs[trial_id] = job
        return {"job": job}

    @_guarded
    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Also of a worker that died; how it ended it said itself, or it is lost."""
        self._running.over(trial_id, self._queue)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the store is the truth, and Tune's own restore is not used."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, as for `save`."""


class QueueStopper(_StaysHere, Stopper):  # type: ignore[misc]
    """Brings every message of a worker to the queue, and ends the experiment at once when the queue gives up on its running jobs.

    That is asked in every round, also while no worker says a word, and so it is here that workers which hang are killed; Tune then learns
    of a worker that died. A callback of Tune would do for the messages, but where there is one Tune imports MLflow to count it: more than a
    second of a processor at every start.
    """

    def __init__(self, queue: JobQueue, running: RunningJobs) -> None:
        self._queue, self._running = queue, running
        self._here = ray.util.get_node_ip_address()

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        if not result.get("done"):  # at its end Tune shows a trial's last message once more
            self._hear(trial_id, result)
        return False

    def stop_all(self) -> bool:
        self._kill_the_hung()
        return self._queue.abandoned()

    @_guarded
    def _hear(self, trial_id: str, result: dict[str, Any]) -> None:
        job = self._running.jobs.get(trial_id)
        if job is None:
            return
        self._running.report_from(trial_id)
        if "ended" in result:
            self._running.said[trial_id] = named_elsewhere(AttemptResult(**result["ended"]), self._running.places.get(trial_id), self._here)
        elif "placed" in result:
            self._running.places[trial_id] = Place(**result["placed"])
            self._queue.on_placed(job)
        elif "report" in result:
            self._queue.on_report(job, WorkerMessage(TrialReport(**result["report"]), result.get("provenance", {})))

    @_guarded
    def _kill_the_hung(self) -> None:
        for job in self._queue.hung():
            place = self._running.hangs(job)
            if place is not None:
                kill_process(place.address, place.process)
