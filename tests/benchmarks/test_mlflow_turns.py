"""How the steps of a trial are told apart by what MLflow did meanwhile."""

import itertools
import os
import time

import pytest

from benchmarks import mlflow_away
from benchmarks.mlflow_server import SlowProxy


def test_steps_of_a_turn_are_those_between_its_points_by_the_clock() -> None:
    turn = mlflow_away.Turn("slow", start=100.0, end=110.0, processor={7: 9.9, 8: 0.1})
    training = [(20 * i, 100.0 + i) for i in range(12)]

    def pace(points: list[mlflow_away.Point], process: int = 7) -> mlflow_away.Pace | None:
        return mlflow_away.pace(mlflow_away.TrainedTrial(process, points), turn)

    assert pace(training) == mlflow_away.Pace(20.0, 0.99)
    assert pace(training, process=9) == mlflow_away.Pace(20.0, None)
    waiting = pace([(step, when + (2.0 if when > 104 else 0)) for step, when in training])
    assert waiting is not None
    assert waiting.steps_per_second == pytest.approx(20 * 7 / 9), "a trial that waits is slow, though its steps are not"
    assert pace([point for point in training if point[1] < 105]) is None, "less than half of the turn"
    assert pace([]) is None


def test_a_round_counts_where_one_trial_trained_through_all_its_turns() -> None:
    def turns(start: float) -> list[mlflow_away.Turn]:
        return [mlflow_away.Turn(manner, start + 10 * i, start + 10 * (i + 1)) for i, manner in enumerate(mlflow_away.LATE)]

    first = mlflow_away.TrainedTrial(1, [(10 * i, float(i)) for i in range(45)])  # all of the first round, half of the second
    second = mlflow_away.TrainedTrial(2, [(20 * i, 45.0 + i) for i in range(60)])  # the rest of it, and the third
    found = mlflow_away.paces([turns(0), turns(30), turns(60)], [first, second])
    assert found == {manner: [mlflow_away.Pace(10.0, None), mlflow_away.Pace(20.0, None)] for manner in mlflow_away.LATE}


def test_the_processor_of_a_turn_is_what_the_kernel_counts() -> None:
    before, own = mlflow_away.processor_seconds(), time.process_time()
    while time.process_time() - own < 0.3:
        pass
    had = mlflow_away.processor_seconds()[os.getpid()] - before[os.getpid()]
    assert 0.28 <= had <= time.process_time() - own + 0.02, "ticks of 10 ms"


def test_mlflow_changes_its_manner_in_every_order_until_the_sweep_is_over() -> None:
    proxy = SlowProxy(9)
    with proxy, mlflow_away.Turns(proxy, 0.001) as turns:
        while len(turns.rounds) < 6:
            time.sleep(0.001)
    assert proxy.late == 0, "what is left to tell need not wait"
    orders = [tuple(turn.manner for turn in round_) for round_ in turns.rounds[:6]]
    assert set(orders) == set(itertools.permutations(mlflow_away.LATE))


def test_median_ratio_and_its_interval_by_hand() -> None:
    few = mlflow_away.median_ratio([2.0, 8.0, 3.0], [1.0, 2.0, 1.0])
    assert (few.median, few.low, few.high) == (3.0, 2.0, 4.0)
    ten = mlflow_away.median_ratio([float(i) for i in range(10, 0, -1)], [1.0] * 10)
    # P(fewer than 2 of 10 fair coins show heads) = 11/1024, of fewer than 3 it is 56/1024: from the second to the last but one
    assert (ten.median, ten.low, ten.high) == (5.5, 2.0, 9.0)
    many = mlflow_away.median_ratio([float(i) for i in range(1, 101)], [1.0] * 100)
    assert (many.low, many.high) == (40.0, 61.0), "as in the tables of the sign test"
