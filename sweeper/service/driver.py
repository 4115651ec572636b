"""The queue of a running sweep: claims attempts in the store, hands them to workers, writes down what they report.

The only writer of its attempts' events. Nothing it does may raise into Tune: a store that fails is remembered and ends the run.
"""

import contextlib
import functools
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sweeper.errors import SweepPaused
from sweeper.execution.jobs import STOP_FILE, Ended, Heard, Job
from sweeper.plan.failures import settles
from sweeper.plan.machine import Allotment
from sweeper.plan.reconcile import Decision
from sweeper.records import AttemptClaim
from sweeper.service.allowance import Allowance
from sweeper.service.job_making import JobMaker
from sweeper.service.ownership import is_dead
from sweeper.service.patience import Patience
from sweeper.service.progress import Progress, name_of
from sweeper.service.remembering import remembering
from sweeper.service.retries import Retries
from sweeper.service.running_attempts import RunningAttempt, RunningAttempts
from sweeper.service.writing import passed_over, write
from sweeper.settings import Settings
from sweeper.store.results_store import Fenced, ResultsStore

ELSEWHERE_SECONDS = 5.0
"""Between looks at a trial that another driver runs."""
STOP_SECONDS = 12.0
"""Given to running trials to checkpoint and stop; then they are given up, and their newest checkpoint stands."""


