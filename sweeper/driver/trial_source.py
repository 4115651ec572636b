"""Where a driver gets trials that nobody knew when the run began."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sweeper.plan.reconcile import Decision
from sweeper.records import PlannedTrial


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
