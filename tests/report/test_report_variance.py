"""Training-seed and generation-seed variance apart: planted parts are recovered, and what all trials share cancels."""

import dataclasses
import math

import numpy as np
import pytest
from report_snapshots import pair_snapshot

from sweeper.report.build import build_report
from sweeper.stats.variance_components import VarianceComponents, variance_components


def drawn(
    training: float, common: float, rest: float, *, seeds: int, generations: int, variants: int = 8
) -> list[dict[int, dict[str, float]]]:
    generator = np.random.default_rng(0)
    column = common * generator.standard_normal(generations)
    cells = []
    for number in range(variants):
        row = training * generator.standard_normal((seeds, 1))
        values = 10 * number + row + column + rest * generator.standard_normal((seeds, generations))
        cells.append({seed: {str(g): float(values[seed, g]) for g in range(generations)} for seed in range(seeds)})
    return cells


@pytest.mark.parametrize(("training", "rest"), [(1.0, 0.3), (0.2, 1.0), (0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("common", [0.0, 50.0])
def test_planted_parts_are_recovered(training: float, common: float, rest: float) -> None:
    parts = variance_components(drawn(training, common, rest, seeds=60, generations=4))
    assert parts is not None
    assert parts.training == pytest.approx(training, abs=0.12)
    assert parts.generation == pytest.approx(rest, abs=0.03)
    assert (parts.trials, parts.generations) == (480, 4)


def test_by_hand() -> None:
    """Rows 1 3 and 5 11: row means 2 and 8, column means 3 and 7, mean 5; interaction +-1."""
    parts = variance_components([{0: {"0": 1.0, "1": 3.0}, 1: {"0": 5.0, "1": 11.0}}])
    assert parts is not None
    assert parts.generation == pytest.approx(math.sqrt(4.0))
    assert parts.training == pytest.approx(math.sqrt((36 - 4) / 2))
    assert parts.share == pytest.approx(2 / 18)


def test_one_trial_or_one_generation_seed_say_nothing() -> None:
    assert variance_components([{0: {"0": 1.0, "1": 2.0}}, {0: {"0": 1.0}, 1: {"0": 2.0}}, {}]) is None
    assert VarianceComponents(0.0, 0.0, 2, 2).share == 0


def note(*rows: tuple[float, float]) -> str:
    """Of one variant's trials, a row each, judged with two generation seeds; its mean stands for the trial."""
    snapshot = pair_snapshot(3, [9.0, 9.5, 9.2], [10.0, 10.4, 9.8])
    details = [{"by_generation_seed": {"fd_digits": {"0": a, "1": b}}} for a, b in rows]
    outcomes = [dataclasses.replace(o, details=details[o.seed]) if o.variant == "new" else o for o in snapshot.outcomes]
    notes = build_report(dataclasses.replace(snapshot, outcomes=tuple(outcomes))).notes
    (found,) = [each for each in notes if "generation seeds" in each]
    return found


def test_the_report_says_which_to_buy_more_of() -> None:
    assert note((1.0, 1.1), (2.0, 2.1), (3.0, 3.1)) == (
        "FD (digits classifier): standard deviation 1 over training seeds, 0 over generation seeds (3 trials, 2 generation seeds each;"
        " without what these do to every trial alike). Generation is 0% of a trial's variance: buy more training seeds."
    )
    assert note((1.0, 3.0), (3.0, 1.0), (2.0, 2.0)).endswith(
        "Generation is 100% of a trial's variance: buy more generation seeds, which need no training."
    )
