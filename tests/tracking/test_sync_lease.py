"""An MLflow that takes five seconds a request: the lease outlives every drain, and nothing is made without it."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from sync_source_fake import FakeSource

from sweeper.tracking import mlflow_client, sync_loop
from sweeper.tracking.sync_loop import DRAIN_S, run_sync

Clock = Callable[[], float]
REQUEST_S = 5.0


class Leased(FakeSource):
    """Its lease runs out."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.until = clock, 0.0
        self.deliveries: list[float] = []
        self.without_lease: list[float] = []
        """When a run was made by one who did not hold it."""

    def acquire_sync_lease(self, owner: str, seconds: float, is_dead: Callable[[str], bool]) -> bool:
        if self.clock() >= self.until:
            self.holder = None
        taken = super().acquire_sync_lease(owner, seconds, is_dead)
        self.until = self.clock() + seconds if taken else self.until
        return taken

    def delivered(self, ids: Any, *, mark: tuple[str, str] | None = None) -> None:
        super().delivered(ids, mark=mark)
        self.deliveries.append(self.clock())


class Slow:
    """MLflow's client, each request of which takes long."""

    def __init__(self, client: Any, source: Leased, pass_time: Callable[[float], None]) -> None:
        self._client, self._source, self._pass = client, source, pass_time

    def __getattr__(self, name: str) -> Any:
        if name == "create_run" and (self._source.holder != "me" or self._source.clock() >= self._source.until):
            self._source.without_lease.append(self._source.clock())
        self._pass(REQUEST_S)
        return getattr(self._client, name)


@pytest.fixture
def slow(setup: Any, naps: Clock, monkeypatch: pytest.MonkeyPatch) -> Leased:
    """The store of `setup`, whose MLflow is slow by the clock that `naps` moves."""

    source = setup.source = Leased(naps)
    load = mlflow_client._load
    monkeypatch.setattr(mlflow_client, "_load", lambda uri: Slow(load(uri), source, sync_loop.time.sleep))
    return source


def test_many_trials_of_an_empty_mlflow_are_rebuilt_under_the_lease(setup: Any, slow: Leased) -> None:
    for number in range(12):
        slow.link(f"f{number}")
    slow.rows.clear()  # MLflow heard of them, and was restarted empty
    for step in (1, 2):
        for number in range(12):
            slow.points(step, {"train_loss": 1 / step}, f"f{number}")
    assert run_sync(setup.sync(), slow, owner="me", stop=lambda: slow.backlog() == 0) == 0
    assert len(setup.runs("trial")) == 12
    assert slow.without_lease == []
    assert slow.clock() > 600, "far longer than a lease"
    one_trial = slow.clock() / 12
    gaps = [later - earlier for earlier, later in itertools.pairwise([0.0, *slow.deliveries])]
    assert max(gaps) < DRAIN_S + 2 * one_trial, "a drain is cut between trials"


def test_one_long_history_is_told_under_the_lease(setup: Any, slow: Leased, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mlflow_client.PER_BATCH, "entries", 110)
    slow.link()
    slow.points(1, {f"metric-{number}": 0.5 for number in range(5_000)})
    slow.rows = {row.id: row for row in slow.pending(50) if row.kind == "link"}
    slow.link("f1", seed=1)
    renewals: list[float] = []
    take = slow.acquire_sync_lease

    def acquire(*arguments: Any) -> bool:
        renewals.append(slow.clock())
        return take(*arguments)

    slow.acquire_sync_lease = acquire  # type: ignore[method-assign]
    assert run_sync(setup.sync(), slow, owner="me", stop=lambda: slow.backlog() == 0) == 0
    assert slow.clock() > 300
    assert max(later - earlier for earlier, later in itertools.pairwise(renewals)) <= 30 + 2 * REQUEST_S
    assert len(setup.runs("trial")) == 2
    assert slow.without_lease == []


def test_a_mirror_that_slept_through_its_lease_makes_no_run(setup: Any, slow: Leased, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looked for a run, found none, and was suspended; meanwhile another mirror made it."""

    slow.sweep()
    slow.link()
    other = setup.sync()
    find, slept = mlflow_client.QuietClient.find_run, []

    def find_and_sleep(client: Any, *arguments: Any) -> str | None:
        found = find(client, *arguments)
        if not slept and client is not other._tracker._client:
            slept.append(True)
            sync_loop.time.sleep(500)
            assert run_sync(other, slow, owner="other", stop=lambda: True, flush_s=1e6) == 0
            slow.put("points", fingerprint="f0", step=1, metrics={"a": 1.0}, time_ms=1)
        return found

    monkeypatch.setattr(Slow, "__getattr__", lambda slow, name: getattr(slow._client, name))
    monkeypatch.setattr(mlflow_client.QuietClient, "find_run", find_and_sleep)
    assert run_sync(setup.sync(), slow, owner="me", stop=lambda: slow.backlog() == 0) == 0
    assert slept
    assert (len(setup.runs("sweep")), len(setup.runs("trial"))) == (1, 1)
