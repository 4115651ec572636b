"""How the trials of a sweep stand, and what planning knows of them: on every database."""

import dataclasses
from collections.abc import Callable

import pytest

from sweeper.records import AttemptState, EarlierAttempt, KnownTrial, Lease, PlannedTrial, TrialOutcome
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]
TRIAL = "single-0-fingerprint"


@pytest.fixture(autouse=True)
def recorded(store: ResultsStore, trials: MakeTrials) -> None:
    store.record_sweep(name="noise", profile="default", version="v1", spec={"question": "?"}, trials=trials())


def attempt(store: ResultsStore, *, start: int = 0, lease: float = 60, fresh: bool = False) -> Lease:
    held = store.acquire_lease(TRIAL, owner="me", lease_seconds=lease, fresh=fresh, is_dead=lambda _: True)
    assert held is not None
    store.started(held, start_step=start, comparability={"device": f"cpu {held.number}"}, provenance={})
    return held


def outcome(store: ResultsStore, name: str = "noise") -> TrialOutcome:
    return next(one for one in store.snapshot(name).outcomes if one.fingerprint == TRIAL)


def test_running_until_the_lease_is_over(store: ResultsStore) -> None:
    held = attempt(store)
    store.points(held, 4, {"train_loss": 1.0}, 1)
    store.evaluated(held, 10, "eval", {"fd_digits": 1.0}, {}, 1)
    found = outcome(store)
    assert (found.state, found.step, found.attempts, found.metrics) == ("running", 10, 1, {})
    attempt(store, lease=0, start=10)
    assert outcome(store).state == "pending"


@pytest.mark.parametrize(
    ("ended", "state", "error"),
    [
        ("failed", "failed", "ValueError: no image"),
        ("diverged", "diverged", "ValueError: no image"),
        ("stopped", "pending", None),
        ("lost", "pending", None),
        ("finished", "pending", None),
    ],
)
def test_states_without_the_wanted_evaluation(store: ResultsStore, ended: AttemptState, state: str, error: str | None) -> None:
    held = attempt(store)
    store.points(held, 6, {"train_loss": 1.0}, 1)
    store.evaluated(held, 9, "eval", {"fd_digits": 1.0}, {}, 1)
    store.evaluated(held, 10, "another evaluation", {"fd_digits": 1.0}, {}, 1)
    store.end(held, ended, "ValueError: no image\nTraceback ...")
    found = outcome(store)
    assert (found.state, found.error, found.metrics, found.step) == (state, error, {}, 10)


def test_finished_has_the_numbers_of_the_newest_finished_attempt(store: ResultsStore) -> None:
    for value in (1.0, 2.0):
        held = attempt(store, start=10)
        store.evaluated(held, 10, "eval", {"fd_digits": value, "class_accuracy": 0.5}, {"samples": value}, 1)
        store.end(held, "finished")
    failed = attempt(store)
    store.evaluated(failed, 10, "eval", {"fd_digits": 9.0}, {}, 1)
    store.end(failed, "failed", "boom")
    found = outcome(store)
    assert (found.state, found.metrics, found.details) == ("finished", {"fd_digits": 2.0, "class_accuracy": 0.5}, {"samples": 2.0})
    assert (found.comparability, found.error, found.attempts, found.step) == ({"device": "cpu 2"}, None, 3, 10)
    assert store.snapshot().newest_result == store.history(TRIAL).attempts[1].ended


def test_a_trial_stands_differently_in_two_sweeps(store: ResultsStore, trials: MakeTrials) -> None:
    store.record_sweep(name="longer", profile="default", version="v1", spec={"question": "?"}, trials=trials(steps=20))
    store.record_sweep(name="other", profile="default", version="v1", spec={"question": "?"}, trials=trials(evaluation="other"))
    held = attempt(store)
    store.evaluated(held, 10, "eval", {"fd_digits": 1.0}, {}, 1)
    store.end(held, "finished")
    attempt(store, start=10)
    assert [outcome(store, name).state for name in ("noise", "longer", "other")] == ["finished", "running", "running"]


def test_a_claim_that_never_began_hides_no_step(store: ResultsStore) -> None:
    held = attempt(store)
    store.points(held, 7, {"train_loss": 1.0}, 1)
    store.end(held, "stopped")
    store.acquire_lease(TRIAL, owner="me", lease_seconds=60, is_dead=lambda _: True)
    assert (outcome(store).step, outcome(store).attempts, outcome(store).state) == (7, 2, "running")


def test_what_planning_knows(store: ResultsStore) -> None:
    assert store.known([]) == {}
    assert store.known(["unknown", TRIAL]) == {TRIAL: KnownTrial(TRIAL, frozenset(), 0, {}, None, None)}
    held = attempt(store)
    store.checkpointed(held, 8)
    store.evaluated(held, 10, "eval", {"fd_digits": 1.0}, {}, 1)
    first = (EarlierAttempt(1, 8, {"device": "cpu 1"}),)
    assert store.known([TRIAL])[TRIAL] == KnownTrial(TRIAL, frozenset(), 8, {"device": "cpu 1"}, "running", None, attempts=1, earlier=first)
    store.end(held, "finished")
    assert store.known([TRIAL])[TRIAL].evaluated == {(10, "eval")}
    store.end(attempt(store, start=8), "failed", "ValueError: boom\nmore")
    known = KnownTrial(TRIAL, frozenset({(10, "eval")}), 8, {"device": "cpu 1"}, "failed", "ValueError: boom", attempts=2)
    known = dataclasses.replace(known, earlier=(EarlierAttempt(1, 10, {"device": "cpu 1"}),))  # it finished: the curve is whole to its end
    assert store.known([TRIAL])[TRIAL] == known, "conditions of what is reused or resumed, not of what came to nothing"
    store.end(attempt(store, fresh=True), "stopped")
    assert store.known([TRIAL])[TRIAL].checkpoint_step == 0


def test_what_came_before_a_fresh_attempt_is_put_aside(store: ResultsStore) -> None:
    def finish(fresh: bool, value: float) -> None:
        held = attempt(store, fresh=fresh)
        store.checkpointed(held, 10)
        store.evaluated(held, 10, "eval", {"fd_digits": value}, {}, 1)
        store.end(held, "finished")

    finish(fresh=False, value=1.0)
    store.end(attempt(store, fresh=True), "stopped")
    assert outcome(store).state == "pending"
    assert outcome(store).metrics == {}
    assert store.known([TRIAL])[TRIAL].evaluated == frozenset()
    assert store.curves(store.snapshot("noise"))[TRIAL].evaluations == {}
    finish(fresh=False, value=2.0)
    assert (outcome(store).state, outcome(store).metrics) == ("finished", {"fd_digits": 2.0})
    assert store.known([TRIAL])[TRIAL].evaluated == {(10, "eval")}
    assert store.curves(store.snapshot("noise"))[TRIAL].evaluations == {"fd_digits": {10: 2.0}}


def test_more_trials_than_one_query_may_name(store: ResultsStore, trials: MakeTrials) -> None:
    planned = trials(seeds=tuple(range(700)))
    store.record_sweep(name="large", profile="default", version="v1", spec={"question": "?"}, trials=planned)
    assert len(store.known([one.fingerprint for one in planned])) == 1400
    assert len(store.snapshot("large").outcomes) == 1400
    store.delivered(row.id for row in store.pending(2000))
    assert store.backlog() == 0
