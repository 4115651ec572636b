"""`analysis: block`: value = variant + seed + residual over all variants, held against statsmodels and by simulation."""

import csv
import dataclasses
import io
import json
import re
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from report_snapshots import FD, claims_spec, factorial_spec, finished, pair_snapshot, snapshot_of, unfinished
from scipy.stats import t as student
from test_report_evidence import ALPHA, band

from sweeper.records import EarlierVersion, SweepSnapshot, TrialOutcome
from sweeper.report.build import build_report
from sweeper.report.render.formats import render
from sweeper.states import TrialState
from sweeper.stats.estimates import Estimate, Scale, estimate
from sweeper.stats.two_way import BlockDesign, TwoWay

Values = dict[str, dict[int, float]]
NAMES = ("a", "b", "c", "d")
WEIGHTS = {"a": 1.0, "b": -0.5, "c": -0.5}


def layout(seeds: int, gaps: tuple[tuple[str, int], ...] = (), seed: int = 0) -> Values:
    drawn = np.random.default_rng(seed)
    shift = 3 * drawn.standard_normal(seeds)
    found = {name: dict(enumerate((20 + place + shift + drawn.standard_normal(seeds)).tolist())) for place, name in enumerate(NAMES)}
    return {name: {s: v for s, v in values.items() if (name, s) not in gaps} for name, values in found.items()}


def ols(values: Values, weights: dict[str, float], log: bool = False) -> Any:
    """statsmodels' t test of the weighted sum, with a column for each variant and one for each seed but the first."""
    seeds = sorted({seed for found in values.values() for seed in found})
    rows = [(name, seed, value) for name, found in values.items() for seed, value in found.items()]
    design = [[name == other for other in values] + [seed == other for other in seeds[1:]] for name, seed, _ in rows]
    y = np.array([value for *_, value in rows])
    fitted = sm.OLS(np.log(y) if log else y, np.array(design, dtype=float)).fit()
    return fitted.t_test([weights.get(name, 0.0) for name in values] + [0.0] * (len(seeds) - 1))


def block(values: Values, weights: dict[str, float], seeds: int, log: bool = False) -> Estimate:
    found = estimate(values, weights, range(seeds), scale=Scale(log), block_design=BlockDesign(values))
    assert found is not None
    assert found.rule == "block"
    return found


STATES: tuple[TrialState, ...] = ("running", "failed")
GAPS = {
    "complete": (),
    "one cell empty": (("a", 1),),
    "of the claim and of others": (("a", 0), ("b", 4), ("c", 2), ("d", 2), ("d", 3)),
    "a seed of two variants": (("c", 5), ("d", 5)),
}


class TestAgainstStatsmodels:
    @pytest.mark.parametrize("gaps", GAPS.values(), ids=GAPS)
    @pytest.mark.parametrize("log", [False, True])
    def test_estimate_error_degrees_and_interval(self, gaps: tuple[tuple[str, int], ...], log: bool) -> None:
        values = layout(6, gaps)
        for weights in (WEIGHTS, {"a": 1.0, "d": -1.0}):
            found, other = block(values, weights, 6, log), ols(values, weights, log)
            assert found.value == pytest.approx(other.effect.item(), rel=1e-9)
            assert found.error == pytest.approx(other.sd.item(), rel=1e-9)
            assert found.degrees == other.df_denom
            interval = found.interval(0.9)
            assert (interval.low, interval.high) == pytest.approx(tuple(other.conf_int(0.1).ravel()), rel=1e-9)

    @pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")
    def test_parts_without_a_common_seed(self) -> None:
        """a and b were run with other seeds than c and d: differences within each part, and none across."""
        values = layout(6, tuple((name, seed) for seed in range(6) for name in (("a", "b") if seed < 3 else ("c", "d"))))
        found, other = block(values, {"a": 1.0, "b": -1.0}, 6), ols(values, {"a": 1.0, "b": -1.0})
        assert (found.value, found.error) == pytest.approx((other.effect.item(), other.sd.item()))
        assert found.degrees == 12 - 4 - 6 + 2
        assert estimate(values, {"a": 1.0, "c": -1.0}, range(6), block_design=BlockDesign(values)) is None

    def test_two_variants_are_pairs(self) -> None:
        values = {name: layout(5)[name] for name in ("a", "b")}
        weights = {"a": 1.0, "b": -1.0}
        found, paired = block(values, weights, 5), estimate(values, weights, range(5))
        assert paired is not None
        assert (found.value, found.error, found.degrees) == pytest.approx((paired.value, paired.error, paired.degrees))
        assert found.noise.sd == pytest.approx(paired.noise.sd)

    def test_a_complete_layout_has_the_degrees_of_a_block_design(self) -> None:
        found = block(layout(3), WEIGHTS, 3)
        assert found.degrees == (4 - 1) * (3 - 1)
        assert (found.noise.error(3), found.noise.degrees(3)) == (pytest.approx(found.error), found.degrees)

    def test_values_that_an_additive_layout_fits_exactly_say_nothing_of_the_error(self) -> None:
        values = {name: {seed: 0.1 * place + 0.7 * seed for seed in range(4)} for place, name in enumerate(NAMES)}
        assert block(values, WEIGHTS, 4).error == 0

    def test_where_no_residual_is_left_there_is_no_fit(self) -> None:
        assert TwoWay.of({"a": {0: 1.0, 1: 2.0}}) is None
        assert TwoWay.of({}) is None


