"""The queue of a running sweep: leases attempts in the store, hands them to workers, writes down what they report.

The only writer of its attempts' events. Nothing it does may raise into Tune: a store that fails is remembered and ends the run. Nor does it
wait for one that does not answer (see `store_calls`): meanwhile trials train on, and are stopped, killed or given up as ever.
"""

import contextlib
import functools
import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from sweeper.driver.attempt_records import AttemptRecords
from sweeper.driver.budget import Budget
from sweeper.driver.captured_failure import capture_failure
from sweeper.driver.job_maker import JobMaker
from sweeper.driver.message_writer import held_back, passed_over, write
from sweeper.driver.progress import Progress, name_of
from sweeper.driver.retention import Retention
from sweeper.driver.retry_policy import RetryPolicy
from sweeper.driver.running_attempts import RunningAttempt, RunningAttempts
from sweeper.driver.store_calls import StoreCalls
from sweeper.driver.trial_retries import TrialRetries
from sweeper.errors import StoreUnavailable, SweepPaused
from sweeper.execution.jobs import AttemptResult, Job, WorkerMessage
from sweeper.liveness import is_dead
from sweeper.plan.failures import settles
from sweeper.plan.machine import Allotment
from sweeper.plan.reconcile import UNDO, Decision
from sweeper.records import KnownTrial, Lease, PlannedTrial
from sweeper.settings import Settings
from sweeper.states import ATTEMPT_STATES, AttemptState
from sweeper.store.results_store import ResultsStore
from sweeper.trial_folder import STOP_FILE

ELSEWHERE_SECONDS = 5.0
"""Between looks at a trial that another driver runs."""
LOOK_SECONDS = 0.5
"""Between looks whether the store answers, at the end of a run."""


class TrialSource(Protocol):
    """What it answers is asked for in one thread, one question after the other; `show` and `exhausted` in the driver's own.

    StoreUnavailable where asking again may help.
    """

    @property
    def exhausted(self) -> bool:
        """Whether there will be no more."""

    def more(self, held: Collection[str]) -> Sequence[Decision]:
        """What is to run next; nothing while that depends on what runs now. `held`: trials (by fingerprint) that the driver has already."""

    def show(self) -> None:
        """Trials that the last `more` found or added come onto the board."""

    def stops(self, trial: PlannedTrial, step: int, metrics: Mapping[str, float]) -> bool:
        """Whether a trial is to stop early after this point of its curve."""

    def stopped_before(self, trial: PlannedTrial) -> bool:
        """Whether it was to stop after a point that an earlier attempt measured."""