class Driver:
    """Implements `execution.jobs.JobQueue` over the store."""

    def __init__(
        self,
        store: ResultsStore,
        settings: Settings,
        owner: str,
        decisions: Sequence[Decision],
        allotment: Allotment,
        allowance: Allowance,
        user_code: tuple[Path, ...],
        progress: Progress,
    ) -> None:
        self._store, self._settings, self._owner = store, settings, owner
        self._maker = JobMaker(settings, allotment, user_code)
        self._pending = deque(decisions)
        self._elsewhere: list[tuple[Decision, float]] = []
        self._running = RunningAttempts(settings.silence_seconds)
        self._retries = Retries(allotment.processes)
        self._ending_since: float | None = None
        self._kept = time.monotonic()
        self._allowance = allowance
        self.progress = progress
        self._patiently = Patience(settings.store_patience, progress.say, lambda: self._ending_since is not None)
        self.stopped = False
        """Whether `stop` was called."""
        self.failure: Exception | None = None
        self.paused: SweepPaused | None = None
        """Why nothing more was started, when something outside must be mended first."""
        self.left_out: list[Decision] = []
        """Not started, since they could not have finished in time."""

    # -- the queue that Tune draws from -----------------------------------------------------------------------------------------------

    @remembering
    def next_job(self) -> Job | None:
        self._look_elsewhere()
        while self._pending and not self._over():
            decision = self._pending.popleft()
            if not self._admitted(decision):
                continue
            trial = decision.trial
            claim = self._patiently(
                functools.partial(
                    self._store.claim,
                    trial.fingerprint,
                    owner=self._owner,
                    lease_seconds=self._settings.lease_seconds,
                    fresh=decision.fresh,
                    wanted=(trial.steps, trial.evaluation_fingerprint),
                    seen=decision.seen,
                    key=decision.key,
                    is_dead=functools.partial(self._is_nobodys, trial.fingerprint),
                )
            )
            if claim is not None:
                return self._job(decision, claim)
            self._elsewhere.append((decision, time.monotonic() + ELSEWHERE_SECONDS))
        return None

    def finished(self) -> bool:
        waiting = (self._pending or self._elsewhere) and not self._over()
        return not self._running and not waiting

    def abandoned(self) -> bool:
        self._keep_leases()
        if self._running and self._ending_since is None and self._allowance.over():
            self.wind_down()
        return self._ending_since is not None and time.monotonic() - self._ending_since > STOP_SECONDS

    def hung(self) -> list[Job]:
        found = self._running.hung()
        for attempt in found:
            silent = f"its worker said nothing for {self._settings.silence_seconds:g} s and is killed"
            self.progress.say(f"hangs     {name_of(attempt.decision.trial)}  {silent}")
        return [attempt.job for attempt in found]

    def placed(self, job: Job) -> None:
        self._running.heard(job)

    @remembering
    def heard(self, job: Job, what: Heard) -> None:
        attempt = self._running.heard(job)
        if attempt is None or self.failure is not None:
            return
        try:
            self._patiently(functools.partial(write, self._store, attempt, what, round(time.time() * 1000)))
        except Fenced:
            self._ask_to_stop(job)  # another driver took the trial over: what this worker says no longer counts
        for said in passed_over(what):
            self.progress.say(f"passed over {said}; an older state is used")
        if what.report.kind == "started":
            self._allowance.began(job.key, what.report.step)
        self.progress.stepped(job.key, what.report.step, dict(what.report.metrics))

    @remembering
    def ended(self, job: Job, how: Ended) -> None:
        attempt = self._running.pop(job)
        claim = attempt.claim
        decision = replace(attempt.decision, fresh=False, seen=claim.number)  # begun afresh, it is gone on with
        self._allowance.ended(job.key, self.progress.running[job.key], finished=how.state == "finished")
        step, smaller = self.progress.running[job.key].step, decision.accumulation is not None
        verdict = self._retries.judge(claim.fingerprint, job, how, step, smaller=smaller)
        policy = verdict.policy if verdict else None
        result = attempt.result if how.state == "finished" else None
        if self.failure is not None:
            self.progress.ended(job.key, how.state, how.error)
            return
        try:
            self._patiently(lambda: self._store.end(claim, how.state, how.error, failure=how.failure, policy=policy, result=result))
        except Fenced:
            self.progress.ended(job.key, "lost", "another driver took it over")
            self._elsewhere.append((decision, time.monotonic() + ELSEWHERE_SECONDS))
            return
        self.progress.ended(job.key, how.state, how.error, policy)
        if verdict is not None and verdict.pause:
            self.paused = SweepPaused(f"the sweep is paused: {how.error.splitlines()[0] if how.error else policy}")
        if verdict is not None and verdict.retry and not self._over():
            self.progress.remaining_steps += decision.trial.steps
            self._pending.appendleft(decision)

    # -- from outside ------------------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Starts nothing more and asks running trials to checkpoint and stop; safe in a signal handler."""
        self.stopped = True
        self.wind_down()

    def wind_down(self) -> None:
        """As `stop`, for another reason than the user's."""
        self._ending_since = self._ending_since or time.monotonic()
        self.progress.stopping = True
        for attempt in self._running:
            self._ask_to_stop(attempt.job)

    # -- parts --------------------------------------------------------------------------------------------------------------------------

    @remembering
    def _keep_leases(self) -> None:
        """Renews the leases of attempts that no worker has yet (on a full cluster they may wait long, and only we can speak for them), and
        of those that live and have nothing to say, as while a model is compiled.
        """
        now = time.monotonic()
        if self.failure is not None or now - self._kept < self._settings.lease_seconds / 4:
            return
        self._kept = now
        for attempt in self._running:
            if attempt.lives():
                try:
                    self._patiently(functools.partial(self._store.alive, attempt.claim))
                except Fenced:
                    self._ask_to_stop(attempt.job)

    def _over(self) -> bool:
        return self._ending_since is not None or self.failure is not None or self.paused is not None

    def _admitted(self, decision: Decision) -> bool:
        running = list(self.progress.running.values())
        if self._allowance.admits(decision, [decision, *self._pending], running):
            return True
        self.left_out.append(decision)
        self.progress.remaining_steps -= decision.trial.steps
        if not self._allowance.begun(decision.trial.seed):  # and so no trial of its block, nor of a later one
            for other in [d for d in self._pending if not self._allowance.begun(d.trial.seed)]:
                self._pending.remove(other)
                self.left_out.append(other)
                self.progress.remaining_steps -= other.trial.steps
        return False

    def _is_nobodys(self, fingerprint: str, owner: str) -> bool:
        """Whether a running attempt at this trial has no owner any more: dead, or we ourselves, who never heard that we got it."""
        ours = owner == self._owner and all(attempt.claim.fingerprint != fingerprint for attempt in self._running)
        return ours or is_dead(owner)

    def _job(self, decision: Decision, claim: AttemptClaim) -> Job:
        job = self._maker.job(decision, claim, self._retries.accumulation(claim.fingerprint) or decision.accumulation)
        for number in claim.foreign:
            self.progress.say(f"passed over {name_of(decision.trial)}, attempt {number}: it ran under other conditions than this one")
        self._running.add(RunningAttempt(decision, claim, job))
        self._allowance.started(job.key)
        self.progress.started(job.key, decision.trial, claim.number)
        return job

    def _look_elsewhere(self) -> None:
        """Trials with a live attempt, another driver's or our own: finished there they are done, given up there they are ours to claim."""
        now = time.monotonic()
        due = [decision for decision, when in self._elsewhere if when <= now]
        if not due or self._over():
            return
        known = self._patiently(lambda: self._store.known([decision.trial.fingerprint for decision in due]))
        self._elsewhere = [(decision, when) for decision, when in self._elsewhere if when > now]
        for decision in due:
            trial = decision.trial
            found = known[trial.fingerprint]
            newer = found.attempts > decision.seen
            if (trial.steps, trial.evaluation_fingerprint) in found.evaluated and (newer or not decision.fresh):
                self.progress.reused += 1
                self.progress.remaining_steps -= trial.steps
            elif newer and settles(found.newest_state, found.failure):
                self.progress.settled_elsewhere(trial, str(found.newest_state), found.error)
            else:
                self._pending.append(decision)

    @staticmethod
    def _ask_to_stop(job: Job) -> None:
        with contextlib.suppress(OSError):  # on a full disk it hears of it no more, and is given up after STOP_SECONDS
            (job.folder / STOP_FILE).touch()
