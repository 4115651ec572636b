"""What a tracker asks of the store: see `tracking.sync_source.SyncSource`, which this is."""

from collections.abc import Iterable, Sequence

from sweeper.records import OutboxRow, TrialHistory
from sweeper.store import outbox, replay, shown_trials, trackers
from sweeper.store.database import Database
from sweeper.store.results_reader import IsDead


class SyncStore:
    """The outbox of one tracker, for one process at a time, and what is shown of a trial. Each method is one transaction."""

    tracker = "mlflow"
    """Whose outbox it is: a `ResultsStore` is MLflow's source, and `source_of` gives those of others."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def source_of(self, tracker: str) -> "SyncStore":
        """The outbox of another tracker, in the same database."""
        source = SyncStore(self._database)
        source.tracker = tracker
        return source

    # -- trials ----------------------------------------------------------------------------------------------------------------------

    def links(self, fingerprint: str) -> list[tuple[str, str]]:
        """(name, profile) of every sweep that the trial is or was in."""
        with self._database.reading() as session:
            return shown_trials.links(session, fingerprint)

    def shown(self, fingerprint: str, name: str, profile: str) -> TrialHistory:
        """The `history`, with no other evaluations than those that a version of this sweep asks for."""
        with self._database.reading() as session:
            return shown_trials.shown(session, fingerprint, name, profile)

    def unasked(self, fingerprint: str, name: str, profile: str) -> frozenset[tuple[str, int, int]]:
        """(evaluation fingerprint, attempt, step) of the trial's evaluations that no version of this sweep asks for."""
        with self._database.reading() as session:
            return shown_trials.unasked(session, fingerprint, name, profile)

    # -- the outbox of this tracker --------------------------------------------------------------------------------------------------

    def pending(self, limit: int) -> list[OutboxRow]:
        """The oldest rows, in the order they were written."""
        with self._database.reading() as session:
            return outbox.pending(session, self.tracker, limit)

    def delivered(self, ids: Iterable[int], *, mark: tuple[str, str] | None = None) -> None:
        """Take rows out; ids that are gone are ignored. `mark` is (old, new): the new one is kept if the old one still is."""
        with self._database.writing() as session:
            outbox.delivered(session, self.tracker, ids, mark)

    def mark(self) -> str:
        """What was left with the last delivery or replay; empty when nothing."""
        with self._database.reading() as session:
            return outbox.read_mark(session, self.tracker)

    def requeue_all(self, *, pages: bool = False, mark: str | None = None) -> int:
        """Put all that is stored into the outbox once more: "sweep" and "link" rows, but for those that wait there; how many it were.

        `pages`: and a "pages" row for every sweep with a result, behind them. `mark`: to be kept from now on.
        """
        with self._database.writing() as session:
            return replay.requeue_all(session, self.tracker, pages, mark)

    def backlog(self) -> int:
        """How many rows wait."""
        with self._database.reading() as session:
            return outbox.backlog(session, self.tracker)

    def acquire_sync_lease(self, owner: str, seconds: float, is_dead: IsDead) -> bool:
        """Become, or stay, the one that delivers, for so many seconds; False while another one's lease lasts and it is not dead.

        A tracker that is not registered any more is registered again: a run that does not name it dropped it while nobody held its lease.
        """
        with self._database.writing() as session:
            taken = outbox.acquire_sync_lease(session, self.tracker, owner, seconds, is_dead)
            if taken is None:
                trackers.register(session, self.tracker)
                taken = outbox.acquire_sync_lease(session, self.tracker, owner, seconds, is_dead)
            return bool(taken)

    def release_sync_lease(self, owner: str) -> None:
        """Let another deliver; nothing happens when `owner` is not the one that does."""
        with self._database.writing() as session:
            outbox.release_sync_lease(session, self.tracker, owner)

    # -- all trackers ----------------------------------------------------------------------------------------------------------------

    def register_tracker(self, name: str) -> None:
        """Post for it all that happened before, and from now on every event; nothing happens when it is registered."""
        with self._database.writing() as session:
            trackers.register(session, name)

    def register_only(self, names: Sequence[str], is_dead: IsDead) -> list[str]:
        """Register these trackers, and unregister with their rows all others that no living process serves; which those were."""
        with self._database.writing() as session:
            return trackers.register_only(session, names, is_dead)

    def backlogs(self) -> dict[str, int]:
        """How many rows wait for each tracker; none for one that has all."""
        with self._database.reading() as session:
            return outbox.backlogs(session)

    def post_pages(self, name: str, profile: str) -> None:
        """Have the sweep's page and plots shown, as they are when a tracker comes to it. Outbox: "pages" {name, profile}."""
        with self._database.writing() as session:
            outbox.post_pages(session, name, profile)
