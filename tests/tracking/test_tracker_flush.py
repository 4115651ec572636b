"""What a tracker may rely on that keeps what it is given until `flush`."""

from collections.abc import Sequence

import pytest
from sync_source_fake import FakeSource

from sweeper.tracking.delivery import Delivery
from sweeper.tracking.failures import Doubtful, Refused, TrackingAway
from sweeper.tracking.outbox_events import Event, MetricEvent
from sweeper.tracking.tracker import Tracker


class Keeping(Tracker):
    """Keeps events, and shows them by `flush`; fails with what it is told to."""

    def __init__(self) -> None:
        self.kept: list[int] = []
        self.shown: list[int] = []
        self.apply_fails: dict[int, Exception] = {}
        """By the step of an event."""
        self.flush_fails: list[Exception] = []
        """One after the other."""

    def apply(self, events: Sequence[Event]) -> None:
        steps = [event.points[0].step for event in events if isinstance(event, MetricEvent)]
        for step in steps:
            if step in self.apply_fails:
                raise self.apply_fails[step]
        self.kept += steps

    def flush(self) -> None:
        if self.flush_fails:
            error = self.flush_fails.pop(0)
            if isinstance(error, TrackingAway):
                self.kept.clear()  # it comes again
            raise error
        self.shown += self.kept
        self.kept.clear()


@pytest.fixture
def source() -> FakeSource:
    """Numbers of three trials at one step each: 1, 2, 3."""
    source = FakeSource()
    for step in (1, 2, 3):
        source.link(f"f{step}")
        source.points(step, {"train_loss": 1.0}, f"f{step}")
    source.rows = {row_id: row for row_id, row in source.rows.items() if row.kind == "points"}
    return source


def test_what_was_not_flushed_since_it_was_away_comes_again(source: FakeSource) -> None:
    tracker = Keeping()
    tracker.flush_fails = [TrackingAway("no space is left")]
    delivery = Delivery(tracker, source, "keeping")
    with pytest.raises(TrackingAway):
        delivery.drain()
    assert (source.backlog(), tracker.shown) == (3, [])
    assert delivery.drain() == 3
    assert (source.backlog(), tracker.shown, delivery.refused) == (0, [1, 2, 3], 0)


def test_what_was_applied_before_it_was_away_is_flushed_and_does_not_come_again(source: FakeSource) -> None:
    """So it must not be dropped when `apply` fails."""
    tracker = Keeping()
    tracker.apply_fails = {3: TrackingAway("a moment")}
    delivery = Delivery(tracker, source, "keeping")
    with pytest.raises(TrackingAway):
        delivery.drain()
    assert (source.backlog(), tracker.shown) == (1, [1, 2])
    tracker.apply_fails.clear()
    delivery.drain()
    assert (source.backlog(), tracker.shown) == (0, [1, 2, 3])


def test_a_flush_that_is_refused_twice_is_logged_and_all_of_it_counts_as_received(
    source: FakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = Keeping()
    tracker.flush_fails = [Refused("too large"), Refused("too large")]
    delivery = Delivery(tracker, source, "keeping")
    assert delivery.drain() == 3
    assert (source.backlog(), tracker.shown, delivery.refused) == (0, [], 1)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said == f"keeping does not take outbox row {max(source.told)} (points), which is skipped there: too large"


def test_one_that_is_refused_once_loses_nothing(source: FakeSource) -> None:
    tracker = Keeping()
    tracker.flush_fails = [Refused("a moment")]
    delivery = Delivery(tracker, source, "keeping")
    assert delivery.drain() == 3
    assert (source.backlog(), tracker.shown, delivery.refused) == (0, [1, 2, 3], 0)


def test_a_flush_in_doubt_has_all_of_it_come_again_and_counts_as_received_in_the_end(source: FakeSource) -> None:
    tracker = Keeping()
    tracker.flush_fails = [Doubtful("who knows") for _ in range(6)]
    delivery = Delivery(tracker, source, "keeping")
    for _ in range(2):
        with pytest.raises(TrackingAway):
            delivery.drain()
        assert source.backlog() == 3
    assert delivery.drain() == 3
    assert (source.backlog(), delivery.refused) == (0, 1)


def test_one_event_that_apply_refuses_is_skipped_alone(source: FakeSource) -> None:
    tracker = Keeping()
    tracker.apply_fails = {2: Refused("not this one")}
    delivery = Delivery(tracker, source, "keeping")
    assert delivery.drain() == 3
    assert (source.backlog(), tracker.shown, delivery.refused) == (0, [1, 3], 1)
