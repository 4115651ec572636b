"""What happened to a trial since a run was planned counts when it comes to run it: on every database."""

from collections.abc import Callable
from typing import Any

import pytest

from sweeper.records import AttemptState, FailureClass, Lease, PlannedTrial
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]
TRIAL = "single-0-fingerprint"


def alive(_owner: str) -> bool:
    return False


def acquire_lease(store: ResultsStore) -> Lease:
    held = store.acquire_lease(TRIAL, owner="me", lease_seconds=60, is_dead=alive)
    assert held is not None
    return held


@pytest.fixture(autouse=True)
def recorded(store: ResultsStore, trials: MakeTrials) -> None:
    store.record_sweep(name="noise", profile="default", version="v1", spec={"question": "?"}, trials=trials())


@pytest.mark.parametrize(
    ("state", "failure", "again"),
    [
        ("failed", "fault", False),
        ("failed", "out of memory", False),
        ("diverged", "diverged", False),
        ("failed", "disk full", True),
        ("lost", "lost", True),
        ("stopped", None, True),
    ],
)
def test_what_another_driver_settled_since_the_plan_is_not_tried_again(
    store: ResultsStore, state: AttemptState, failure: FailureClass | None, again: bool
) -> None:
    seen = acquire_lease(store)
    store.end(seen, "failed", "ValueError: boom", failure="fault")

    def next_attempt(seen: int) -> Lease | None:
        return store.acquire_lease(TRIAL, owner="you", lease_seconds=60, wanted=(10, "eval"), seen=seen, is_dead=alive)

    held = next_attempt(1)
    assert held is not None, "what had failed when the run began is tried again"
    store.end(held, state, "MemoryError", failure=failure)
    further = next_attempt(1)
    assert (further is not None) == again
    if further is None:
        assert next_attempt(2) is not None, "a run that begins later, or the one that it failed under, may"


def test_a_trial_that_another_driver_began_afresh_is_gone_on_with(store: ResultsStore) -> None:
    def afresh(owner: str, seen: int) -> Lease | None:
        return store.acquire_lease(TRIAL, owner=owner, lease_seconds=60, fresh=True, wanted=(10, "eval"), seen=seen, is_dead=alive)

    def finish(held: Lease) -> None:
        store.checkpointed(held, 10)
        store.evaluated(held, 10, "eval", {"fd_digits": 1.0}, {}, 1)
        store.end(held, "finished")

    finish(acquire_lease(store))
    begun = afresh("me", seen=1)
    assert begun is not None
    assert begun.earlier == ()
    store.checkpointed(begun, 5)
    store.end(begun, "stopped")
    on = afresh("you", seen=1)
    assert on is not None
    assert on.earlier == (2,)
    finish(on)
    assert afresh("you", seen=1) is None, "it is there"
    assert afresh("you", seen=3) is not None, "asked for after it was there"


def test_nothing_is_resumed_that_ran_under_other_conditions(store: ResultsStore) -> None:
    first = acquire_lease(store)
    store.started(first, start_step=0, comparability={"device": "cpu 1", "micro_batch": 16}, provenance={})
    store.checkpointed(first, 5)
    store.end(first, "stopped")

    def under(key: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        held = store.acquire_lease(TRIAL, owner="me", lease_seconds=60, key=key, is_dead=alive)
        assert held is not None
        store.end(held, "stopped")
        return held.earlier, held.foreign

    assert under({"device": "cpu 2"}) == ((), (1,))
    assert under({"device": "cpu 1", "torch": "2"}) == ((1,), ())
    assert under({}) == ((1,), ())


def test_a_result_that_came_in_since_the_plan_is_not_made_again(store: ResultsStore) -> None:
    def again(step: int, evaluation: str, *, fresh: bool = False) -> Lease | None:
        return store.acquire_lease(TRIAL, owner="you", lease_seconds=60, fresh=fresh, wanted=(step, evaluation), is_dead=alive)

    for number, (state, step) in enumerate([("failed", 10), ("finished", 10)], start=1):
        held = again(10, "eval")
        assert held is not None, "what did not finish is no result"
        assert held.number == number
        store.evaluated(held, step, "eval", {"held_out_loss": 0.4}, {}, 1)
        store.end(held, state)
    assert again(10, "eval") is None
    for wanted in ((20, "eval"), (10, "other")):
        held = again(*wanted)
        assert held is not None
        store.end(held, "stopped")
    assert again(10, "eval", fresh=True) is not None
