"""A version to which trials are added while it runs, as a search does: on every database."""

from collections.abc import Callable

import pytest

from sweeper.records import PlannedTrial, Result
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]
SWEEP = {"name": "search", "profile": "default", "version": "v1"}


def begin(store: ResultsStore, planned: list[PlannedTrial]) -> None:
    store.record_sweep(**SWEEP, spec={"question": "Which?"}, trials=planned, grows=True)


def variants(store: ResultsStore) -> list[str]:
    return [variant for variant, _, _ in store.placed(**SWEEP)]


def test_of_two_that_add_behind_the_same_trial_one_is_refused(store: ResultsStore, trials: MakeTrials) -> None:
    one, two, three = (trials(variants=(name,), seeds=(0,)) for name in ("single", "dual", "single"))
    begin(store, [])
    assert store.append_trials(**SWEEP, after=0, trials=one)
    assert not store.append_trials(**SWEEP, after=0, trials=two), "another driver was first, and what comes next is decided anew"
    assert store.append_trials(**SWEEP, after=1, trials=two)
    assert variants(store) == ["single", "dual"]
    assert [outcome.variant for outcome in store.snapshot().outcomes] == ["single", "dual"]
    assert [row.kind for row in store.pending(10)] == ["sweep", "link", "link"]
    assert not store.append_trials(**SWEEP, after=1, trials=three)
    assert store.placed("search", "default", "another version") == []


def test_recording_it_again_keeps_what_others_added_meanwhile(store: ResultsStore, trials: MakeTrials) -> None:
    one, two = (trials(variants=(name,), seeds=(0,)) for name in ("single", "dual"))
    begin(store, one)
    store.append_trials(**SWEEP, after=1, trials=two)
    begin(store, one)  # by a driver that planned before the second was there
    assert variants(store) == ["single", "dual"]
    store.record_sweep(**SWEEP, spec={"question": "Which?"}, trials=one)
    assert variants(store) == ["single"], "another design has the trials that were planned, and no others"


@pytest.mark.parametrize("search", [True, False])
def test_an_early_stop_settles_a_trial_for_the_search_and_for_nobody_else(store: ResultsStore, trials: MakeTrials, search: bool) -> None:
    (trial,) = trials(variants=("single",), seeds=(0,))
    begin(store, [trial])

    def acquire_lease(owner: str) -> object:
        more = {"lease_seconds": 60.0, "seen": 0, "search": search, "is_dead": lambda other: False}
        return store.acquire_lease(trial.fingerprint, owner=owner, **more)  # type: ignore[arg-type]

    first = store.acquire_lease(trial.fingerprint, owner="a", lease_seconds=60, is_dead=lambda other: False)
    assert first is not None
    store.started(first, start_step=0, comparability={}, provenance={})
    store.checkpointed(first, 5)
    store.end(first, "stopped early")
    (outcome,) = store.snapshot().outcomes
    assert (outcome.state, outcome.step, outcome.metrics) == ("stopped early", 5, {})
    assert outcome.seconds >= 0
    assert (acquire_lease("b") is None) == search


def test_a_stopped_trial_that_is_finished_later_has_a_result(store: ResultsStore, trials: MakeTrials) -> None:
    (trial,) = trials(variants=("single",), seeds=(0,))
    begin(store, [trial])
    for state in ("stopped early", "finished"):
        held = store.acquire_lease(trial.fingerprint, owner="a", lease_seconds=60, is_dead=lambda other: False)
        assert held is not None
        store.started(held, start_step=0, comparability={}, provenance={})
        result = Result(trial.steps, trial.evaluation_fingerprint, {"held_out_loss": 0.5}, {}, 1) if state == "finished" else None
        store.end(held, state, result=result)  # type: ignore[arg-type]
    (outcome,) = store.snapshot().outcomes
    assert (outcome.state, outcome.metrics) == ("finished", {"held_out_loss": 0.5})