class Driver:
    """Implements `execution.jobs.JobQueue` over the store."""

    def __init__(
        self,
        store: ResultsStore,
        settings: Settings,
        owner: str,
        decisions: Sequence[Decision],
        allotment: Allotment,
        budget: Budget,
        user_code: tuple[Path, ...],
        progress: Progress,
        source: TrialSource | None = None,
    ) -> None:
        self._store, self._settings, self._owner = store, settings, owner
        self._maker = JobMaker(settings, allotment, user_code)
        self._pending = deque(decisions)
        self._source = source
        self._elsewhere: list[tuple[Decision, float]] = []
        self._running = RunningAttempts(settings.silence_seconds)
        self._retention = Retention(store, settings)
        self._records = AttemptRecords(store, settings)
        self._retries = TrialRetries(allotment.processes)
        self._ending_since: float | None = None
        self._kept = time.monotonic()
        self._budget = budget
        self.progress = progress
        self._leased: deque[tuple[Decision, Lease]] = deque()
        self._calls = StoreCalls()
        self.retrying = RetryPolicy(settings.store_patience, progress.say, lambda: self._ending_since is not None)
        self.stopped = False
        """Whether `stop` was called."""
        self.failure: Exception | None = None
        self.paused: SweepPaused | None = None
        """Why nothing more was started, when something outside must be fixed first."""
        self.left_out: list[Decision] = []
        """Not started, since they could not have finished in time."""

    # -- the queue that Tune draws from -----------------------------------------------------------------------------------------------

    @capture_failure
    def next_job(self) -> Job | None:
        self._calls.deliver()
        self._look_elsewhere()
        self._refill()
        while not self._over():
            if self._leased:
                return self._job(*self._leased.popleft())
            if self._calls.busy or not self._pending:
                return None
            decision = self._pending.popleft()
            if self._admitted(decision):
                self._request_lease(decision)
                self._refill()
        return None

    def finished(self) -> bool:
        more = self._source is not None and not self._source.exhausted
        waiting = (self._pending or self._elsewhere or more) and not self._over()
        owed = (self._leased or self._calls.busy) and self.failure is None
        return not self._running and not waiting and not owed

    def abandoned(self) -> bool:
        self._catch_up()
        if self._running and self._ending_since is None and self._budget.over():
            self.wind_down()
        return self._ending_since is not None and time.monotonic() - self._ending_since > self._settings.stop_seconds

    @capture_failure
    def close(self) -> None:
        """Waits for what the store owes, at the end of a run; one that does not answer is not waited for long."""
        while self._calls.busy and self.failure is None:
            self._calls.settle(LOOK_SECONDS)
            self._not_for_ever()

    def hung(self) -> list[Job]:
        found = self._running.hung()
        for attempt in found:
            silent = f"its worker said nothing for {self._settings.silence_seconds:g} s and is killed"
            self.progress.say(f"hangs     {name_of(attempt.decision.trial)}  {silent}")
        return [attempt.job for attempt in found]

    def on_placed(self, job: Job) -> None:
        self._running.report_from(job)

    @capture_failure
    def on_report(self, job: Job, what: WorkerMessage) -> None:
        attempt = self._running.report_from(job)
        if attempt is None or self.failure is not None:
            return
        for said in passed_over(what):
            self.progress.say(f"passed over {said}; an older state is used")
        if what.report.kind == "started":
            self._budget.began(job.key, what.report.step)
        self.progress.stepped(job.key, what.report.step, dict(what.report.metrics))
        now = round(time.time() * 1000)
        attempt.result = held_back(attempt, what, now) or attempt.result
        self._records.reported(attempt.lease, attempt.decision.trial, what, now)
        if what.report.kind == "alive" and self._calls.busy:
            return  # the next word will do
        write_it = functools.partial(self._write, attempt, what, now)
        # Fenced: another driver took the trial over, and what this worker says no longer counts.
        self._calls.ask(write_it, functools.partial(self._written, attempt), functools.partial(self._ask_to_stop, job))

    @capture_failure
    def on_end(self, job: Job, how: AttemptResult) -> None:
        attempt = self._running.pop(job)
        lease = attempt.lease
        decision = replace(attempt.decision, fresh=False, seen=lease.number)  # restarted, it is gone on with
        self._budget.ended(job.key, self.progress.running[job.key], finished=ATTEMPT_STATES[how.state].has_result)
        step, smaller = self.progress.running[job.key].step, decision.accumulation is not None
        verdict = self._retries.decide(lease.fingerprint, job, how, step, smaller=smaller)
        policy = verdict.policy if verdict else None
        if self.failure is not None:
            self.progress.ended(job.key, how.state, how.error)
            return

        def end() -> tuple[AttemptState, str | None]:
            # By now all that its worker said is written. A short trial may be over before it learns that it was to stop early.
            early = attempt.stops_early and how.state in ("stopped", "finished")
            state: AttemptState = "stopped early" if early else how.state
            result = attempt.result if ATTEMPT_STATES[state].has_result else None
            said = policy or self._cancelled(lease, state)
            self.retrying(lambda: self._store.end(lease, state, how.error, failure=how.failure, policy=said, result=result))
            self._retention.ended(lease.fingerprint)
            self._records.ended(lease)
            return state, said

        def then(ended: tuple[AttemptState, str | None]) -> None:
            state, said = ended
            self.progress.ended(job.key, state, how.error, said)
            if said and verdict is None:
                self.progress.board.update(lease.fingerprint, "cancelled")
            if verdict is not None and verdict.pause:
                self.paused = SweepPaused(f"the sweep is paused: {how.error.splitlines()[0] if how.error else policy}")
            if verdict is not None and verdict.retry and not self._over():
                self.progress.remaining_steps += decision.trial.steps
                self._pending.appendleft(decision)

        def fenced() -> None:
            self.progress.ended(job.key, "lost", "another driver took it over")
            self._elsewhere.append((decision, time.monotonic() + ELSEWHERE_SECONDS))

        self._calls.ask(end, then, fenced)

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

    @capture_failure
    def _catch_up(self) -> None:
        """Does what follows from the store's answers, and renews leases: asked for in every round of Tune's."""
        if self.failure is not None:
            return
        self._calls.deliver()
        self._not_for_ever()
        while self._leased and self._over():  # granted too late
            _, lease = self._leased.popleft()
            self._calls.ask(functools.partial(self.retrying, functools.partial(self._store.end, lease, "stopped")), lambda _: None)
        self._keep_leases()

    def _not_for_ever(self) -> None:
        """Raises StoreUnavailable where the run is to end and the store owes an answer for too long."""
        silent = self._calls.silent_seconds
        if self._ending_since is not None and silent > self._settings.stop_seconds:
            raise StoreUnavailable(
                f"the sweep is paused, since its store did not answer for {silent:.0f} s; what it has is kept, and the same"
                " command goes on from it"
            )

    def _keep_leases(self) -> None:
        """Renews the leases of attempts that no worker has yet (on a full cluster they may wait long, and only we can speak for them), and
        of those that live and have nothing to say, as while a model is compiled.
        """
        now = time.monotonic()
        if self._calls.busy or now - self._kept < self._settings.lease_seconds / 4:
            return
        self._kept = now
        for attempt in self._running:
            if attempt.lives():
                renew = functools.partial(self.retrying, functools.partial(self._store.alive, attempt.lease))
                self._calls.ask(renew, lambda _: None, functools.partial(self._ask_to_stop, attempt.job))
        running = {attempt.lease.fingerprint: attempt.job for attempt in self._running}

        def stop(cancelled: Iterable[str]) -> None:
            for fingerprint in cancelled:
                self._ask_to_stop(running[fingerprint])

        if running:  # whoever cancelled one asked its worker to stop, too, if that machine sees its folder
            self._calls.ask(functools.partial(self.retrying, functools.partial(self._store.cancelled, list(running))), stop)

    def _cancelled(self, lease: Lease, state: AttemptState) -> str | None:
        """Asked of the store: what is done about an attempt that stopped since a user cancelled its trial."""
        if state != "stopped" or not self.retrying(lambda: self._store.cancelled([lease.fingerprint])):
            return None
        return f"cancelled; {UNDO.format(lease.fingerprint[:8])}"

    def _request_lease(self, decision: Decision) -> None:
        """Asks for the right to run it."""
        trial = decision.trial
        is_orphaned = functools.partial(self._is_orphaned, trial.fingerprint)
        acquire = functools.partial(
            self._store.acquire_lease,
            trial.fingerprint,
            owner=self._owner,
            lease_seconds=self._settings.lease_seconds,
            fresh=decision.fresh,
            wanted=(trial.steps, trial.evaluation_fingerprint),
            seen=decision.seen,
            key=decision.key,
            search=trial.search,
            is_dead=is_orphaned,
        )
        catch_up = functools.partial(self._records.catch_up, trial.fingerprint, is_orphaned)

        def ask() -> tuple[Lease | None, bool]:
            self.retrying(catch_up)
            lease = self.retrying(acquire)
            stopped = lease is not None and self._source is not None and self._source.stopped_before(trial)
            if lease is not None and stopped:
                self.retrying(functools.partial(self._store.end, lease, "stopped early"))
            return lease, stopped

        def then(answer: tuple[Lease | None, bool]) -> None:
            lease, stopped = answer
            if stopped:
                self.progress.settled_elsewhere(trial, "stopped early", "by what an earlier attempt measured")
            elif lease is not None:
                self._leased.append((decision, lease))
            else:
                self._elsewhere.append((decision, time.monotonic() + ELSEWHERE_SECONDS))

        self._calls.ask(ask, then)

    def _write(self, attempt: RunningAttempt, what: WorkerMessage, now: int) -> bool:
        """Asked of the store; whether the trial is to stop early after this.

        How far a worker gets before it learns of it is chance, and what a search goes by must not be: later points are not written.
        """
        if attempt.stops_early and what.report.kind in ("points", "evaluation"):
            return False
        self.retrying(functools.partial(write, self._store, attempt, what, now))
        report = what.report
        if report.kind == "checkpoint":
            self._retention.checkpointed(attempt.lease.fingerprint, attempt.lease.number)
        if report.kind != "points" or self._source is None or attempt.stops_early:
            return False
        attempt.stops_early = self._source.stops(attempt.decision.trial, report.step, report.metrics)
        return attempt.stops_early

    def _written(self, attempt: RunningAttempt, stops: bool) -> None:
        if stops:
            self._ask_to_stop(attempt.job)

    def _refill(self) -> None:
        """Asks for more where trials are not all known beforehand."""
        source = self._source
        if source is None or self._pending or self._leased or self._calls.busy or self._over():
            return
        held = {attempt.lease.fingerprint for attempt in self._running} | {d.trial.fingerprint for d, _ in self._elsewhere}

        def then(decisions: Sequence[Decision]) -> None:
            source.show()
            self._pending.extend(decisions)

        self._calls.ask(lambda: self.retrying(functools.partial(source.more, held)), then)

    def _over(self) -> bool:
        return self._ending_since is not None or self.failure is not None or self.paused is not None

    def _admitted(self, decision: Decision) -> bool:
        running = list(self.progress.running.values())
        if self._budget.admits(decision, [decision, *self._pending], running):
            return True
        self.left_out.append(decision)
        self.progress.remaining_steps -= decision.trial.steps
        if not self._budget.begun(decision.trial.seed):  # and so no trial of its block, nor of a later one
            for other in [d for d in self._pending if not self._budget.begun(d.trial.seed)]:
                self._pending.remove(other)
                self.left_out.append(other)
                self.progress.remaining_steps -= other.trial.steps
        return False

    def _is_orphaned(self, fingerprint: str, owner: str) -> bool:
        """Whether a running attempt at this trial has no owner any more: dead, or we ourselves, who never learned that we got it."""
        ours = owner == self._owner and all(attempt.lease.fingerprint != fingerprint for attempt in self._running)
        return ours or is_dead(owner)

    def _job(self, decision: Decision, lease: Lease) -> Job:
        job = self._maker.job(decision, lease, self._retries.accumulation(lease.fingerprint) or decision.accumulation)
        for number in self._maker.with_checkpoint(lease.fingerprint, lease.foreign):
            self.progress.say(f"passed over {name_of(decision.trial)}, attempt {number}: it ran under other conditions than this one")
        self._running.add(RunningAttempt(decision, lease, job))
        self._calls.ask(lambda: self._records.began(lease, decision.trial.config), lambda _: None)
        self._budget.started(job.key)
        self.progress.started(job.key, decision.trial, lease.number)
        return job

    def _look_elsewhere(self) -> None:
        """Trials with a live attempt, another driver's or our own: finished there they are done, given up there they are ours to run."""
        now = time.monotonic()
        due = [decision for decision, when in self._elsewhere if when <= now]
        if not due or self._calls.busy or self._over():
            return
        names = [decision.trial.fingerprint for decision in due]
        self._elsewhere = [(decision, when) for decision, when in self._elsewhere if when > now]
        self._calls.ask(lambda: self.retrying(lambda: self._store.known(names)), functools.partial(self._found_elsewhere, due))

    def _found_elsewhere(self, due: Sequence[Decision], known: Mapping[str, KnownTrial]) -> None:
        for decision in due:
            trial = decision.trial
            found = known.get(trial.fingerprint)
            if found is None:  # deleted: whoever asks for it gets that message
                self._pending.append(decision)
                continue
            newer = found.attempts > decision.seen
            if (trial.steps, trial.evaluation_fingerprint) in found.evaluated and (newer or not decision.fresh):
                self.progress.reused += 1
                self.progress.remaining_steps -= trial.steps
            elif found.cancelled:
                self.progress.cancelled(trial)
            elif newer and found.newest_state is not None and settles(found.newest_state, found.failure, search=trial.search):
                self.progress.settled_elsewhere(trial, found.newest_state, found.error)
            else:
                self._pending.append(decision)

    @staticmethod
    def _ask_to_stop(job: Job) -> None:
        with contextlib.suppress(OSError):  # on a full disk it does not learn of it, and is given up after a while
            (job.folder / STOP_FILE).touch()
