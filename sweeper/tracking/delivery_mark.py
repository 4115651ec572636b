"""Whether a tracker's place still has what was delivered, or was restarted empty or from an older copy.

Each delivery is counted, at that place (in MLflow by a tag of an experiment) and then in the source, together with the rows that leave
it. So a place that has everything has the source's count, or the next one where a crash came between the two. The name under which it
counts is random, and new for each replay: no other source, and no older copy of this one, counts under it.
"""

import logging
import secrets
from collections.abc import Sequence

from sweeper.tracking.failures import Doubtful, Refused
from sweeper.tracking.sync_source import SyncSource
from sweeper.tracking.tracker import Tracker

_log = logging.getLogger(__name__)


class DeliveryMark:
    """Compares and advances the counts of both sides; a mark is `name:count`. A tracker without a count at its place is believed."""

    def __init__(self, tracker: Tracker, source: SyncSource, title: str) -> None:
        self._tracker, self._source, self._title = tracker, source, title
        self._kept = ""

    def requeued(self) -> bool:
        """Post everything again if the place lacks anything that was delivered; whether it was needed. Call it before every delivery."""
        self._kept = self._source.mark()
        if self._kept and self._is_known():
            return False
        lacking = "lacks events that were delivered" if self._kept else "is new, or received events from an older version"
        fresh = f"{secrets.token_hex(4)}:0"
        again = self._source.requeue_all(pages=self._tracker.pages, mark=fresh)
        if again:
            _log.warning("%s %s: %d rows send everything again", self._title, lacking, again)
        self._kept = fresh
        return True

    def deliver(self, ids: Sequence[int]) -> None:
        """The tracker has these rows now."""
        if not ids:
            return
        name, count = _read(self._kept)
        following = count + 1
        try:
            is_kept = self._tracker.write_mark(name, following)
        except (Refused, Doubtful) as error:
            _log.debug("%s does not take a mark: %s", self._title, error)
            is_kept = False
        after = f"{name}:{following}"
        self._source.delivered(ids, mark=(self._kept, after) if is_kept else None)
        self._kept = after if is_kept else self._kept

    def _is_known(self) -> bool:
        name, count = _read(self._kept)
        if count == 0:
            return True  # all was put into the outbox again, and nothing of it was delivered yet
        try:
            return self._tracker.read_mark(name) in (count, count + 1)
        except (Refused, Doubtful) as error:
            _log.debug("%s shows no mark: %s", self._title, error)
            return True


def _read(mark: str) -> tuple[str, int]:
    """The name and the count."""
    name, _, count = mark.partition(":")
    return name, int(count)
