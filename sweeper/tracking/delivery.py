"""Delivers the outbox to a tracker, in order: what is refused is skipped, what cannot be taken now waits."""

import contextlib
import functools
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator

from sweeper.records import OutboxRow
from sweeper.tracking.delivery_mark import DeliveryMark
from sweeper.tracking.failures import Doubtful, Refused, TrackingAway
from sweeper.tracking.outbox_events import Event, MetricEvent, read_row
from sweeper.tracking.sync_source import SyncSource
from sweeper.tracking.tracker import Tracker

DOUBTS = 3
"""A row that failed this often, while the tracker took other events, is given up."""

ROWS_AT_ONCE = 100
"""Of rows that are not metrics: how many at most are applied before the tracker is flushed."""

_METRIC_KINDS = frozenset({"points", "evaluation"})

_log = logging.getLogger(__name__)

ReadRow = tuple[OutboxRow, Event | None]
"""None for an event that cannot be read: refused, whatever the tracker."""


class Delivery:
    """Delivers the outbox of `source` to a tracker, which messages call by its `title`.

    Promises: a row leaves the outbox only after the tracker has it, or turned it down for good (then `refused` counts it and one warning
    names it). A place that was emptied, or put back from an older copy, is sent everything again, behind what waits for it, where its
    tracker keeps a mark there. The tracker is first called at the first `drain` that finds a row. For one thread.
    """

    def __init__(self, tracker: Tracker, source: SyncSource, title: str) -> None:
        self.title = title
        self.refused = 0
        """Rows that were turned down for good; they are lost to the tracker, not to the store."""
        self.away: str | None = None
        """Why nothing was taken when nothing was taken last."""
        self._tracker = tracker
        self._source = source
        self._mark = DeliveryMark(tracker, source, title)
        self._is_connected = False
        self._permit: Callable[[], None] = lambda: None
        self._doubts: dict[int, int] = {}

    def forget(self) -> None:
        """Another process may have delivered meanwhile."""
        self._tracker.forget()

    def drain(self, limit: int = 500, *, deadline: float = float("inf"), permit: Callable[[], None] = lambda: None) -> int:
        """Deliver up to `limit` rows and return how many; 0 only when the outbox is empty.

        Stops early when `time.monotonic()` is past `deadline`, but not within what is sent of one trial. The tracker calls `permit` before
        every request; what it raises ends the drain.
        Raises `TrackingAway` when the tracker can take nothing now: what is not delivered stays in the outbox.
        """
        rows = self._source.pending(limit)
        if not rows:
            return 0
        self._permit = permit
        done: list[OutboxRow] = []
        try:
            if not self._is_connected:
                self._connect()
            if self._mark.requeued():
                self._connect()
                rows = self._source.pending(limit)
            for group in _groups(rows):
                self._send(group, deadline, done)
                if time.monotonic() >= deadline:
                    break
            self._mark.deliver([row.id for row in done])
        except TrackingAway as error:
            self.away = str(error)
            # Whatever answers next may have been restored from an older copy.
            self._tracker.forget()
            with contextlib.suppress(TrackingAway):  # it may be away for artifacts alone
                self._mark.deliver([row.id for row in done])
            raise
        return len(done)

    def _connect(self) -> None:
        self._tracker.connect(lambda: self._permit())
        self._is_connected = True

    def _send(self, rows: list[OutboxRow], deadline: float, done: list[OutboxRow]) -> None:
        """Apply rows, then flush; adds to `done` those applied before the deadline, at least one, or one trial's."""
        events = self._read(rows)
        self._insist(rows[0], functools.partial(self._tracker.begin, [event for _, event in events if event is not None]))
        if rows[0].kind not in _METRIC_KINDS:
            sent: list[OutboxRow] = []
            self._one_by_one(events, deadline, sent)
            self._flush(sent)
            done += sent
            return
        sent = []
        try:
            self._each_trial(events, deadline, sent)
        except TrackingAway:  # numbers of other trials need not be sent again
            self._flush(sent)
            done += sent
            raise
        self._flush(sent)
        done += sent

    def _each_trial(self, events: list[ReadRow], deadline: float, sent: list[OutboxRow]) -> None:
        """Numbers, those of a trial together."""
        by_trial: dict[str, list[ReadRow]] = {}
        for row, event in events:
            if isinstance(event, MetricEvent):
                by_trial.setdefault(event.fingerprint, []).append((row, event))
            else:
                sent.append(row)
        for of_trial in by_trial.values():
            try:
                self._tracker.apply([event for _, event in of_trial if event is not None])
                sent += [row for row, _ in of_trial]
            except (Refused, Doubtful):
                self._one_by_one(of_trial, deadline, sent)  # one of them is at fault: sent alone, the others pass
            if time.monotonic() >= deadline:
                break

    def _one_by_one(self, events: list[ReadRow], deadline: float, sent: list[OutboxRow]) -> None:
        for row, event in events:
            if event is not None:
                self._insist(row, functools.partial(self._tracker.apply, [event]))
            sent.append(row)
            if time.monotonic() >= deadline:
                break

    def _flush(self, rows: list[OutboxRow]) -> None:
        if rows:
            self._insist(rows[-1], self._tracker.flush)

    def _read(self, rows: Iterable[OutboxRow]) -> list[ReadRow]:
        events: list[ReadRow] = []
        for row in rows:
            try:
                events.append((row, read_row(row)))
            except Refused as error:
                self._give_up(row, str(error))
                events.append((row, None))
        return events

    def _insist(self, row: OutboxRow, action: Callable[[], None]) -> None:
        """Do it, if need be again with nothing remembered, unless it is refused for good."""
        try:
            action()
            return
        except (Refused, Doubtful):
            # What the tracker remembers may be gone: deleted by hand, or with the database it was in.
            self._tracker.forget()
        try:
            action()
            return
        except Doubtful as error:
            self._doubts[row.id] = self._doubts.get(row.id, 0) + 1
            if self._doubts[row.id] < DOUBTS:
                raise TrackingAway(str(error)) from error
            reason = str(error)
        except Refused as error:
            reason = str(error)
        self._give_up(row, reason)

    def _give_up(self, row: OutboxRow, reason: str) -> None:
        self._doubts.pop(row.id, None)
        self.refused += 1
        _log.warning("%s does not take outbox row %d (%s), which is skipped there: %s", self.title, row.id, row.kind, reason)


def _groups(rows: Iterable[OutboxRow]) -> Iterator[list[OutboxRow]]:
    """Neighbours that can be sent together: stretches of metrics, and short stretches of anything else."""
    for are_metrics, neighbours in itertools.groupby(rows, key=lambda row: row.kind in _METRIC_KINDS):
        stretch = list(neighbours)
        size = len(stretch) if are_metrics else ROWS_AT_ONCE
        for start in range(0, len(stretch), size):
            yield stretch[start : start + size]
