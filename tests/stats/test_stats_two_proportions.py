"""Two shares compared exactly: against scipy and by summing over all tables."""

import itertools

import numpy as np
import pytest
from scipy.stats import barnard_exact, binom, norm

from sweeper.plan.power_analysis import describe, finishing_power_analysis
from sweeper.spec.sweep_spec import Contrast
from sweeper.stats.two_proportions import Counts, lower_end, p_above, p_below, power, upper_end

PAIR = {"of": 1.0, "to": -1.0}
TABLES = [(10, 10, 3, 10), (9, 10, 5, 10), (6, 6, 4, 6), (3, 3, 0, 3), (5, 5, 1, 7), (20, 30, 9, 30), (12, 12, 9, 13)]


@pytest.mark.parametrize("table", TABLES)
def test_p_is_that_of_barnard_s_test(table: tuple[int, int, int, int]) -> None:
    of, of_trials, to, to_trials = table
    cells = [[of, to], [of_trials - of, to_trials - to]]
    assert p_above(Counts(*table)) == pytest.approx(barnard_exact(cells, alternative="greater").pvalue, rel=2e-4)
    assert p_below(Counts(*table)) > 0.5
    assert p_below(Counts(*table).turned) == p_above(Counts(*table))


def test_the_score_statistic_with_many_trials_is_normal() -> None:
    exact, normal = p_above(Counts(57, 60, 44, 60)), p_above(Counts(58, 61, 45, 61))
    assert normal == pytest.approx(exact, rel=0.5)
    many = Counts(900, 1000, 860, 1000)
    z = 0.04 / np.sqrt(0.88 * 0.12 * 2 / 1000)
    assert p_above(many) == pytest.approx(norm.sf(z), rel=1e-6)
    assert 0 < lower_end(many, 0.025) < 0.04 < upper_end(many, 0.025)


@pytest.mark.parametrize(("of_trials", "to_trials"), [(6, 6), (4, 6)])
@pytest.mark.parametrize("level", [0.025, 0.0125])
def test_an_interval_lies_above_0_exactly_where_the_test_rejects(of_trials: int, to_trials: int, level: float) -> None:
    seen = set()
    for of, to in itertools.product(range(of_trials + 1), range(to_trials + 1)):
        counts = Counts(of, of_trials, to, to_trials)
        low, high = lower_end(counts, level), upper_end(counts, level)
        assert -1 <= low <= counts.difference <= high <= 1
        assert (low > 0) == (p_above(counts) <= level)
        assert (high < 0) == (p_below(counts) <= level)
        seen.add((low > 0, high < 0))
    assert seen == {(False, False), (True, False), (False, True)}


def test_where_a_smaller_difference_has_a_larger_p_the_test_and_the_interval_still_agree() -> None:
    """7 of 12 against 8 of 15: p is .42 at a difference of 0 (as Barnard's is), and above .6 just below it."""
    counts = Counts(7, 12, 8, 15)
    assert barnard_exact([[7, 8], [5, 7]], alternative="greater").pvalue < 0.43
    for level in (0.3, 0.45, 0.55):
        assert p_above(counts) > 0.6
        assert lower_end(counts, level) <= 0


@pytest.mark.parametrize("trials", [(5, 5), (4, 6)])
def test_an_interval_covers_every_pair_of_shares_at_its_level(trials: tuple[int, int]) -> None:
    """Summed over all tables, not drawn: exact."""
    tables = list(itertools.product(range(trials[0] + 1), range(trials[1] + 1)))
    ends = {(x, y): (lower_end(c, 0.025), upper_end(c, 0.025)) for x, y in tables for c in [Counts(x, trials[0], y, trials[1])]}
    least = 1.0
    for one, other in itertools.product(np.linspace(0.02, 0.98, 17), repeat=2):
        laws = [binom.pmf(np.arange(n + 1), n, p) for n, p in zip(trials, (one, other), strict=True)]
        held = sum(laws[0][x] * laws[1][y] for x, y in tables if ends[x, y][0] <= one - other <= ends[x, y][1])
        least = min(least, float(held))
    assert 0.95 <= least < 0.985


def test_an_interval_of_equal_trials_is_symmetric_and_narrows() -> None:
    both = Counts(5, 5, 5, 5)
    assert lower_end(both, 0.025) == -upper_end(both, 0.025) == pytest.approx(-0.52182, abs=1e-5)
    assert lower_end(Counts(20, 20, 20, 20), 0.025) > -0.2


def test_power_is_the_probability_of_the_tables_that_reject() -> None:
    for n, m, of, to in ((6, 6, 0.95, 0.3), (7, 5, 0.9, 0.1), (4, 4, 1.0, 0.0)):
        rejected = [(x, y) for x, y in itertools.product(range(n + 1), range(m + 1)) if p_above(Counts(x, n, y, m)) <= 0.025]
        summed = sum(binom.pmf(x, n, of) * binom.pmf(y, m, to) for x, y in rejected)
        assert power(n, m, of, to, 0.025) == pytest.approx(summed)
    assert power(55, 55, 1.0, 0.0, 0.025) == power(500, 500, 1.0, 0.0, 0.025) == 1.0
    assert power(60, 60, 0.9, 0.7, 0.025) == pytest.approx(power(61, 61, 0.9, 0.7, 0.025), abs=0.05)


class TestPromise:
    def one(self, seeds: int = 3, claims: int = 1, weights: dict[str, float] = PAIR, **changes: object):  # type: ignore[no-untyped-def]
        plain = {"name": "c", "of": "of", "to": "to", "kind": "finishes_more", "alpha": 0.05}
        return finishing_power_analysis(Contrast.model_validate(plain | changes), weights, seeds=seeds, claims=claims)

    def test_the_seeds_it_needs_have_the_power_and_fewer_do_not(self) -> None:
        found = self.one()
        assert found.needed is not None
        assert power(found.needed, found.needed, 0.95, 0.45, 0.025) >= 0.8 > power(found.needed - 1, found.needed - 1, 0.95, 0.45, 0.025)
        assert found.power == power(3, 3, 0.95, 0.45, 0.025)
        assert self.one(claims=4).needed > found.needed
        averaged = {"a": 0.5, "b": 0.5, "c": -0.5, "d": -0.5}
        assert self.one(weights=averaged).needed == -(-found.needed // 2), "two cells a side have twice the trials"

    def test_what_is_expected_is_counted_for(self) -> None:
        assert self.one(expected="90%").needed < self.one().needed < self.one(expected="30%").needed
        assert self.one(expected="99%").effect == "99% of the trials of one side finishing, and 0% of those of the other"

    def test_in_words(self) -> None:
        need = "With 95% of the trials of one side finishing, and 45% of those of the other, it needs"
        test = "for power .8 (Barnard's exact test)."
        assert describe([self.one(seeds=2), self.one(seeds=6), self.one(seeds=12), self.one(alpha=1e-9)]) == [
            f"{need} 12 seeds per cell {test} 2 per cell are given: too few, nothing can be claimed.",
            f"{need} 12 seeds per cell {test} 6 are given: power 0.36; they can claim a difference of 74 percentage points instead.",
            f"{need} 12 seeds per cell {test} 12 are given: power 0.83.",
            f"{need} 79 seeds per cell {test} 3 are given: power 0.00; they can claim nothing instead.",
        ]