class TestPools:
    def test_a_variant_that_diverged_or_has_one_value_is_left_out(self) -> None:
        values = layout(4, (("d", 3),))
        block_design = BlockDesign(values, {"d": [3]})
        without = BlockDesign({name: found for name, found in values.items() if name != "d"})
        assert estimate(values, WEIGHTS, range(4), block_design=block_design) == estimate(values, WEIGHTS, range(4), block_design=without)
        before, whole = (estimate(values, WEIGHTS, range(3), block_design=one) for one in (block_design, BlockDesign(values)))
        assert before == whole, "at a look before the seed that diverged it is in"
        single = {name: found if name != "d" else {0: found[0]} for name, found in values.items()}
        assert estimate(single, WEIGHTS, range(4), block_design=BlockDesign(single)) == estimate(
            values, WEIGHTS, range(4), block_design=without
        )

    def test_on_a_log_a_variant_with_a_value_of_zero_is_left_out(self) -> None:
        values = layout(4)
        odd = values | {"d": values["d"] | {2: 0.0}}
        three = {name: found for name, found in values.items() if name != "d"}
        assert block(odd, WEIGHTS, 4, log=True) == block(three, WEIGHTS, 4, log=True)

    def test_fewer_than_three_values_of_a_cell_are_too_few(self) -> None:
        values = layout(4, (("a", 0), ("a", 1)))
        assert estimate(values, WEIGHTS, range(4), block_design=BlockDesign(values)) is None
        assert estimate(values, {"b": 1.0, "c": -1.0}, range(4), block_design=BlockDesign(values)) is not None


def blocked(snapshot: SweepSnapshot, **changes: Any) -> SweepSnapshot:
    return dataclasses.replace(snapshot, spec=dict(snapshot.spec) | {"analysis": "block"}, **changes)


def factorial(seeds: int = 3, replaced: dict[tuple[str, int], TrialOutcome] | None = None) -> SweepSnapshot:
    outcomes = {(name, seed): finished(name, seed, FD[name][seed]) for name in FD for seed in range(seeds)}
    return blocked(snapshot_of(claims_spec(seeds), list((outcomes | (replaced or {})).values())))


