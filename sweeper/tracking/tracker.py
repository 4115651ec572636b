"""The seam at which a tracker is added: one class, in a module of this package or of a user's own (docs/trackers.md)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.settings import Settings
from sweeper.tracking.outbox_events import Event
from sweeper.tracking.sync_source import TrialSource

WritePages = Callable[[str, str, Path], None]
"""Writes the files that show a sweep (name, profile) into a folder."""


@dataclass(frozen=True)
class TrackerContext:
    """What a tracker is made with."""

    source: TrialSource
    """The histories of trials, as they are in the store when it asks."""
    settings: Settings
    """`settings.root` is SWEEPER_HOME; `settings.trials` / FINGERPRINT / attempt-N holds what an attempt left on disk."""
    write_pages: WritePages | None = None
    """Draws a sweep's page and plots; None where SWEEPER_MLFLOW_PAGES turns that off. Raises RequestError for a sweep that is gone."""


class Tracker(ABC):
    """Shows elsewhere what the store holds. `class Mine(Tracker)` is made as `Mine(context)`, in a process of its own.

    It is made anew there each time the store was lost and is back. Nothing closes the one before, so it should leave nothing open that a
    second one cannot open too. It may rely on this:

    * It receives every event that happens after it was registered, at least once: whatever was applied since the last `flush` that
      returned comes again after a crash, and now and then so does something older. Applying an event twice should leave what once leaves.
    * Events of one trial come in the order in which they happened. Those of different trials may be mixed.
    * A `LinkEvent` means: show the whole history of this trial in this sweep, which `context.source.shown` has. When a tracker is
      registered for the first time, or again, a `SweepEvent` for every sweep and a `LinkEvent` for every trial of it are all it receives
      of what happened before. Events of a trial may come before its `LinkEvent`, and again after a history that held them already.
    * One thread of one process in the world applies events to it at a time.

    Whatever it raises but `StoreLost`, `Refused`, `Doubtful` and `TrackingAway` ends its process, which writes the traceback to mirror.log
    and is started again, after longer and longer; the events wait. Neither a trial nor another tracker waits for it. At the end of a run
    it has half a minute to receive what is left, or three seconds after Ctrl-C; the next run sends the rest.
    """

    pages: bool = False
    """Whether a `PagesEvent` for every sweep with a result is part of what it receives when it is sent everything. One that draws pages
    sets it to `context.write_pages is not None`."""

    @abstractmethod
    def apply(self, events: Sequence[Event]) -> None:
        """Show these events: one, or several `MetricEvent`s of one trial.

        Raises:
            TrackingAway: Nothing can be shown now; the events come again, after longer and longer. Keep what was applied before them: a
                `flush` may still follow, and what it makes last does not come again.
            Refused: They can never be shown. Several are then applied one by one; one is tried once more, logged and skipped.
            Doubtful: As `Refused`, but tried a few times more before it is skipped.
        """

    # What follows may be left as it is: a tracker without memory, cost of looking up or a mark has nothing to do there.

    def flush(self) -> None:  # noqa: B027
        """Make what was applied last, also after this process is killed.

        Raises:
            TrackingAway: It cannot be done now. All that was applied since the last `flush` that returned comes again: drop what is kept of
                it, or it is shown twice.
            Refused: It is called once more, so keep what is kept. Refused again, it is logged, and all that was applied since the last
                `flush` that returned counts as received, whatever became of it. So refuse in `apply`, where one event is skipped.
            Doubtful: As `Refused`, but all of it comes again a few times before it counts as received.
        """

    def begin(self, events: Sequence[Event]) -> None:  # noqa: B027
        """These come next, up to the next `flush`: where many things are looked up, it can be done at once. Raises as `apply` does."""

    def forget(self) -> None:  # noqa: B027
        """Trust nothing that is remembered of the place where things are shown: others may have written there, or deleted.

        What was applied and waits for `flush` stays.
        """

    def connect(self, permit: Callable[[], None]) -> None:  # noqa: B027
        """Called before the first event, and again when that place turned out to be a new one, or an older copy.

        Args:
            permit: To be called before each request by an `apply` that may take longer than half a minute: it keeps the right to deliver,
                or raises what must end the `apply` because another process has it now.
        """

    def read_mark(self, name: str) -> int:
        """The count that was kept there last under this name; 0 where none is.

        A tracker with `write_mark` is sent everything again when the two counts differ: its place was emptied or is an older copy.
        """
        return 0

    def write_mark(self, name: str, count: int) -> bool:
        """Keep this count there, under this name; False where the place keeps none, and is then never compared."""
        return False
