"""One trial's curves, read across its attempts: on every database."""

from collections.abc import Callable

import pytest

from sweeper.errors import RequestError
from sweeper.records import AttemptState, PlannedTrial
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]
TRIAL = "single-0-fingerprint"


@pytest.fixture(autouse=True)
def recorded(store: ResultsStore, trials: MakeTrials) -> None:
    store.record_sweep(name="noise", profile="default", version="v1", spec={"question": "?"}, trials=trials())


def attempt(store: ResultsStore, start: int | None, steps: tuple[int, ...], state: AttemptState = "failed", fresh: bool = False) -> None:
    """One attempt whose every point has the attempt's number as its value."""
    held = store.acquire_lease(TRIAL, owner="me", lease_seconds=60, fresh=fresh, is_dead=lambda _: True)
    assert held is not None
    if start is not None:
        store.started(held, start_step=start, comparability={}, provenance={"number": held.number})
    for step in steps:
        store.points(held, step, {"train_loss": held.number}, step)
    store.end(held, state, "ValueError: boom\nall of it")


def curve(store: ResultsStore) -> dict[int, float]:
    return {point.step: point.value for point in store.history(TRIAL).points}


def test_a_step_is_read_from_the_newest_attempt_that_began_at_or_before_it(store: ResultsStore) -> None:
    attempt(store, 0, (1, 2, 3, 4, 5, 6))
    attempt(store, 4, (5, 6, 7))
    assert curve(store) == {1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 6: 2, 7: 2}
    attempt(store, 2, (3,))
    assert curve(store) == {1: 1, 2: 1, 3: 3}, "what came after step 3 was thrown away, and is not shown"
    attempt(store, None, ())
    assert curve(store) == {1: 1, 2: 1, 3: 3}, "an attempt that never began changes nothing"
    attempt(store, 2, (2, 3, 4))
    assert curve(store) == {1: 1, 2: 5, 3: 5, 4: 5}


def test_a_step_that_an_attempt_never_reached_is_read_from_an_older_one(store: ResultsStore) -> None:
    """The second resumed at 4 and was lost; then the checkpoint of 4 was damaged, and the third went on from the first one's of 6."""
    attempt(store, 0, (1, 2, 3, 4, 5, 6))
    attempt(store, 4, ())
    attempt(store, 6, (7,))
    assert curve(store) == {1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 3}
    attempt(store, 6, (7, 8))
    assert curve(store) == {1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 4, 8: 4}


def test_nothing_is_read_from_before_a_fresh_attempt(store: ResultsStore) -> None:
    attempt(store, 0, (0, 1, 2))
    attempt(store, 0, (1,), fresh=True)
    assert curve(store) == {1: 2}
    attempt(store, 1, (2,))
    assert curve(store) == {1: 2, 2: 3}


def test_everything_of_a_trial(store: ResultsStore) -> None:
    attempt(store, 0, (1,), "failed")
    for value in (1.0, 2.0):
        held = store.acquire_lease(TRIAL, owner="me", lease_seconds=60, is_dead=lambda _: True)
        assert held is not None
        store.started(held, start_step=1, comparability={"device": "cpu"}, provenance={"git": "abc"})
        store.checkpointed(held, 10)
        store.evaluated(held, 10, "eval", {"fd_digits": value}, {"samples": value}, 5)
        store.evaluated(held, 5, "eval", {"fd_digits": value}, {"samples": 0}, 4)
        store.end(held, "finished")
    lost = store.acquire_lease(TRIAL, owner="me", lease_seconds=60, is_dead=lambda _: True)
    assert lost is not None
    store.evaluated(lost, 10, "eval", {"fd_digits": 9.0}, {"samples": 9}, 6)
    history = store.history(TRIAL)
    assert (history.fingerprint, history.config) == (TRIAL, {"seed": 0, "timesteps": {"kind": "single"}})
    assert [(one.number, one.state, one.start_step, one.step, one.checkpoint_step) for one in history.attempts] == [
        (1, "failed", 0, 1, 0),
        (2, "finished", 1, 10, 10),
        (3, "finished", 1, 10, 10),
        (4, "running", 0, 10, 0),
    ]
    assert history.attempts[0].error == "ValueError: boom\nall of it"
    assert (history.attempts[1].comparability, history.attempts[1].provenance) == ({"device": "cpu"}, {"git": "abc"})
    assert [(one.step, one.value) for one in history.evaluations] == [(5, 2.0), (5, 1.0), (10, 2.0), (10, 1.0)]
    assert history.details == {"samples": 2.0}


def test_an_unknown_trial(store: ResultsStore) -> None:
    with pytest.raises(RequestError, match="there is no trial 'nowhere'; `sweeper status` lists the trials"):
        store.history("nowhere")
