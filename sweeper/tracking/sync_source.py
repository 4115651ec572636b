"""What a tracker needs from whoever keeps the results, and what it may rely on."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sweeper.records import OutboxRow, TrialHistory


class TrialSource(Protocol):
    """The histories of trials, for trackers; the store provides one.

    Promises:

    * `shown` holds the numbers that count (not of steps that a later attempt did again, nor evaluations of an attempt that has not
      finished), each with its event's own `time_ms`, so that a point copied from a history and the same point read from the outbox are
      one point; an event is in the history, if ever, before its row is pending;
    * what goes wrong is raised as it is (a tracker passes it through: it has no remedy for a lost store).

    Calls come from one thread at a time.
    """

    def links(self, fingerprint: str) -> list[tuple[str, str]]:
        """(sweep name, profile) of every sweep that the trial serves now; empty for an unknown trial."""
        ...

    def shown(self, fingerprint: str, name: str, profile: str) -> TrialHistory:
        """What this sweep shows of a trial that `links` or an event names: all but evaluations that only other sweeps asked for.

        Raises:
            RequestError: There is no such trial: it was deleted since the event was read.
        """
        ...

    def unasked(self, fingerprint: str, name: str, profile: str) -> frozenset[tuple[str, int, int]]:
        """(evaluation fingerprint, attempt, step) of these evaluations."""
        ...


class SyncSource(TrialSource, Protocol):
    """The outbox of one tracker, with the histories behind it.

    Promises:

    * a row is in the outbox exactly when its event is in the store, and stays there until it was marked delivered;
    * rows come in the order of their ids, which is the order in which the events of one trial were committed.
    """

    def pending(self, limit: int) -> list[OutboxRow]:
        """At most `limit` rows that are not delivered, lowest ids first. Reading does not take them away."""
        ...

    def delivered(self, ids: Sequence[int], *, mark: tuple[str, str] | None = None) -> None:
        """The tracker has these rows; they are pending no more. Unknown ids and repeated calls do nothing.

        With them, of `mark` = (old, new) the new one is kept, if the old one still is.
        """
        ...

    def mark(self) -> str:
        """The mark that is kept; empty when there never was one."""
        ...

    def requeue_all(self, *, pages: bool = False, mark: str | None = None) -> int:
        """Make pending, behind what is, all that the tracker should have and that does not wait yet, and keep this mark; how many rows.

        `pages`: the pages of sweeps with results, too.
        """
        ...

    def backlog(self) -> int:
        """How many rows are pending."""
        ...

    def acquire_sync_lease(self, owner: str, seconds: float, is_dead: Callable[[str], bool]) -> bool:
        """Take or renew the only right to drain the outbox, for `seconds` from now.

        True when `owner` holds it afterwards: it held it already, nobody did, the holder's time is over, or `is_dead(holder)`.
        Whoever asks serves the tracker: one that was unregistered meanwhile is registered again, and all is pending that it should have.
        """
        ...

    def release_sync_lease(self, owner: str) -> None:
        """Give the right back; does nothing when `owner` does not hold it."""
        ...
