"""How attempts end: with their result in one transaction, with a class and a policy, told twice or at a store that is away."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sweeper.errors import StoreLost, StoreUnavailable
from sweeper.records import Lease, PlannedTrial, Result
from sweeper.store import outbox
from sweeper.store.results_store import Fenced, ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]
TRIAL = "single-0-fingerprint"
RESULT = Result(10, "eval", {"held_out_loss": 0.4}, {"samples": 5}, 200)


@pytest.fixture(autouse=True)
def recorded(store: ResultsStore, trials: MakeTrials) -> None:
    store.record_sweep(name="noise", profile="default", version="v1", spec={}, trials=trials(), command="sweeper run noise.yaml")
    store.delivered(row.id for row in store.pending(100))


def acquire_lease(store: ResultsStore, owner: str = "me", lease: float = 60) -> Lease:
    held = store.acquire_lease(TRIAL, owner=owner, lease_seconds=lease, is_dead=lambda _: False)
    assert held is not None
    return held


def kinds(store: ResultsStore) -> list[str]:
    return [row.kind for row in store.pending(100)]


def test_a_result_is_there_from_the_end_of_its_attempt_on(store: ResultsStore) -> None:
    held = acquire_lease(store)
    store.end(held, "finished", result=RESULT)
    outcome = next(o for o in store.snapshot("noise").outcomes if o.fingerprint == TRIAL)
    assert (outcome.state, outcome.metrics, outcome.details) == ("finished", {"held_out_loss": 0.4}, {"samples": 5})
    assert kinds(store) == ["evaluation", "attempt"]


def test_an_end_that_fails_leaves_no_result(store: ResultsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    held = acquire_lease(store)
    post = outbox.post

    def fail(session: Any, kind: Any, *more: Any) -> None:
        if kind == "attempt":
            raise KeyboardInterrupt
        post(session, kind, *more)

    monkeypatch.setattr(outbox, "post", fail)
    with pytest.raises(KeyboardInterrupt):
        store.end(held, "finished", result=RESULT)
    assert store.history(TRIAL).attempts[0].state == "running"
    assert kinds(store) == []
    monkeypatch.undo()
    store.end(held, "stopped")
    assert store.history(TRIAL).evaluations == ()


def test_a_fenced_end_leaves_no_result(store: ResultsStore) -> None:
    held = acquire_lease(store, "slept", lease=0)
    acquire_lease(store, "took over")
    with pytest.raises(Fenced):
        store.end(held, "finished", result=RESULT)
    assert store.history(TRIAL).evaluations == ()
    assert "evaluation" not in kinds(store)


def test_an_end_told_twice_is_told_once(store: ResultsStore) -> None:
    held = acquire_lease(store)
    for _ in range(2):
        store.end(held, "finished", result=RESULT)
    assert kinds(store) == ["evaluation", "attempt"]
    with pytest.raises(Fenced):
        store.end(held, "failed", "KeyError: x")


def test_lost_is_what_others_say_and_so_refused_when_told_late(store: ResultsStore) -> None:
    held = acquire_lease(store, "slept", lease=0)
    acquire_lease(store, "took over")
    with pytest.raises(Fenced):
        store.end(held, "lost")


def test_class_and_policy_are_kept_with_the_attempt(store: ResultsStore) -> None:
    store.end(acquire_lease(store), "failed", "OutOfMemoryError: x", failure="out of memory", policy="tried again\x00 once")
    acquire_lease(store, lease=0)
    store.end(acquire_lease(store, "next"), "finished", result=RESULT)
    found = [(a.state, a.failure, a.policy) for a in store.history(TRIAL).attempts]
    assert found[0] == ("failed", "out of memory", "tried again\\x00 once")
    assert found[1][:2] == ("lost", "lost")
    assert "newest whole checkpoint, not counted" in str(found[1][2])
    assert found[2] == ("finished", None, None)
    assert store.known([TRIAL])[TRIAL].out_of_memory
    assert next(o for o in store.snapshot("noise").outcomes if o.fingerprint == TRIAL).out_of_memory


def test_a_lost_attempt_may_be_resumed_from_although_it_told_of_no_checkpoint(store: ResultsStore) -> None:
    acquire_lease(store, lease=0)
    assert acquire_lease(store, "next").earlier == (1,)


def test_the_command_that_ran_a_sweep_last_is_kept(store: ResultsStore, trials: MakeTrials) -> None:
    assert store.history(TRIAL).commands == ("sweeper run noise.yaml",)
    store.record_sweep(name="other", profile="default", version="v1", spec={}, trials=trials(), command="sweeper run other.yaml")
    store.record_sweep(name="noise", profile="default", version="v1", spec={}, trials=trials(), command="sweeper run noise.yaml -s a=1")
    assert store.history(TRIAL).commands == ("sweeper run noise.yaml -s a=1", "sweeper run other.yaml")
    store.record_sweep(name="noise", profile="default", version="v1", spec={}, trials=trials())
    assert store.history(TRIAL).commands[0] == "sweeper run noise.yaml -s a=1"


def test_a_question_that_is_never_answered_is_no_absence(store: ResultsStore, url: str) -> None:
    held = acquire_lease(store)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE curve_point"))
    with pytest.raises(StoreLost) as caught:
        store.points(held, 1, {"train_loss": 1.0}, 1)
    assert not isinstance(caught.value, StoreUnavailable)


def test_a_server_that_threw_us_out_is_away_and_answers_again(postgres_url: str, trials: MakeTrials) -> None:
    with ResultsStore.open(postgres_url) as store:
        store.record_sweep(name="noise", profile="default", version="v1", spec={}, trials=trials())
        engine = sa.create_engine(postgres_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")

        def throw_out() -> None:
            with engine.connect() as connection:
                others = (
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                connection.execute(sa.text(others))

        def dead(_owner: str) -> bool:
            throw_out()  # asked inside the transaction
            return False

        acquire_lease(store)
        with pytest.raises(StoreUnavailable, match="failed"):
            store.acquire_lease(TRIAL, owner="you", lease_seconds=60, is_dead=dead)
        assert store.known([TRIAL])[TRIAL].newest_state == "running"


def test_a_locked_file_is_away(sqlite_url: str, trials: MakeTrials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper.store.engine.BUSY_SECONDS", 0.1)
    with ResultsStore.open(sqlite_url) as store:
        store.record_sweep(name="noise", profile="default", version="v1", spec={}, trials=trials())
        engine = sa.create_engine(sqlite_url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
            with pytest.raises(StoreUnavailable, match="locked"):
                acquire_lease(store)
            connection.rollback()
        acquire_lease(store)
    assert Path(sa.make_url(sqlite_url).database or "").exists()
