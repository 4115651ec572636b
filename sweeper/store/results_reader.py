"""What is known of the results: every question that can be asked without writing."""

from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Self

from sweeper.plan.retention import TrialUse
from sweeper.records import KnownTrial, SweepSnapshot, TrialCurves, TrialHistory, TrialTiming
from sweeper.store import curves, deleting, history, outcomes, sweeps, timings
from sweeper.store.analyses import AnalysesReader
from sweeper.store.database import Database
from sweeper.store.deleting import SweepParts
from sweeper.store.evaluated import EvaluatedReader
from sweeper.store.exchange_reader import ExchangeReader
from sweeper.store.sweeps import SweepSummary
from sweeper.store.uses import uses

IsDead = Callable[[str], bool]
"""Whether the owner of that text is surely gone. Asked inside a transaction: it answers quickly and does not use the store."""


def nobody_is_dead(_owner: str) -> bool:
    """For who cannot ask: a dead owner's lease runs out by itself."""
    return False


class ResultsReader(ExchangeReader, EvaluatedReader, AnalysesReader):
    """The part of `ResultsStore` that only reads, with its promises; see there.

    `is_dead`: owners whose attempts do not run, whatever their leases say.
    """

    def __init__(self, database: Database, is_dead: IsDead = nobody_is_dead) -> None:
        self._database = database
        self._is_dead = is_dead

    @classmethod
    def look(cls, url: str, is_dead: IsDead = nobody_is_dead) -> "ResultsReader | None":
        """The results in the database at a SQLAlchemy URL; None where it has no tables yet.

        Nothing is written and nobody who writes is waited for: a folder that cannot be written will do. Raises StoreError, never with a
        password in it.
        """
        database = Database.look(url)
        return None if database is None else ResultsReader(database, is_dead)

    def close(self) -> None:
        """Close every connection; closing twice is harmless."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # -- sweeps ---------------------------------------------------------------------------------------------------------------------

    def placed(self, name: str, profile: str, version: str) -> list[tuple[str, Mapping[str, str], int]]:
        """(variant, levels, seed) of every trial of a version, in order; none of an unknown one."""
        with self._database.reading() as session:
            return sweeps.placed(session, name, profile, version)

    def snapshot(self, name: str | None = None, profile: str | None = None, version: str | None = None) -> SweepSnapshot:
        """The version that ran last (of that name, of that profile), or the one of that hash, and the outcome of each of its trials, in the
        sweep's order.

        A trial is `finished` when a finished attempt evaluated it at exactly the planned step with the planned evaluation fingerprint;
        else `running` while its newest attempt runs, its lease is not over and its owner lives; else what its newest attempt ended as, if
        that was `failed` or `diverged`; else `pending`. Raises RequestError for an unknown name or profile, and when nothing has run yet.
        """
        with self._database.reading() as session:
            return outcomes.snapshot(session, name, profile, self._is_dead, version)

    def curves(
        self, snapshot: SweepSnapshot, metrics: Collection[str] = (), points: int = 100, *, trials: Collection[str] | None = None
    ) -> dict[str, TrialCurves]:
        """By fingerprint, for every trial of the snapshot's version, or for those of these `trials`: its evaluations at every step, and of
        each of these `metrics` a training curve of at most so many points.
        """
        with self._database.reading() as session:
            return curves.curves(session, snapshot, metrics, points, trials)

    def sweeps(self) -> list[SweepSummary]:
        """The newest version of every (name, profile), the one that ran last first."""
        with self._database.reading() as session:
            return sweeps.summaries(session)

    # -- trials ----------------------------------------------------------------------------------------------------------------------

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
        An attempt that gives no sign of life any more, or whose owner is dead, is `lost`, whether or not another one took it over by now.
        """
        with self._database.reading() as session:
            return history.history(session, fingerprint, self._is_dead)

    # -- housekeeping ----------------------------------------------------------------------------------------------------------------

    def uses(self, fingerprints: Collection[str] | None = None) -> list[TrialUse]:
        """Who needs what of these trials, of all without a list; by fingerprint."""
        with self._database.reading() as session:
            return uses(session, fingerprints, self._is_dead)

    def sweep_parts(self, name: str, profile: str | None) -> SweepParts:
        """What deleting the sweep would take away. Raises RequestError for an unknown one, and for several without a profile."""
        with self._database.reading() as session:
            return deleting.parts(session, name, profile, self._is_dead)
