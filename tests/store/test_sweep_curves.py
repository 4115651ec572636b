"""The curves of all trials of a sweep, read at once: on every database."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from sweeper.records import AttemptState, PlannedTrial, TrialCurves
from sweeper.store import curves
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]


@pytest.fixture(autouse=True)
def planned(store: ResultsStore, trials: MakeTrials) -> list[PlannedTrial]:
    made = trials()
    store.record_sweep(name="noise", profile="default", version="v1", spec={"question": "?"}, trials=made)
    return made


def attempt(
    store: ResultsStore, trial: PlannedTrial, start: int, steps: range, evaluated: dict[int, float], state: AttemptState = "finished"
) -> None:
    held = store.acquire_lease(trial.fingerprint, owner="me", lease_seconds=60, is_dead=lambda _: True)
    assert held is not None
    store.started(held, start_step=start, comparability={}, provenance={})
    for step in steps:
        store.points(held, step, {"train_loss": held.number + step / 100, "align_loss": 0.0}, step)
    for step, value in evaluated.items():
        store.evaluated(held, step, trial.evaluation_fingerprint, {"fid": value}, {}, step)
        store.evaluated(held, step, "another evaluation", {"fid": -1.0}, {}, step)
    store.end(held, state)


def read(store: ResultsStore, **asked: object) -> dict[str, TrialCurves]:
    return store.curves(store.snapshot(), **asked)  # type: ignore[arg-type]


def test_a_resumed_trial_keeps_what_it_measured_before_and_only_its_own_evaluations(
    store: ResultsStore, planned: list[PlannedTrial]
) -> None:
    first, second, third = planned[:3]
    attempt(store, first, 0, range(1, 7), {2: 20.0, 6: 99.0}, state="lost")
    attempt(store, first, 4, range(5, 9), {6: 10.0, 8: 5.0})
    attempt(store, second, 0, range(1, 3), {2: 7.0}, state="failed")
    found = read(store, metrics=("train_loss",))
    assert found[first.fingerprint].evaluations == {"fid": {2: 20.0, 6: 10.0, 8: 5.0}}
    assert found[first.fingerprint].training["train_loss"] == {
        **{step: pytest.approx(1 + step / 100) for step in range(1, 5)},
        **{step: pytest.approx(2 + step / 100) for step in range(5, 9)},
    }
    assert set(found[first.fingerprint].training) == {"train_loss"}
    assert found[second.fingerprint] == TrialCurves({"train_loss": {1: 1.01, 2: 1.02}}, {}), "nothing of it has finished"
    assert found[third.fingerprint] == TrialCurves({}, {})


def test_evaluations_at_the_end_alone_are_those_of_the_snapshot(
    store: ResultsStore, planned: list[PlannedTrial], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = planned[:3]
    last = first.steps
    attempt(store, first, 0, range(1, 3), {last: 5.0})
    attempt(store, second, 0, range(1, 3), {last: 7.0})
    attempt(store, second, last, range(0), {last: 6.0})
    attempt(store, third, 0, range(1, 3), {last: 9.0}, state="failed")
    snapshot = store.snapshot()
    short = store.curves(snapshot, metrics=("train_loss",))
    assert [short[trial.fingerprint].evaluations for trial in planned[:3]] == [{"fid": {last: 5.0}}, {"fid": {last: 6.0}}, {}]
    monkeypatch.setattr(curves, "_on_the_way", lambda session, this: True)
    assert store.curves(snapshot, metrics=("train_loss",)) == short, "as it is read where there are some on the way"


def test_one_trials_curve_is_that_of_its_history(store: ResultsStore, planned: list[PlannedTrial]) -> None:
    attempt(store, planned[0], 0, range(1, 7), {}, state="lost")
    attempt(store, planned[0], 3, range(4, 6), {}, state="stopped")
    attempt(store, planned[0], 5, range(5, 9), {})
    attempt(store, planned[0], 6, range(0), {}, state="lost")
    attempt(store, planned[0], 8, range(9, 11), {})
    whole = {point.step: point.value for point in store.history(planned[0].fingerprint).points if point.metric == "train_loss"}
    assert read(store, metrics=("train_loss",))[planned[0].fingerprint].training["train_loss"] == whole


def test_long_curves_are_thinned_with_both_ends(store: ResultsStore, planned: list[PlannedTrial]) -> None:
    attempt(store, planned[0], 0, range(1, 101), {})
    steps = list(read(store, metrics=("train_loss", "align_loss"), points=5)[planned[0].fingerprint].training["train_loss"])
    assert steps == [1, 26, 51, 75, 100]


def test_the_number_of_queries_does_not_grow_with_the_trials(store: ResultsStore, planned: list[PlannedTrial]) -> None:
    counted: list[int] = []
    for trial in planned[:3]:
        attempt(store, trial, 0, range(1, 4), {3: 1.0})
        seen: list[str] = []
        engine = store._database._engine
        listener = lambda *args, seen=seen: seen.append(args[2])  # noqa: E731
        sa.event.listen(engine, "before_cursor_execute", listener)
        snapshot = store.snapshot()
        before = len(seen)
        store.curves(snapshot, metrics=("train_loss",))
        counted.append(len(seen) - before)
        sa.event.remove(engine, "before_cursor_execute", listener)
    assert len(set(counted)) == 1
