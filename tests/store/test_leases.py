"""One live attempt per trial, and nothing from an attempt that lost its lease: on every database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from sweeper.errors import SweepPaused
from sweeper.records import AttemptState, Lease, PlannedTrial
from sweeper.store import attempts, leases, outbox
from sweeper.store.results_store import Fenced, ResultsStore
from sweeper.store.tables import Attempt, CurvePoint, Evaluation, EvaluationDetail, Outbox, Table

MakeTrials = Callable[..., list[PlannedTrial]]
TRIAL = "single-0-fingerprint"


def alive(_owner: str) -> bool:
    return False


def acquire_lease(
    store: ResultsStore, owner: str = "me", lease: float = 60, fresh: bool = False, is_dead: Callable[[str], bool] = alive
) -> Lease:
    held = store.acquire_lease(TRIAL, owner=owner, lease_seconds=lease, fresh=fresh, is_dead=is_dead)
    assert held is not None
    return held


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything that a fenced write could have changed."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    tables: list[type[Table]] = [Attempt, CurvePoint, Evaluation, EvaluationDetail, Outbox]
    with engine.connect() as connection:
        return {table.__tablename__: sorted(map(tuple, connection.execute(sa.select(table)).all()), key=repr) for table in tables}


@pytest.fixture(autouse=True)
def recorded(store: ResultsStore, trials: MakeTrials) -> None:
    store.record_sweep(name="noise", profile="default", version="v1", spec={"question": "?"}, trials=trials())
    store.delivered(row.id for row in store.pending(100))


def test_a_second_claim_waits_for_the_first(store: ResultsStore) -> None:
    first = acquire_lease(store)
    assert (first.number, first.earlier, first.fingerprint) == (1, (), TRIAL)
    assert store.acquire_lease(TRIAL, owner="you", lease_seconds=60, is_dead=alive) is None
    store.end(first, "failed", "RuntimeError: boom\n\nTraceback ...")
    assert acquire_lease(store, "you").number == 2


def test_an_unknown_trial_cannot_be_claimed(store: ResultsStore) -> None:
    with pytest.raises(SweepPaused, match="trial nowhere was deleted while its sweep ran"):
        store.acquire_lease("nowhere", owner="me", lease_seconds=60, is_dead=alive)


def test_a_dead_owner_or_a_lease_that_is_over_loses_the_trial(store: ResultsStore) -> None:
    acquire_lease(store, "first", lease=60)
    acquire_lease(store, "second", lease=0, is_dead=lambda owner: owner == "first")
    acquire_lease(store, "third")
    states = [(one.number, one.state, one.ended is not None) for one in store.history(TRIAL).attempts]
    assert states == [(1, "lost", True), (2, "lost", True), (3, "running", False)]
    assert [(row.payload["attempt"], row.payload["state"]) for row in store.pending(10)] == [(1, "lost"), (2, "lost")]


def test_each_word_of_a_worker_renews_the_lease_and_silence_does_not(store: ResultsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = datetime(2030, 1, 1, tzinfo=UTC)
    for module in (attempts, leases):
        monkeypatch.setattr(module, "now", lambda _: clock)
    held = acquire_lease(store, lease=10)
    words: list[Callable[[], None]] = [
        lambda: store.started(held, start_step=0, comparability={}, provenance={}),
        lambda: store.points(held, 1, {"train_loss": 1.0}, 1),
        lambda: store.checkpointed(held, 1),
        lambda: store.evaluated(held, 1, "eval", {"fd_digits": 1.0}, {}, 1),
        lambda: store.alive(held),
    ]
    for word in words:
        clock += timedelta(seconds=9)
        word()
        assert store.acquire_lease(TRIAL, owner="you", lease_seconds=10, is_dead=alive) is None
    clock += timedelta(seconds=10)
    assert acquire_lease(store, "you").number == 2


def test_a_clock_set_back_holds_a_trial_for_one_lease_at_most(store: ResultsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = datetime(2030, 1, 1, tzinfo=UTC)
    for module in (attempts, leases):
        monkeypatch.setattr(module, "now", lambda _: clock)
    acquire_lease(store, lease=10)
    clock -= timedelta(hours=1)
    assert store.acquire_lease(TRIAL, owner="you", lease_seconds=10, is_dead=alive) is None
    clock += timedelta(seconds=11)
    assert acquire_lease(store, "you").number == 2


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "taken over"])
def test_a_fenced_attempt_writes_nothing(store: ResultsStore, url: str, ended: bool) -> None:
    held = acquire_lease(store, "stopped driver", lease=0)
    store.started(held, start_step=0, comparability={"device": "cpu"}, provenance={"git": "abc"})
    if ended:
        store.end(held, "stopped")
    else:
        acquire_lease(store, "the one who took over")
    before = contents(url)
    late: list[Callable[[], None]] = [
        lambda: store.started(held, start_step=5, comparability={}, provenance={}),
        lambda: store.points(held, 7, {"train_loss": 1.0}, 1),
        lambda: store.checkpointed(held, 7),
        lambda: store.evaluated(held, 10, "eval", {"fd_digits": 1.0}, {"samples": 5}, 1),
        lambda: store.alive(held),
        lambda: store.end(held, "finished"),
    ]
    for write in late:
        with pytest.raises(Fenced, match=f"attempt 1 of trial {TRIAL} ended or was taken over by another driver"):
            write()
    assert contents(url) == before


def test_earlier_attempts_reach_back_to_the_last_fresh_one(store: ResultsStore) -> None:
    def attempt(checkpoint: int, state: AttemptState, fresh: bool = False) -> tuple[int, ...]:
        held = acquire_lease(store, fresh=fresh)
        store.started(held, start_step=0, comparability={}, provenance={})
        if checkpoint:
            store.checkpointed(held, checkpoint)
        store.end(held, state)
        return held.earlier

    assert attempt(4, "failed") == ()
    assert attempt(0, "failed") == (1,)
    assert attempt(6, "stopped") == (1,)
    assert attempt(0, "finished") == (3, 1)
    assert attempt(0, "failed") == (4, 3, 1)
    assert attempt(2, "failed", fresh=True) == ()
    assert attempt(3, "lost") == (6,)
    assert attempt(0, "lost") == (7, 6)
    assert store.known([TRIAL])[TRIAL].checkpoint_step == 3


def test_points_and_evaluations_told_twice_are_told_once(store: ResultsStore) -> None:
    held = acquire_lease(store)
    store.started(held, start_step=0, comparability={}, provenance={})
    for value in (1.0, 2.0):
        store.points(held, 5, {"train_loss": value, "align_loss": value}, 100)
        store.evaluated(held, 10, "eval", {"fd_digits": value}, {"samples": 5}, 200)
    store.points(held, 5, {"late_metric": 3.0}, 100)
    store.end(held, "finished")
    history = store.history(TRIAL)
    assert [(one.metric, one.step, one.value) for one in history.points] == [
        ("align_loss", 5, 1.0),
        ("late_metric", 5, 3.0),
        ("train_loss", 5, 1.0),
    ]
    assert [(one.metric, one.value) for one in history.evaluations] == [("fd_digits", 1.0)]
    assert [row.kind for row in store.pending(100)] == ["attempt", "points", "evaluation", "points", "attempt"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_not_finite_are_refused_whole(store: ResultsStore, url: str, value: float) -> None:
    held = acquire_lease(store)
    before = contents(url)
    with pytest.raises(ValueError, match=r"metric 'train_loss' is .*; only finite values are stored"):
        store.points(held, 1, {"align_loss": 1.0, "train_loss": value}, 1)
    with pytest.raises(ValueError, match="metric 'fd_digits' is"):
        store.evaluated(held, 1, "eval", {"fd_digits": value}, {}, 1)
    with pytest.raises(ValueError, match="the database cannot hold this value"):
        store.evaluated(held, 1, "eval", {"fd_digits": 1.0}, {"fd_floor": value}, 1)
    assert contents(url) == before


def test_a_failing_event_leaves_neither_itself_nor_its_outbox_row(store: ResultsStore, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = acquire_lease(store)
    before = contents(url)
    post = outbox.post

    def fail_after(*arguments: Any) -> None:
        post(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(outbox, "post", fail_after)
    events: list[Callable[[], None]] = [
        lambda: store.started(held, start_step=0, comparability={}, provenance={}),
        lambda: store.points(held, 7, {"train_loss": 1.0}, 1),
        lambda: store.evaluated(held, 10, "eval", {"fd_digits": 1.0}, {}, 1),
        lambda: store.end(held, "finished"),
    ]
    for event in events:
        with pytest.raises(KeyboardInterrupt):
            event()
        assert contents(url) == before


def test_what_the_outbox_says_of_an_attempt(store: ResultsStore) -> None:
    held = acquire_lease(store)
    store.started(held, start_step=0, comparability={"device": "cpu"}, provenance={"git": "abc"})
    store.points(held, 5, {"train_loss": 1.5}, 100)
    store.evaluated(held, 10, "eval", {"fd_digits": 9.5}, {"samples": 5}, 200)
    store.end(held, "failed", "\nValueError: no \x00 \ud800 image\n\nTraceback (most recent call last): ...")
    begun, points, evaluation, ended = (row.payload for row in store.pending(10))
    common = {"fingerprint": TRIAL, "attempt": 1, "comparability": {"device": "cpu"}, "provenance": {"git": "abc"}}
    record = store.history(TRIAL).attempts[0]
    assert record.ended is not None
    assert begun == {**common, "state": "running", "error": None, "time_ms": round(record.started.timestamp() * 1000)}
    assert points == {"fingerprint": TRIAL, "step": 5, "metrics": {"train_loss": 1.5}, "time_ms": 100}
    assert evaluation == {
        "fingerprint": TRIAL,
        "step": 10,
        "metrics": {"fd_digits": 9.5},
        "details": {"samples": 5},
        "time_ms": 200,
        "evaluation": "eval",
        "attempt": 1,
    }
    error = "ValueError: no \\x00 \\ud800 image"
    assert ended == {**common, "state": "failed", "error": error, "time_ms": round(record.ended.timestamp() * 1000)}


def test_an_attempt_of_another_number_under_the_same_id_is_another(store: ResultsStore, url: str) -> None:
    """As after the database was replaced by an older copy of itself, on which another driver went on."""
    held = acquire_lease(store)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.update(Attempt).where(Attempt.id == held.attempt_id).values(number=2))
    before = contents(url)
    for write in (
        lambda: store.alive(held),
        lambda: store.points(held, 1, {"train_loss": 1.0}, 5),
        lambda: store.checkpointed(held, 1),
        lambda: store.end(held, "failed", "x"),
    ):
        with pytest.raises(Fenced):
            write()
    assert contents(url) == before


def test_an_attempt_that_only_evaluated_is_gone_on_from_up_to_its_end(store: ResultsStore) -> None:
    """It wrote an average and no checkpoint, and the store has the whole curve."""
    first = acquire_lease(store)
    store.started(first, start_step=0, comparability={}, provenance={})
    store.checkpointed(first, 10)
    store.evaluated(first, 10, "few", {"fd_digits": 1.0}, {}, 1)
    store.end(first, "finished")
    second = acquire_lease(store)
    store.started(second, start_step=10, comparability={}, provenance={})
    store.evaluated(second, 10, "many", {"fd_digits": 1.0}, {}, 1)
    store.end(second, "finished")
    lost = acquire_lease(store)
    store.started(lost, start_step=10, comparability={}, provenance={})
    store.end(lost, "lost")
    held = acquire_lease(store)
    assert dict(zip(held.earlier, held.recorded, strict=True)) == {3: 0, 2: 10, 1: 10}
    assert [(one.number, one.recorded) for one in store.known([TRIAL])[TRIAL].earlier] == [(3, 0), (2, 10), (1, 10)]
