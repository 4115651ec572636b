"""The store of every result: sweeps, trials, attempts, curves, evaluations, and what MLflow has yet to hear of."""

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from sweeper.records import (
    AttemptClaim,
    AttemptState,
    FailureClass,
    KnownTrial,
    Metrics,
    PlannedTrial,
    Result,
    SweepSnapshot,
    TrialCurves,
    TrialHistory,
    TrialTiming,
)
from sweeper.store import attempts, claims, curves, history, outcomes, sweeps, timings
from sweeper.store.attempts import Fenced
from sweeper.store.database import Conflict, Database, Upgrade
from sweeper.store.mirrored_store import IsDead, MirroredStore
from sweeper.store.sweeps import SweepSummary

__all__ = ["Fenced", "ResultsStore", "SweepSummary", "Upgrade"]


class ResultsStore(MirroredStore):
    """Each method is one transaction: it happens whole, or raises and leaves nothing, also when a signal's exception interrupts it.

    Promises to callers:
    * Threads may share a store; a process opens its own. A signal handler does not call it: it sets a flag or raises.
    * StoreLost when the database fails, StoreAway (one of them) when asking again may help; ValueError for a value it cannot hold (NaN,
      infinity); values returned are copies.
    * Reads see one moment and never wait for writers; writers wait for each other, up to 30 s.
    * Whatever MLflow should hear of is in the outbox if and only if its event is in the tables.
    """

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database at a SQLAlchemy URL and make its tables when it is new. Raises StoreError, never with a password in it."""
        return cls(Database.open(url))

    @staticmethod
    def upgrade(url: str) -> Upgrade:
        """Bring a database that an older version wrote to the newest schema, in one transaction, keeping its rows. Raises StoreError."""
        return Database.upgrade(url)

    def close(self) -> None:
        """Close every connection; closing twice is harmless."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # -- sweeps ---------------------------------------------------------------------------------------------------------------------

    def record_sweep(
        self,
        *,
        name: str,
        profile: str,
        version: str,
        spec: Mapping[str, Any],
        trials: Sequence[PlannedTrial],
        command: str | None = None,
    ) -> None:
        """Make this version the sweep's newest, with these trials in this order; trials that exist keep all their results.

        Doing it again changes nothing but the time. Outbox: "sweep" {name, profile, version, question, spec} for a new version; "link"
        {name, profile, fingerprint, variant, levels, seed, config} for each trial that no version of this sweep evaluated so before.
        `command`: the command line that does it again.
        """
        with self._database.writing() as session:
            sweeps.record(session, name=name, profile=profile, version=version, spec=spec, trials=trials, command=command)

    def snapshot(self, name: str | None = None, profile: str | None = None) -> SweepSnapshot:
        """The version that ran last (of that name, of that profile) and the outcome of each of its trials, in the sweep's order.

        A trial is `finished` when a finished attempt evaluated it at exactly the planned step with the planned evaluation fingerprint;
        else `running` while its newest attempt runs and its lease is not over; else what its newest attempt ended as, if that was
        `failed` or `diverged`; else `pending`. Raises RequestError for an unknown name or profile, and when nothing has run yet.
        """
        with self._database.reading() as session:
            return outcomes.snapshot(session, name, profile)

    def curves(self, snapshot: SweepSnapshot, metrics: Collection[str] = (), points: int = 100) -> dict[str, TrialCurves]:
        """By fingerprint, for every trial of the snapshot's version: its evaluations at every step, and of each of these `metrics` a
        training curve of at most so many points. A few queries, however many trials there are.
        """
        with self._database.reading() as session:
            return curves.curves(session, snapshot.name, snapshot.profile, snapshot.version, metrics, points)

    def sweeps(self) -> list[SweepSummary]:
        """The newest version of every (name, profile), the one that ran last first."""
        with self._database.reading() as session:
            return sweeps.summaries(session)

    # -- trials ---------------------------------------------------------------------------------------------------------------------

    def known(self, fingerprints: Collection[str]) -> dict[str, KnownTrial]:
        """What is known of those trials that exist, by fingerprint."""
        with self._database.reading() as session:
            return outcomes.known(session, fingerprints)

    def timings(self, newest: int) -> list[TrialTiming]:
        """How long the newest so many finished attempts took, the newest first."""
        with self._database.reading() as session:
            return timings.timings(session, newest)

    def find_trial(self, prefix: str) -> str:
        """The fingerprint that begins so; RequestError when none or several do, or with fewer than 4 characters."""
        with self._database.reading() as session:
            return sweeps.find_trial(session, prefix)

    def history(self, fingerprint: str) -> TrialHistory:
        """Attempts, curves and evaluations of one trial; RequestError for an unknown one.

        A step of a curve is read from the newest attempt that began at or before it, and not from before the last fresh attempt.
        """
        with self._database.reading() as session:
            return history.history(session, fingerprint)

    # -- attempts: Fenced when the attempt ended or was taken over; each call renews the lease, and nothing else does ---------------------

    def claim(
        self,
        fingerprint: str,
        *,
        owner: str,
        lease_seconds: float,
        fresh: bool = False,
        wanted: tuple[int, str] | None = None,
        seen: int | None = None,
        key: Mapping[str, Any] | None = None,
        is_dead: IsDead,
    ) -> AttemptClaim | None:
        """The right to run the trial's next attempt, or None while another one lives.

        None also when the `wanted` result (step, evaluation fingerprint) is there by now, or an attempt after number `seen`, the newest
        when it was planned, settled the trial (see `plan.failures.settles`): another driver did it. A fresh attempt wants its own result;
        where another driver began the trial afresh after `seen`, it is gone on with instead.

        An attempt whose lease is over, or whose owner is dead, becomes `lost` here (outbox: "attempt"). `earlier` of the claim are the
        attempts with a checkpoint to resume from, newest first, none from before the last fresh one, none whose comparability is not this
        `key`; empty when this one is fresh.
        """
        try:
            with self._database.writing() as session:
                return claims.claim(
                    session,
                    fingerprint,
                    owner=owner,
                    lease_seconds=lease_seconds,
                    fresh=fresh,
                    wanted=wanted,
                    seen=seen,
                    key=key or {},
                    is_dead=is_dead,
                )
        except Conflict:  # two at once, past every lock: the unique index let one of them through
            return None

    def started(self, claim: AttemptClaim, *, start_step: int, comparability: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        """The worker begins at this step; its points count from here. Outbox: "attempt" (see `end`)."""
        with self._database.writing() as session:
            attempts.started(session, claim, start_step=start_step, comparability=comparability, provenance=provenance)

    def points(self, claim: AttemptClaim, step: int, metrics: Metrics, time_ms: int) -> None:
        """Values of curves at a step; told twice, the first stands. Outbox: "points" {fingerprint, step, metrics, time_ms}."""
        with self._database.writing() as session:
            attempts.points(session, claim, step, metrics, time_ms)

    def checkpointed(self, claim: AttemptClaim, step: int) -> None:
        """A whole checkpoint of this step lies in the attempt's folder."""
        with self._database.writing() as session:
            attempts.checkpointed(session, claim, step)

    def evaluated(
        self,
        claim: AttemptClaim,
        step: int,
        evaluation_fingerprint: str,
        metrics: Metrics,
        details: Mapping[str, Any],
        time_ms: int,
    ) -> None:
        """One evaluation; told twice, the first stands; it counts once the attempt ended as `finished`.

        Outbox: "evaluation" {fingerprint, evaluation, step, metrics, details, time_ms, attempt}; `evaluation` is its fingerprint.
        """
        with self._database.writing() as session:
            attempts.evaluated(session, claim, step, evaluation_fingerprint, metrics, details, time_ms)

    def alive(self, claim: AttemptClaim) -> None:
        """The worker was heard from."""
        with self._database.writing() as session:
            attempts.alive(session, claim)

    def end(
        self,
        claim: AttemptClaim,
        state: AttemptState,
        error: str | None = None,
        *,
        failure: FailureClass | None = None,
        policy: str | None = None,
        result: Result | None = None,
    ) -> None:
        """The attempt is over, and its `result` is there from this moment on. Telling the same end twice is telling it once.

        `error` is the first real exception; its first line stands alone, since tables show only that. `policy`: what is done about it.
        Outbox: "evaluation" for the result (see `evaluated`), then "attempt" {fingerprint, attempt, state, error (first line), provenance,
        comparability, time_ms}.
        """
        with self._database.writing() as session:
            attempts.end(session, claim, state, error, failure, policy, result)

    def release_dead(self, is_dead: IsDead) -> list[str]:
        """Mark the running attempts of dead owners `lost` at once, without waiting to claim them; the fingerprints of their trials."""
        with self._database.writing() as session:
            return claims.release_dead(session, is_dead)
