"""The mirror's loop, with MLflow away, back, slow, or held by somebody else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sync_source_fake import FakeSource

from sweeper.tracking.delivery import Delivery
from sweeper.tracking.failures import TrackingAway
from sweeper.tracking.mlflow_tracker import MlflowTracker
from sweeper.tracking.sync_loop import run_sync

Clock = Callable[[], float]


class FakeDelivery(Delivery):
    """Takes two rows a drain, except while it is told to be away."""

    def __init__(self, source: FakeSource, away_until: float = 0.0, clock: Clock = lambda: 0.0) -> None:
        self.source, self.away_until, self.clock = source, away_until, clock
        self.title = "MLflow"
        self.tries: list[float] = []
        self.forgot = 0

    def forget(self) -> None:
        self.forgot += 1

    def drain(self, limit: int = 500, *, deadline: float = float("inf"), permit: Callable[[], None] = lambda: None) -> int:
        assert limit > 0
        assert deadline <= self.clock() + 10
        self.tries.append(self.clock())
        if self.clock() < self.away_until:
            raise TrackingAway("no route")
        rows = self.source.pending(2)
        self.source.delivered([row.id for row in rows])
        return len(rows)


def filled(rows: int) -> FakeSource:
    source = FakeSource()
    for _ in range(rows):
        source.put("sweep")
    return source


def test_it_drains_until_it_is_stopped_and_gives_the_lease_back(naps: Clock) -> None:
    source = filled(9)
    sync = FakeDelivery(source, clock=naps)
    assert run_sync(sync, source, owner="me", stop=lambda: naps() > 3) == 0
    assert (source.holder, len(source.told)) == (None, 9)
    assert source.renewals == len(sync.tries), "the lease is renewed before every drain"
    assert sync.forgot == 1, "when it became the mirror: another one may have made runs before"


def test_what_is_left_at_the_stop_is_flushed(naps: Clock) -> None:
    source = filled(9)
    assert run_sync(FakeDelivery(source, clock=naps), source, owner="me", stop=lambda: True) == 0
    assert naps() == 0


def test_a_stop_with_nothing_left_returns_at_once(naps: Clock) -> None:
    source = filled(0)
    assert run_sync(FakeDelivery(source, clock=naps), source, owner="me", stop=lambda: True) == 0
    assert source.renewals == 0
    assert naps() == 0


def test_it_backs_off_up_to_half_a_minute_while_mlflow_is_away(naps: Clock, caplog: pytest.LogCaptureFixture) -> None:
    source = filled(1)
    sync = FakeDelivery(source, away_until=150, clock=naps)
    assert run_sync(sync, source, owner="me", stop=lambda: naps() > 200) == 0
    gaps = [round(later - earlier) for earlier, later in zip(sync.tries, sync.tries[1:], strict=False)]
    assert gaps[:8] == [2, 4, 8, 16, 30, 30, 30, 30]
    assert [record.getMessage()[:14] for record in caplog.records] == ["MLflow is away", "MLflow is back"]


def test_the_flush_is_bounded_while_mlflow_is_away(naps: Clock) -> None:
    source = filled(3)
    sync = FakeDelivery(source, away_until=1e9, clock=naps)
    assert run_sync(sync, source, owner="me", stop=lambda: naps() > 40, flush_s=5) == 3
    assert 40 < naps() < 46
    assert source.holder is None


def test_a_second_mirror_waits_and_takes_over_from_a_dead_one(naps: Clock) -> None:
    source = filled(3)
    source.holder = "other"
    sync = FakeDelivery(source, clock=naps)
    assert run_sync(sync, source, owner="me", stop=lambda: naps() > 3, flush_s=2) == 3
    assert (sync.tries, source.holder) == ([], "other")
    assert run_sync(sync, source, owner="me", stop=lambda: True, is_dead=lambda owner: owner == "other") == 0


def test_the_lease_is_given_back_when_the_store_fails(naps: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    source = filled(1)

    def lost(_limit: int) -> Any:
        raise LookupError("the store is gone")

    monkeypatch.setattr(source, "pending", lost)
    with pytest.raises(LookupError):
        run_sync(FakeDelivery(source, clock=naps), source, owner="me", stop=lambda: naps() > 3)
    assert source.holder is None


@pytest.mark.parametrize("uri", ["http://ann:s3cret@127.0.0.1:1", "nonsense://x"])
def test_an_mlflow_that_is_not_there_keeps_the_rows(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    source = FakeSource()
    source.sweep()
    source.link()
    sync = Delivery(MlflowTracker(uri, tmp_path / "artifacts", tmp_path / "trials", source), source, "MLflow")
    for _ in range(5):
        with pytest.raises(TrackingAway) as caught:
            sync.drain()
        assert "s3cret" not in str(caught.value)
    assert (source.backlog(), sync.refused) == (2, 0)
    assert run_sync(sync, source, owner="me", stop=lambda: True, flush_s=0.3, interval_s=0.1) == 2
    assert "s3cret" not in caplog.text
    assert not (tmp_path / "artifacts").exists()
