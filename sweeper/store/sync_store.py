"""What the mirror of the store in MLflow asks of it: see `tracking.sync_source.SyncSource`, which this is."""

from collections.abc import Iterable

from sweeper.records import OutboxRow, TrialHistory
from sweeper.store import mlflow_trials, outbox, replay
from sweeper.store.database import Database
from sweeper.store.results_reader import IsDead


class SyncStore:
    """The outbox, for one mirror at a time, and what it shows of a trial. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def links(self, fingerprint: str) -> list[tuple[str, str]]:
        """(name, profile) of every sweep that the trial is or was in."""
        with self._database.reading() as session:
            return mlflow_trials.links(session, fingerprint)

    def shown(self, fingerprint: str, name: str, profile: str) -> TrialHistory:
        """The `history`, with no other evaluations than those that a version of this sweep asks for."""
        with self._database.reading() as session:
            return mlflow_trials.shown(session, fingerprint, name, profile)

    def unasked(self, fingerprint: str, name: str, profile: str) -> frozenset[tuple[str, int, int]]:
        """(evaluation fingerprint, attempt, step) of the trial's evaluations that no version of this sweep asks for."""
        with self._database.reading() as session:
            return mlflow_trials.unasked(session, fingerprint, name, profile)

    def pending(self, limit: int) -> list[OutboxRow]:
        """The oldest rows, in the order they were written."""
        with self._database.reading() as session:
            return outbox.pending(session, limit)

    def delivered(self, ids: Iterable[int], *, mark: tuple[str, str] | None = None) -> None:
        """Take rows out; ids that are gone are ignored. `mark` is (old, new): the new one is kept if the old one still is."""
        with self._database.writing() as session:
            outbox.delivered(session, ids, mark)

    def mark(self) -> str:
        """What the mirror left with its last delivery or retelling; empty when nothing."""
        with self._database.reading() as session:
            return outbox.read_mark(session)

    def requeue_all(self, *, pages: bool = False, mark: str | None = None) -> int:
        """Put all that is stored into the outbox once more: "sweep" and "link" rows, but for those that wait there; how many it were.

        `pages`: and a "pages" row for every sweep with a result, behind them. `mark`: to be kept from now on.
        """
        with self._database.writing() as session:
            return replay.requeue_all(session, pages, mark)

    def post_pages(self, name: str, profile: str) -> None:
        """Have the sweep's page and plots shown in MLflow, as they are when the mirror comes to it. Outbox: "pages" {name, profile}."""
        with self._database.writing() as session:
            outbox.post_pages(session, name, profile)

    def backlog(self) -> int:
        """How many rows wait."""
        with self._database.reading() as session:
            return outbox.backlog(session)

    def acquire_sync_lease(self, owner: str, seconds: float, is_dead: IsDead) -> bool:
        """Become the one mirror, or stay it, for so many seconds; False while another one's lease lasts and it is not dead."""
        with self._database.writing() as session:
            return outbox.acquire_sync_lease(session, owner, seconds, is_dead)

    def release_sync_lease(self, owner: str) -> None:
        """Let another be the mirror; nothing happens when `owner` is not."""
        with self._database.writing() as session:
            outbox.release_sync_lease(session, owner)
