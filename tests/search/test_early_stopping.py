"""Ray Tune's schedulers, fed with curves: who stops, and that a scheduler built again from the store decides the same."""

import pytest

from sweeper.execution.early_stopping import EarlyStopping
from sweeper.spec.search_design import Stopping

STEPS = 80
POINTS = range(10, STEPS + 1, 10)
LEVELS = [3, 1, 5, 2, 7, 0, 6, 4]


def curve(level: float) -> dict[int, float]:
    return {step: level + 1 / step for step in POINTS}


def fed(stopping: EarlyStopping, trials: list[int]) -> dict[int, int | None]:
    """Trial -> the step it was stopped at."""
    found: dict[int, int | None] = {}
    for trial in trials:
        found[trial] = next((step for step, value in curve(LEVELS[trial]).items() if stopping.stops(str(trial), step, value)), None)
    return found


@pytest.mark.parametrize("kind", ["asha", "median"])
def test_the_worse_are_stopped_and_the_best_never(kind: str) -> None:
    stopping = EarlyStopping(Stopping.model_validate({"kind": kind, "first_step": 10, "reduction": 2}), STEPS, "lower")
    ends = fed(stopping, list(range(8)))
    assert ends[0] is None, "there was nothing to compare the first with"
    assert ends[5] is None, "the best of all"
    assert ends[4] is not None, "the worst of all"
    assert all(step is None or 10 <= step < STEPS for step in ends.values()), "no stop before the first step, nor after the last"


def test_a_scheduler_built_again_from_the_curves_decides_alike() -> None:
    rule = Stopping(kind="asha", first_step=10, reduction=2)
    whole = EarlyStopping(rule, STEPS, "lower")
    ends = fed(whole, list(range(8)))
    for cut in range(1, 8):
        again = EarlyStopping(rule, STEPS, "lower")
        ended = {str(trial): {s: v for s, v in curve(LEVELS[trial]).items() if s <= (ends[trial] or STEPS)} for trial in range(cut)}
        again.replay(ended)
        assert fed(again, list(range(cut, 8))) == {trial: ends[trial] for trial in range(cut, 8)}


def test_a_decision_stands_until_the_trial_went_on_all_the_same() -> None:
    stopping = EarlyStopping(Stopping(kind="asha", first_step=10, reduction=2), STEPS, "lower")
    fed(stopping, [1])
    assert stopping.stops("2", 10, 9.0)
    assert stopping.stops("2", 10, 9.0), "its worker died before it stopped: the next one is stopped for the same point"
    assert not stopping.stops("1", 10, 9.0), "a point that was told before says nothing new"


def test_higher_may_be_better() -> None:
    stopping = EarlyStopping(Stopping(kind="asha", first_step=10, reduction=2), STEPS, "higher")
    assert not stopping.stops("good", 10, 0.9)
    assert stopping.stops("bad", 10, 0.1)
