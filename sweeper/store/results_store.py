"""The store of every result: sweeps, trials, attempts, curves, evaluations, and what trackers have yet to receive."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from sweeper.records import AttemptState, FailureClass, Lease, Metrics, PlannedTrial, Result
from sweeper.store import attempts, leases, sweeps
from sweeper.store.analyses_store import AnalysesStore
from sweeper.store.attempts import Fenced
from sweeper.store.database import Conflict, Database, Upgrade
from sweeper.store.evaluated_store import EvaluatedStore
from sweeper.store.exchange_store import ExchangeStore
from sweeper.store.housekeeping_store import HousekeepingStore
from sweeper.store.results_reader import IsDead, ResultsReader
from sweeper.store.sweeps import SweepSummary

__all__ = ["Fenced", "IsDead", "ResultsReader", "ResultsStore", "SweepSummary", "Upgrade"]


class ResultsStore(ResultsReader, HousekeepingStore, ExchangeStore, EvaluatedStore, AnalysesStore):
    """Each method is one transaction: it happens whole, or raises and leaves nothing, also when a signal's exception interrupts it.

    Promises to callers:
    * Threads may share a store; a process opens its own. A signal handler does not call it: it sets a flag or raises.
    * StoreLost when the database fails, StoreUnavailable (one of them) when asking again may help; ValueError for what it cannot hold (NaN,
      infinity); values returned are copies.
    * Reads see one moment and never wait for writers; writers wait for each other, up to 30 s.
    * Whatever trackers should receive is in the outbox of each if and only if its event is in the tables.
    """

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database at a SQLAlchemy URL and make its tables when it is new. Raises StoreError, never with a password in it."""
        return cls(Database.open(url))

    @staticmethod
    def upgrade(url: str) -> Upgrade:
        """Bring a database that an older version wrote to the newest schema, in one transaction, keeping its rows. Raises StoreError."""
        return Database.upgrade(url)

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
        grows: bool = False,
    ) -> None:
        """Make this version the sweep's newest, with these trials in this order; trials that exist keep all their results.

        Doing it again changes nothing but the time. Outbox: "sweep" {name, profile, version, question, spec} for a new version; "link"
        {name, profile, fingerprint, variant, levels, seed, config} for each trial that no version of this sweep evaluated so before.
        `command`: the command line that does it again. Where the list `grows` (see
        `append_trials`), the trials behind these stay.
        """
        with self._database.writing() as session:
            sweeps.record(session, name=name, profile=profile, version=version, spec=spec, trials=trials, command=command, grows=grows)

    def append_trials(self, *, name: str, profile: str, version: str, after: int, trials: Sequence[PlannedTrial]) -> bool:
        """Add trials behind the `after` that the version has; False, and nothing is added, when it has another number of them by now.

        Outbox: "link" as of `record_sweep`.
        """
        with self._database.writing() as session:
            return sweeps.append(session, name=name, profile=profile, version=version, after=after, trials=trials)

    def ensure_schema(self, name: str) -> None:
        """Make a schema for others' tables, where the database has schemas."""
        self._database.ensure_schema(name)

    # -- attempts: Fenced when the attempt ended or was taken over; each call renews the lease, and nothing else does ---------------------

    def acquire_lease(
        self,
        fingerprint: str,
        *,
        owner: str,
        lease_seconds: float,
        fresh: bool = False,
        wanted: tuple[int, str] | None = None,
        seen: int | None = None,
        key: Mapping[str, Any] | None = None,
        search: bool = False,
        is_dead: IsDead,
    ) -> Lease | None:
        """The right to run the trial's next attempt, or None while another one lives.

        None also when a user cancelled the trial, when the `wanted` result (step, evaluation fingerprint) is there by now, or an attempt
        after number `seen`, the newest when it was planned, settled the trial (see `plan.failures.settles`): another driver did it.
        A fresh attempt wants its own result; where another driver began the trial afresh after `seen`, it is gone on with instead.

        An attempt whose lease is over, or whose owner is dead, becomes `lost` here (outbox: "attempt"). `earlier` of the lease are the
        attempts with a checkpoint to resume from, newest first, none from before the last fresh one, none whose comparability is not this
        `key`; empty when this one is fresh. In a `search`, an early stop settles the trial too.
        """
        try:
            with self._database.writing() as session:
                return leases.acquire(
                    session,
                    fingerprint,
                    owner=owner,
                    lease_seconds=lease_seconds,
                    fresh=fresh,
                    wanted=wanted,
                    seen=seen,
                    key=key or {},
                    search=search,
                    is_dead=is_dead,
                )
        except Conflict:  # two at once, past every lock: the unique index let one of them through
            return None

    def started(self, lease: Lease, *, start_step: int, comparability: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        """The worker begins at this step; its points count from here. Outbox: "attempt" (see `end`)."""
        with self._database.writing() as session:
            attempts.started(session, lease, start_step=start_step, comparability=comparability, provenance=provenance)

    def points(self, lease: Lease, step: int, metrics: Metrics, time_ms: int) -> None:
        """Values of curves at a step; told twice, the first stands. Outbox: "points" {fingerprint, step, metrics, time_ms}."""
        with self._database.writing() as session:
            attempts.points(session, lease, step, metrics, time_ms)

    def checkpointed(self, lease: Lease, step: int) -> None:
        """A whole checkpoint of this step lies in the attempt's folder."""
        with self._database.writing() as session:
            attempts.checkpointed(session, lease, step)

    def evaluated(
        self,
        lease: Lease,
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
            attempts.evaluated(session, lease, step, evaluation_fingerprint, metrics, details, time_ms)

    def alive(self, lease: Lease) -> None:
        """The worker gave a sign of life."""
        with self._database.writing() as session:
            attempts.alive(session, lease)

    def end(
        self,
        lease: Lease,
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
            attempts.end(session, lease, state, error, failure, policy, result)
