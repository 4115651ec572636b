"""The outbox is emptied in order, by one mirror at a time: on every database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from sweeper.records import PlannedTrial
from sweeper.store import outbox
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]


def alive(_owner: str) -> bool:
    return False


def test_rows_come_in_order_and_leave_when_delivered(store: ResultsStore, trials: MakeTrials) -> None:
    store.record_sweep(name="noise", profile="default", version="v1", spec={"question": "?"}, trials=trials())
    assert store.backlog() == 5
    first = store.pending(2)
    assert [row.kind for row in first] == ["sweep", "link"]
    assert store.pending(2) == first, "reading does not take rows away"
    store.delivered([row.id for row in first])
    store.delivered([row.id for row in first])
    rest = store.pending(10)
    assert [row.kind for row in rest] == ["link", "link", "link"]
    assert [row.id for row in rest] == sorted(row.id for row in rest)
    assert rest[0].id > first[-1].id


def test_an_id_is_never_used_again(store: ResultsStore, trials: MakeTrials) -> None:
    store.record_sweep(name="first", profile="default", version="v1", spec={"question": "?"}, trials=trials())
    old = [row.id for row in store.pending(10)]
    store.delivered(old)
    store.record_sweep(name="second", profile="default", version="v1", spec={"question": "?"}, trials=trials())
    store.delivered(old)
    assert store.backlog() == 5, "a slow mirror that says again what it delivered takes nothing else away"


def test_one_mirror_at_a_time(store: ResultsStore) -> None:
    assert store.acquire_sync_lease("a", 60, alive)
    assert store.acquire_sync_lease("a", 60, alive), "the holder renews"
    assert not store.acquire_sync_lease("b", 60, alive)
    store.release_sync_lease("b")
    assert not store.acquire_sync_lease("b", 60, alive)
    store.release_sync_lease("a")
    assert store.acquire_sync_lease("b", 0, alive)
    assert store.acquire_sync_lease("c", 60, alive), "the lease of b is over"
    assert store.acquire_sync_lease("d", 60, lambda owner: owner == "c"), "c is dead"


def test_a_clock_set_back_holds_the_mirror_for_one_lease_at_most(store: ResultsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = datetime(2030, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(outbox, "now", lambda _: clock)
    assert store.acquire_sync_lease("a", 10, alive)
    clock -= timedelta(hours=1)
    assert not store.acquire_sync_lease("b", 10, alive)
    clock += timedelta(seconds=11)
    assert store.acquire_sync_lease("b", 10, alive)