class TestInReports:
    def test_claims_contrasts_and_effects_have_the_error_of_the_layout(self) -> None:
        report = build_report(factorial())
        values = {name: dict(enumerate(found)) for name, found in FD.items()}
        weights = {"dual/full": 1.0, "single/full": -1.0}
        on_units = ols(values, weights)
        claim, contrast = report.claims[0], report.contrasts[0]
        (effect,) = [one for one in report.effects if one.weights == weights]
        for row in (contrast.summary, effect.summary):
            assert (row.rule, row.mean) == ("block", pytest.approx(on_units.effect.item()))
            assert row.half_width == pytest.approx(student.ppf(0.975, 6) * on_units.sd.item())
        on_log = ols(values, weights, log=True)
        assert (claim.rule, claim.seeds, claim.estimate) == ("block", 3, pytest.approx(on_log.effect.item()))
        assert claim.interval is not None
        assert (claim.interval.low, claim.interval.high) == pytest.approx(tuple(on_log.conf_int(1 - claim.level).ravel()))
        assert claim.p == pytest.approx(on_log.pvalue.item(), rel=1e-5)
        on_log = ols(values, {"dual/full": 1.0, "dual/none": -1.0}, log=True)
        assert report.claims[1].estimate == pytest.approx(on_log.effect.item())
        assert {row.summary.rule for row in report.contrasts} == {effect.summary.rule for effect in report.effects} == {"block"}
        assert {(row.bootstrap, row.sign_flip_p) for row in report.claims} == {(None, None)}
        assert {(row.bootstrap, row.pairing_efficiency) for row in report.contrasts} == {(None, None)}

    def test_every_format_says_so(self) -> None:
        report = build_report(factorial())
        note = (
            "Seeds are blocks, as `analysis` of the sweep declares. A value is taken as a variant's plus a seed's plus a residual: this"
            " assumes that residuals vary alike in all variants, and that no variant gains more from a seed than another does."
        )
        assert note in report.notes
        assert "98.3% interval, block analysis, t with 6 degrees of freedom, 3 seeds a cell" in report.claims[0].sentence
        assert "(95% unadjusted, 3 seeds a cell, block analysis; lower is better)" in report.contrasts[0].sentence
        found = json.loads(render(report, "json"))
        assert {row["rule"] for part in ("claims", "contrasts", "effects") for row in found[part]} == {"block"}
        lines = [line for line in csv.DictReader(io.StringIO(render(report, "csv"))) if line["kind"] == "claim"]
        assert {(line["rule"], line["p_sign_flip"]) for line in lines} == {("block", "")}
        assert "3/3 block" in render(report, "markdown")
        assert r"\shortstack[l]{3/3 \\ block}" in render(report, "latex")
        assert re.search(r"3/3 .*\n.*\bblock\b", render(report, "terminal"))

    def test_a_look_is_not_whole_while_another_variants_trial_waits(self) -> None:
        waiting = {("single/none", 2): unfinished("single/none", 2, "running")}
        (row, *_) = build_report(factorial(replaced=waiting)).claims
        assert "single/none" not in row.says
        assert (row.verdict_text, row.p) == ("interim, 2 of 3 seeds", None)
        interim = "Interim: trials are still missing, and the numbers will change."
        running, failed = (build_report(factorial(replaced={("single/none", 2): unfinished("single/none", 2, s)})) for s in STATES)
        assert running.contrasts[1].sentence.endswith(f"the interval excludes 0. {interim}"), "the other variants have their trials too"
        assert interim not in failed.contrasts[1].sentence, "nothing more comes"

    def test_a_diverged_variant_of_others_is_left_out_and_named(self) -> None:
        report = build_report(factorial(replaced={("single/none", 2): unfinished("single/none", 2, "diverged")}))
        assert (
            "Left out of the residual variance of the block analysis, since trials of them diverged: single/none (1 of 3)." in report.notes
        )
        values = {name: dict(enumerate(found)) for name, found in FD.items() if name != "single/none"}
        other = ols(values, {"dual/full": 1.0, "single/full": -1.0}, log=True)
        assert report.claims[0].p == pytest.approx(other.pvalue.item(), rel=1e-5)
        assert report.claims[2].verdict == "inconclusive", "its own trial diverged"

    def test_a_lost_trial_of_another_variant_marks_the_claim(self) -> None:
        report = build_report(factorial(replaced={("single/none", 2): unfinished("single/none", 2, "failed")}))
        assert "Lost trials: 0 of dual/full, 0 of single/full, 1 of single/none, 0 of dual/none." in report.claims[0].sentence

    def test_another_set_of_variants_is_another_test_on_the_same_seeds(self) -> None:
        now = factorial()
        trials = {(outcome.variant, outcome.seed): outcome.fingerprint for outcome in now.outcomes}
        same = EarlierVersion("x", "default", "feed" * 10, now.created, now.spec, trials)
        more = dataclasses.replace(same, fingerprints=trials | {("other", 0): "another trial"})
        verdicts = [build_report(dataclasses.replace(now, earlier=(one,))).claims[0].verdict for one in (same, more)]
        assert verdicts[0] != "exploratory"
        assert verdicts[1] == "exploratory"

    def test_variants_that_do_not_compare_are_in_no_pool(self) -> None:
        """`single` was run elsewhere: what compares with the cells of a claim makes its error."""
        elsewhere = {"device": "cuda", "precision": "float32", "threads": 1, "torch": "2.11.0"}
        outcomes = [
            finished(name, seed, FD[name][seed], **({"comparability": elsewhere} if name.startswith("single") else {}))
            for name in FD
            for seed in range(3)
        ]
        (_, row, _) = build_report(blocked(snapshot_of(claims_spec(3), outcomes))).claims
        pair = {name: dict(enumerate(FD[name])) for name in ("dual/none", "dual/full")}
        assert row.estimate == pytest.approx(ols(pair, {"dual/full": 1.0, "dual/none": -1.0}, log=True).effect.item())
        assert "t with 2 degrees of freedom" in row.sentence

    def test_without_the_declaration_nothing_changes(self) -> None:
        assert {row.summary.rule for row in build_report(snapshot_of(factorial_spec(3), list(factorial().outcomes))).contrasts} == {"t"}


