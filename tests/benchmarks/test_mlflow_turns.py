"""How the steps of a trial are told apart by what MLflow did meanwhile."""

import itertools
import math
import time

import pytest

from benchmarks import mlflow_away
from benchmarks.mlflow_server import SlowProxy


def test_steps_of_a_turn_are_those_between_its_points_by_the_clock() -> None:
    turn = mlflow_away.Turn("slow", start=100.0, end=110.0, answered=2, hung_up=0)
    training = [(20 * i, 100.0 + i) for i in range(12)]
    assert mlflow_away.steps_per_second(training, turn) == 20.0
    waiting = [(step, when + (2.0 if when > 104 else 0)) for step, when in training]
    assert mlflow_away.steps_per_second(waiting, turn) == pytest.approx(20 * 7 / 9), "a trial that waits is slow, though its steps are not"
    assert mlflow_away.steps_per_second([point for point in training if point[1] < 105], turn) is None, "less than half of the turn"
    assert mlflow_away.steps_per_second([], turn) is None


def test_a_round_counts_where_one_trial_trained_through_all_its_turns() -> None:
    def turns(start: float) -> list[mlflow_away.Turn]:
        return [mlflow_away.Turn(manner, start + 10 * i, start + 10 * (i + 1), 0, 0) for i, manner in enumerate(mlflow_away.LATE)]

    first = [(10 * i, float(i)) for i in range(45)]  # all of the first round, half of the second
    second = [(20 * i, 45.0 + i) for i in range(60)]  # the rest of it, and the third
    found = mlflow_away.speeds([turns(0), turns(30), turns(60)], [first, second])
    assert found == {manner: [10.0, 20.0] for manner in mlflow_away.LATE}


def test_mlflow_changes_its_manner_in_every_order_until_the_sweep_is_over() -> None:
    proxy = SlowProxy(9)
    with proxy, mlflow_away.Turns(proxy, 0.001) as turns:
        while len(turns.rounds) < 6:
            time.sleep(0.001)
    assert proxy.late == 0, "what is left to tell need not wait"
    orders = [tuple(turn.manner for turn in round_) for round_ in turns.rounds[:6]]
    assert set(orders) == set(itertools.permutations(mlflow_away.LATE))


def test_mean_ratio_and_its_interval_by_hand() -> None:
    assert mlflow_away.mean_ratio([2.0, 8.0], [1.0, 2.0]).median == pytest.approx(8**0.5)  # of 2 and 4
    found = mlflow_away.mean_ratio([math.e, math.e**2, math.e**3], [1.0, 1.0, 1.0])
    half = 4.302653 / 3**0.5  # t of 2 degrees of freedom; the logarithms 1, 2, 3 differ by 1
    assert [math.log(value) for value in (found.low, found.median, found.high)] == pytest.approx([2 - half, 2, 2 + half])
