"""Tests of claims on literals: what a textbook, a table or statsmodels gives."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_ind
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from sweeper.stats.estimates import Estimate, Scale, estimate, value_at
from sweeper.stats.hypothesis_tests import holm, interval_level, p_values

OF = {0: 9.1, 1: 9.4, 2: 9.9, 3: 9.2}
TO = {0: 9.6, 1: 9.7, 2: 10.4, 3: 9.5}
PAIR = {"of": 1.0, "to": -1.0}
VALUES = {"of": OF, "to": TO}
SEEDS = [0, 1, 2, 3]


def found(**changes: object) -> Estimate:
    got = estimate(VALUES, PAIR, SEEDS, **changes)  # type: ignore[arg-type]
    assert got is not None
    return got


class TestEstimates:
    def test_pairs_are_student_s_t(self) -> None:
        got = found()
        student = ttest_1samp([OF[s] - TO[s] for s in SEEDS], 0)
        assert got.value == pytest.approx(-0.4)
        assert got.t == pytest.approx(student.statistic)
        assert (got.degrees, got.rule, got.seeds) == (3, "paired", 4)

    def test_cells_that_are_no_pairs_are_welch_s_t(self) -> None:
        got = estimate({"of": OF | {4: 9.0}, "to": TO}, PAIR, [*SEEDS, 4], paired=False)
        assert got is not None
        welch = ttest_ind([*OF.values(), 9.0], list(TO.values()), equal_var=False)
        assert got.t == pytest.approx(welch.statistic)
        assert got.degrees == pytest.approx(welch.df)
        assert (got.rule, got.seeds) == ("welch", 4)

    def test_on_the_log_it_is_a_log_ratio(self) -> None:
        got = found(scale=Scale(log=True))
        assert got.value == pytest.approx(np.mean([math.log(OF[s] / TO[s]) for s in SEEDS]))

    @pytest.mark.parametrize("paired", [True, False])
    def test_relative_to_the_cell_subtracted_it_is_the_same(self, paired: bool) -> None:
        relative = found(scale=Scale(log=True, relative_to="to"), paired=paired)
        plain = found(scale=Scale(log=True), paired=paired)
        assert relative.value == pytest.approx(plain.value, rel=1e-2 if not paired else 1e-12)
        assert relative.error == pytest.approx(plain.error, rel=2e-2 if not paired else 1e-12)

    @pytest.mark.parametrize("weights", [PAIR, {"of": 1.0, "to": -0.25, "base": -0.75}, {"of": 2.0, "to": -2.0}])
    @pytest.mark.parametrize("base", ["to", "base"])
    def test_the_error_of_a_share_of_a_cell_is_that_of_its_derivatives(self, weights: dict[str, float], base: str) -> None:
        """Delta method, its slopes by central differences of the value itself."""
        cells = {"of": OF, "to": TO, "base": {0: 8.0, 1: 8.3, 2: 8.1, 3: 8.9}}
        scale = Scale(log=True, relative_to=base)
        means = {name: float(np.mean(list(found.values()))) for name, found in cells.items()}

        def slope(name: str) -> float:
            up, down = (value_at(means | {name: means[name] + step}, weights, scale) for step in (1e-5, -1e-5))
            return (up - down) / 2e-5

        slopes = {name: slope(name) for name in {*weights, base}}
        measured = estimate(cells, weights, SEEDS, scale=scale, paired=False)
        assumed = estimate(cells, weights, [0], scale=scale, paired=False, assumed_cv=0.01)
        assert measured is not None
        assert assumed is not None
        sds = {name: np.std(list(cells[name].values()), ddof=1) for name in slopes}
        assert measured.error == pytest.approx(math.sqrt(sum((slopes[n] * sds[n]) ** 2 / 4 for n in slopes)), rel=1e-7)
        means = {name: found[0] for name, found in cells.items()}
        slopes = {name: slope(name) for name in slopes}
        assert assumed.error == pytest.approx(math.sqrt(sum((slopes[n] * 0.01 * means[n]) ** 2 for n in slopes)), rel=1e-7)

    def test_an_assumed_spread_serves_where_there_is_none_and_nowhere_else(self) -> None:
        one = estimate({"of": {0: 9.0}, "to": {0: 10.0}}, PAIR, [0], assumed_cv=0.01)
        assert one is not None
        assert (one.rule, one.seeds, one.degrees) == ("assumed", 1, math.inf)
        assert one.error == pytest.approx(math.hypot(0.09, 0.10))
        assert found(assumed_cv=0.01) == found()
        assert estimate({"of": {0: 9.0}, "to": {0: 10.0}}, PAIR, [0]) is None

    def test_what_has_no_log_is_left_out(self) -> None:
        values = {"of": OF | {0: -1.0}, "to": TO}
        got = estimate(values, PAIR, SEEDS, scale=Scale(log=True))
        assert got is not None
        assert got.seeds == 3
        assert estimate({"of": {0: 1.0, 1: 0.0, 2: 2.0}, "to": TO}, PAIR, SEEDS, scale=Scale(log=True)) is None

    def test_a_pair_counts_only_whole(self) -> None:
        assert estimate({"of": OF, "to": {0: 1.0, 1: 2.0}}, PAIR, SEEDS) is None


class TestPValues:
    """Lower is better: better = -1, so the effect of `found` is +0.4."""

    def test_superior_is_two_sided_and_knows_its_direction(self) -> None:
        student = ttest_1samp([OF[s] - TO[s] for s in SEEDS], 0).pvalue
        assert p_values("superior", found(), margin=0, better=-1).supporting == pytest.approx(student)
        assert p_values("superior", found(), margin=0, better=1).refuting == pytest.approx(student)
        assert p_values("superior", found(), margin=0, better=1).supporting == 1

    def test_non_inferior_is_one_sided_from_the_margin(self) -> None:
        differences = [OF[s] - TO[s] for s in SEEDS]
        assert p_values("non_inferior", found(), margin=0.1, better=1).supporting == pytest.approx(
            ttest_1samp(differences, -0.1, alternative="greater").pvalue
        )
        assert p_values("non_inferior", found(), margin=0.1, better=-1).supporting == pytest.approx(
            ttest_1samp(differences, 0.1, alternative="less").pvalue
        )

    def test_equivalent_is_two_one_sided_tests(self) -> None:
        p = ttost_paired(np.array(list(OF.values())), np.array(list(TO.values())), -0.6, 0.6)[0]
        for kind in ("equivalent", "no_interaction"):
            assert p_values(kind, found(), margin=0.6, better=-1).supporting == pytest.approx(p)  # type: ignore[arg-type]

    def test_a_claim_and_its_contrary_are_never_both_shown(self) -> None:
        for kind in ("superior", "non_inferior", "equivalent", "no_interaction"):
            for margin in (0.05, 0.4, 3.0):
                for better in (-1, 1):
                    got = p_values(kind, found(), margin=margin, better=better)  # type: ignore[arg-type]
                    assert max(got.supporting, got.refuting) > 0.5

    def test_without_any_spread_nothing_is_shown(self) -> None:
        same = estimate({"of": dict.fromkeys(SEEDS, 1.0), "to": dict.fromkeys(SEEDS, 2.0)}, PAIR, SEEDS)
        assert same is not None
        assert same.error == 0
        assert p_values("superior", same, margin=0, better=-1).supporting == 1
        assert p_values("superior", None, margin=0, better=-1).supporting == 1

    @pytest.mark.parametrize(("kind", "level"), [("superior", 0.95), ("non_inferior", 0.9), ("equivalent", 0.9), ("no_interaction", 0.9)])
    @pytest.mark.parametrize("margin", [0.1, 0.3, 0.45, 0.6, 0.9])
    def test_the_interval_agrees_with_the_test(self, kind: str, level: float, margin: float) -> None:
        assert interval_level(kind, 0.05) == pytest.approx(level)  # type: ignore[arg-type]
        interval = found().interval(level)
        shown = {
            "superior": interval.high < -margin,
            "non_inferior": interval.high < margin,
        }.get(kind, interval.low > -margin and interval.high < margin)
        assert (p_values(kind, found(), margin=margin, better=-1).supporting < 0.05) == shown  # type: ignore[arg-type]


@pytest.mark.parametrize("p", [[0.01, 0.04, 0.03], [0.2, 0.001, 0.5, 0.04], [0.9, 0.8], [0.03]])
def test_holm(p: list[float]) -> None:
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_of_nothing() -> None:
    assert holm([]) == []
