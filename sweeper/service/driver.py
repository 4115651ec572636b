"""The queue of a running sweep: claims attempts in the store, hands them to workers, writes down what they report.

The only writer of its attempts' events. Nothing it does may raise into Tune: a store that fails is remembered and ends the run.
"""

import functools
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from sweeper.errors import SweeperError
from sweeper.execution.jobs import STOP_FILE, Ended, Heard, Job
from sweeper.plan.machine import Allotment
from sweeper.plan.reconcile import Decision
from sweeper.records import AttemptClaim
from sweeper.service.ownership import is_dead
from sweeper.service.progress import Progress
from sweeper.settings import Settings
from sweeper.store.results_store import Fenced, ResultsStore

LEASE_SECONDS = 120.0
"""An attempt not heard of for so long may be taken over; a healthy one reports every few seconds."""
LOST_RETRIES = 2
"""New attempts in one run for a trial whose worker died without a word."""
ELSEWHERE_SECONDS = 5.0
"""Between looks at a trial that another driver runs."""
STOP_SECONDS = 12.0
"""Given to running trials to checkpoint and stop; then they are given up, and their newest checkpoint stands."""

P = ParamSpec("P")
R = TypeVar("R")


def _remembering(method: Callable[P, R]) -> Callable[P, R | None]:
    """A failure inside a method of `Driver` is remembered as its `failure` and ends the run; the caller, Tune, gets None."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(*args, **kwargs)
        except Exception as error:  # kept whole and raised after Tune has ended
            driver = args[0]
            assert isinstance(driver, Driver)
            driver.failure = driver.failure or error
            return None

    return call


class Driver:
    """Implements `execution.jobs.JobQueue` over the store."""

    def __init__(
        self,
        store: ResultsStore,
        settings: Settings,
        owner: str,
        decisions: Sequence[Decision],
        allotment: Allotment,
        user_code: tuple[Path, ...],
        progress: Progress,
    ) -> None:
        self._store, self._settings, self._owner, self._allotment = store, settings, owner, allotment
        self._user_code = user_code
        self._pending = deque(decisions)
        self._elsewhere: list[tuple[Decision, float]] = []
        self._running: dict[str, tuple[Decision, AttemptClaim, Job]] = {}
        self._lost: dict[str, int] = {}
        self._stopping_since: float | None = None
        self.progress = progress
        self.failure: Exception | None = None

    # -- the queue that Tune draws from -----------------------------------------------------------------------------------------------

    @_remembering
    def next_job(self) -> Job | None:
        self._look_elsewhere()
        while self._pending and not self._over():
            decision = self._pending.popleft()
            trial = decision.trial
            claim = self._store.claim(
                trial.fingerprint,
                owner=self._owner,
                lease_seconds=LEASE_SECONDS,
                fresh=decision.fresh,
                wanted=(trial.steps, trial.evaluation_fingerprint),
                is_dead=is_dead,
            )
            if claim is not None:
                return self._job(decision, claim)
            self._elsewhere.append((decision, time.monotonic() + ELSEWHERE_SECONDS))
        return None

    def finished(self) -> bool:
        waiting = (self._pending or self._elsewhere) and not self._over()
        return not self._running and not waiting

    def abandoned(self) -> bool:
        late = self._stopping_since is not None and time.monotonic() - self._stopping_since > STOP_SECONDS
        return self.failure is not None or late

    @_remembering
    def heard(self, job: Job, what: Heard) -> None:
        if job.key not in self._running:
            return
        decision, claim, _ = self._running[job.key]
        report, now = what.report, round(time.time() * 1000)
        try:
            match report.kind:
                case "started":
                    key = report.details["comparability"]
                    notes = {"checkpoints_passed_over": report.details["checkpoints_passed_over"]}
                    self._store.started(claim, start_step=report.step, comparability=key, provenance={**what.provenance, **notes})
                case "points":
                    self._store.points(claim, report.step, report.metrics, now)
                case "checkpoint":
                    self._store.checkpointed(claim, report.step)
                case "evaluation":
                    fingerprint = decision.trial.evaluation_fingerprint
                    self._store.evaluated(claim, report.step, fingerprint, report.metrics, report.details, now)
                case "alive":
                    self._store.alive(claim)
        except Fenced:
            self._ask_to_stop(job)  # another driver took the trial over: what this worker says no longer counts
        self.progress.stepped(job.key, report.step, dict(report.metrics))

    @_remembering
    def ended(self, job: Job, how: Ended) -> None:
        decision, claim, _ = self._running.pop(job.key)
        fingerprint = decision.trial.fingerprint
        self.progress.ended(job.key, how.state, how.error)
        if self.failure is not None:
            return
        try:
            self._store.end(claim, how.state, how.error)
        except Fenced:
            self._elsewhere.append((decision, time.monotonic() + ELSEWHERE_SECONDS))
            return
        if how.state == "lost" and not self._over():
            self._lost[fingerprint] = self._lost.get(fingerprint, 0) + 1
            if self._lost[fingerprint] <= LOST_RETRIES:
                self.progress.remaining_steps += decision.trial.steps
                self._pending.appendleft(decision)

    # -- from outside ------------------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Starts nothing more and asks running trials to checkpoint and stop; safe in a signal handler."""
        self._stopping_since = self._stopping_since or time.monotonic()
        self.progress.stopping = True
        for _, _, job in list(self._running.values()):
            self._ask_to_stop(job)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping_since is not None

    # -- parts --------------------------------------------------------------------------------------------------------------------------

    def _over(self) -> bool:
        return self.stopped or self.failure is not None

    def _job(self, decision: Decision, claim: AttemptClaim) -> Job:
        trial_folder = self._settings.trials / claim.fingerprint
        job = Job(
            key=f"{claim.fingerprint}/{claim.number}",
            config=decision.trial.config,
            folder=attempt_folder(trial_folder, claim.number),
            earlier=tuple(attempt_folder(trial_folder, number) for number in claim.earlier),
            cache=self._settings.artifacts / "judges",
            device="cuda" if self._allotment.gpus else "cpu",
            threads=self._allotment.threads,
            user_code=self._user_code,
        )
        self._running[job.key] = (decision, claim, job)
        self.progress.started(job.key, decision.trial, claim.number)
        return job

    def _look_elsewhere(self) -> None:
        """Trials with a live attempt, another driver's or our own: finished there they are done, given up there they are ours to claim."""
        now = time.monotonic()
        due = [decision for decision, when in self._elsewhere if when <= now]
        if not due or self._over():
            return
        self._elsewhere = [(decision, when) for decision, when in self._elsewhere if when > now]
        known = self._store.known([decision.trial.fingerprint for decision in due])
        for decision in due:
            trial = decision.trial
            if (trial.steps, trial.evaluation_fingerprint) in known[trial.fingerprint].evaluated:
                self.progress.reused += 1
                self.progress.remaining_steps -= trial.steps
            else:
                self._pending.append(decision)

    @staticmethod
    def _ask_to_stop(job: Job) -> None:
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / STOP_FILE).touch()


def attempt_folder(trial_folder: Path, number: int) -> Path:
    """The folder that an attempt owns."""
    return trial_folder / f"attempt-{number}"


def as_sweeper_error(error: Exception) -> SweeperError:
    """The error that ended a run, in words for the user."""
    if isinstance(error, SweeperError):
        return error
    wrapped = SweeperError(f"the run ended by a fault of sweeper itself ({type(error).__name__}: {error}); finished trials are kept")
    wrapped.__cause__ = error
    return wrapped