class TestSimulated:
    """3 seeds of 4 variants with a common effect of the seed, as large as the residuals."""

    def rates(self, effect: float, draws: int) -> tuple[float, float, float]:
        """Shares of sweeps with a verdict by blocks and by pairs, and of block intervals that hold the truth."""
        by_block = by_pairs = held = 0
        weights = {"a": 1.0, "b": -1.0}
        for values in np.random.default_rng(11).standard_normal((draws, 5, 3)):
            cells = {name: dict(enumerate((10 + values[4] + values[place]).tolist())) for place, name in enumerate(NAMES)}
            cells["a"] = {seed: value + effect for seed, value in cells["a"].items()}
            found, paired = block(cells, weights, 3), estimate(cells, weights, range(3))
            assert paired is not None
            interval = found.interval(1 - ALPHA)
            held += interval.holds(effect)
            by_block += not interval.holds(0)
            by_pairs += not paired.interval(1 - ALPHA).holds(0)
        return by_block / draws, by_pairs / draws, held / draws

    def test_the_error_is_alpha_and_the_coverage_nominal(self) -> None:
        draws = 4_000
        wrong, _, held = self.rates(0.0, draws)
        assert wrong == pytest.approx(ALPHA, abs=band(draws, ALPHA))
        assert held == pytest.approx(1 - ALPHA, abs=band(draws, ALPHA))

    def test_its_power_is_above_that_of_pairs(self) -> None:
        draws = 1_000
        by_block, by_pairs, held = self.rates(2.5, draws)
        assert by_block > by_pairs + 0.15
        assert held == pytest.approx(1 - ALPHA, abs=band(draws, ALPHA))

    def test_verdicts_of_whole_reports_keep_alpha(self) -> None:
        draws, wrong = 250, 0
        spec = pair_snapshot(3, [1.0] * 3, [1.0] * 3, {"kind": "superior", "alpha": ALPHA}).spec
        spec = dict(spec) | {
            "analysis": "block",
            "design": {"kind": "variants", "variants": {"old": {}, "new": {"depth": 2}, "c": {"depth": 3}, "d": {"depth": 4}}},
        }
        for values in np.random.default_rng(12).standard_normal((draws, 5, 3)):
            outcomes = [
                finished(name, seed, float(10 + values[4, seed] + values[place, seed]))
                for place, name in enumerate(("old", "new", "c", "d"))
                for seed in range(3)
            ]
            (row,) = build_report(snapshot_of(spec, outcomes)).claims
            assert row.interval is not None
            assert (row.verdict in ("supported", "refuted")) == (not row.interval.holds(0))
            wrong += row.verdict in ("supported", "refuted")
        assert wrong / draws == pytest.approx(ALPHA, abs=band(draws, ALPHA))
