"""When a verdict may be given, by simulation: each test fails on a report that gives a verdict as soon as a p-value allows one.

Seeds are fixed, so a failure is a change of the code; bands are 3.5 standard deviations of a binomial count.
"""

import csv
import dataclasses
import io
import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from report_snapshots import pair_snapshot
from scipy.stats import t as student

from sweeper.records import EarlierVersion, SweepSnapshot
from sweeper.report.build import build_report
from sweeper.report.render.charts import claim_plots
from sweeper.report.render.formats import render
from sweeper.spec.sweep_spec import Contrast, Sequential
from sweeper.stats.claims import ClaimData, Decision
from sweeper.stats.power import Noise, seeds_to_decide
from sweeper.stats.sample_size import additional_seeds
from sweeper.stats.sequential import nominal_levels, unbiased_estimate
from sweeper.stats.verdicts import decide

ALPHA = 0.05
PAIR = {"of": 1.0, "to": -1.0}
DECIDED = ("supported", "refuted")
VERDICTS = (*DECIDED, "inconclusive", "interim", "exploratory")


def band(draws: int, rate: float) -> float:
    return 3.5 * math.sqrt(rate * (1 - rate) / draws)


def claim(kind: str = "superior", **changes: Any) -> Contrast:
    return Contrast.model_validate({"name": "c", "of": "of", "to": "to", "kind": kind, "alpha": ALPHA} | changes)


def claim_data(differences: np.ndarray, contrast: Contrast | None = None, **given: Any) -> ClaimData:
    """Paired cells whose difference at each seed is given, in units of the metric; lower is better."""
    to = 10 + np.arange(len(differences)) % 3  # a block effect, which pairs remove
    cells = {"of": dict(enumerate((to + differences).tolist())), "to": dict(enumerate(to.tolist()))}
    return ClaimData(contrast or claim(), PAIR, cells, paired=True, **given)


def one(found: ClaimData, seeds: int, looks: tuple[int, ...] | None = None, sequential: Sequential | None = None) -> Decision:
    (decision,) = decide([found], range(seeds), looks or (seeds,), sequential=sequential)
    return decision


class TestBeforeThePlannedSeeds:
    def test_reading_after_every_block_costs_no_error(self) -> None:
        """10 seeds are planned and the report is read from the third on: some verdict in 16.8% without the rule."""
        draws, planned = 2_000, 10
        with_rule = without = 0
        for differences in np.random.default_rng(0).standard_normal((draws, planned)):
            read = [one(claim_data(differences[:n], waiting=set(range(n, planned))), planned).verdict for n in range(3, planned + 1)]
            assert set(read[:-1]) == {"interim"}
            with_rule += read[-1] in DECIDED
            without += any(one(claim_data(differences[:n]), n).verdict in DECIDED for n in range(3, planned + 1))
        assert with_rule / draws == pytest.approx(ALPHA, abs=band(draws, ALPHA))
        assert without / draws > 0.12

    def test_an_interim_claim_has_numbers_and_no_p(self) -> None:
        decision = one(claim_data(np.array([-1.0, -1.1, -0.9]), waiting={3, 4}), 5)
        assert (decision.verdict, decision.p, decision.p_adjusted, decision.refuting) == ("interim", None, None, None)
        assert decision.estimate is not None
        assert decision.estimate.value == pytest.approx(-1.0)

    def test_a_planned_look_that_is_whole_decides_while_later_seeds_run(self) -> None:
        sequential = Sequential.model_validate({"max_seeds": 6, "looks": (3, 6), "spending": "pocock"})
        differences = np.array([-1.0, -1.01, -0.99, -1.0])
        assert one(claim_data(differences, waiting={4, 5}), 6, (3, 6), sequential).verdict == "supported"
        assert one(claim_data(differences[:2], waiting={2, 3, 4, 5}), 6, (3, 6), sequential).verdict == "interim"
        weak = np.array([-1.0, 0.9, -0.2, 0.1])
        assert one(claim_data(weak, waiting={4, 5}), 6, (3, 6), sequential).verdict == "interim"

    def test_the_other_claims_of_the_sweep_count_an_interim_one_as_not_shown(self) -> None:
        whole, waiting = claim_data(np.array([-1.0, -1.1, -0.9, -1.0])), claim_data(np.array([-1.0, -1.1]), waiting={2, 3})
        first, second = decide([whole, waiting], range(4), (4,), sequential=None)
        alone = one(whole, 4)
        assert first.p is not None
        assert first.p_adjusted == pytest.approx(2 * first.p, rel=1e-4)
        assert (first.p, second.verdict) == (alone.p, "interim")


class TestSeedsRaisedByHand:
    """3 seeds, then 4, ... under new versions of the sweep: some verdict in 18% without the rule."""

    def snapshot(self, seeds: int, *, whole: int = -1, **changes: Any) -> SweepSnapshot:
        values = [9.0 + 0.1 * (seed % 3) for seed in range(seeds)]
        now = pair_snapshot(seeds, values, [value + 1 + 0.05 * (seed % 2) for seed, value in enumerate(values)], changes or None)
        before = pair_snapshot(3, values[:3], values[:3], changes or None)
        trials = {(o.variant, o.seed): o.fingerprint for o in before.outcomes}
        earlier = EarlierVersion("other name", "default", "feed" * 10, now.created + timedelta(hours=whole), before.spec, trials)
        return dataclasses.replace(now, earlier=(earlier,))

    def test_only_the_first_test_has_alpha(self) -> None:
        draws, most = 1_500, 12
        strict = loose = 0
        for differences in np.random.default_rng(1).standard_normal((draws, most)):
            read = [one(claim_data(differences[:n], spent=n > 3), n).verdict for n in range(3, most + 1)]
            strict += any(verdict in DECIDED for verdict in read)
            loose += any(one(claim_data(differences[:n]), n).verdict in DECIDED for n in range(3, most + 1))
        assert strict / draws == pytest.approx(ALPHA, abs=band(draws, ALPHA))
        assert loose / draws > 0.14

    def test_the_earlier_version_is_found_by_its_trials_and_named(self) -> None:
        (row,) = build_report(self.snapshot(5, kind="superior", alpha=ALPHA)).claims
        assert (row.verdict, row.p) == ("exploratory", None)
        assert row.estimate is not None
        assert (
            "It was tested before on 3 seeds of these, at all of alpha (sweep other name, version feedfeedfeed, of 2026-01-05 11:00 UTC),"
            " so no alpha is left for a verdict here. A test of its own needs seeds that none of these has seen, in a new sweep with other"
            " `seeds`; several looks need `sequential` there, before its first result."
        ) in row.sentence

    def test_the_same_seeds_are_the_same_test(self) -> None:
        (row,) = build_report(self.snapshot(3, kind="superior", alpha=ALPHA)).claims
        assert row.verdict in DECIDED

    def test_another_comparison_or_another_metric_is_no_earlier_test(self) -> None:
        snapshot = self.snapshot(5, kind="superior", alpha=ALPHA)
        (earlier,) = snapshot.earlier
        renamed = {key: f"other-{fingerprint}" for key, fingerprint in earlier.fingerprints.items()}
        metric = dict(earlier.spec) | {"metric": {"primary": "held_out_loss", "direction": "lower"}}
        plain = [{name: value for name, value in c.items() if name not in ("kind", "alpha")} for c in earlier.spec["contrasts"]]
        for changed in (
            dataclasses.replace(earlier, fingerprints=renamed),
            dataclasses.replace(earlier, spec=metric),
            dataclasses.replace(earlier, spec=dict(earlier.spec) | {"contrasts": plain}),
            dataclasses.replace(earlier, spec={"of": "another release"}),
        ):
            (row,) = build_report(dataclasses.replace(snapshot, earlier=(changed,))).claims
            assert row.verdict in DECIDED


class TestIntervals:
    @pytest.mark.parametrize("kind", ["superior", "non_inferior", "equivalent"])
    def test_the_interval_is_the_verdicts_under_holm(self, kind: str) -> None:
        """Over claims of any number and strength, an interval excludes its margin exactly where there is a verdict."""
        generator = np.random.default_rng(2)
        seen = set()
        margin = None if kind == "superior" else 0.4
        for _ in range(150):
            claims = int(generator.integers(1, 5))
            cases = [
                claim_data(generator.uniform(-1.2, 1.2) + 0.3 * generator.standard_normal(6), claim(kind, margin=margin))
                for _ in range(claims)
            ]
            for decision in decide(cases, range(6), (6,), sequential=None):
                assert decision.estimate is not None
                interval = decision.estimate.interval(1 - 2 * decision.alpha)
                better, worse = interval.high < 0, interval.low > 0
                if kind == "non_inferior":
                    better, worse = interval.high < 0.4, interval.low > 0.4
                if kind == "equivalent":
                    better = interval.low > -0.4 and interval.high < 0.4
                    worse = interval.low > 0.4 or interval.high < -0.4
                assert decision.verdict == ("supported" if better else "refuted" if worse else "inconclusive")
                seen.add((claims, decision.verdict))
        assert len(seen) == 12, "every verdict with every number of claims"

    @pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
    def test_over_looks_it_is_the_repeated_interval(self, spending: Any) -> None:
        """It covers the truth at all looks together, and is the verdict's at each."""
        looks, draws, truth = (3, 6, 9), 1_500, -0.5
        sequential = Sequential.model_validate({"max_seeds": 9, "spending": spending, "looks": looks})
        missed = 0
        for differences in truth + np.random.default_rng(3).standard_normal((draws, 9)):
            missed_here = False
            for until in (1, 2, 3):
                found = claim_data(differences[: looks[until - 1]])
                decision = one(found, looks[until - 1], looks[:until], sequential)
                assert decision.estimate is not None
                interval = decision.estimate.interval(1 - 2 * decision.alpha)
                assert (decision.verdict in DECIDED) == (not interval.holds(0))
                missed_here |= not interval.holds(truth)
            missed += missed_here
        assert missed / draws <= ALPHA + band(draws, ALPHA)

    def test_levels_of_looks_add_up_to_the_family(self) -> None:
        """Normal paths cross the nominal levels of all looks as often as the family level says, but for what t corrects."""
        looks, draws = [4, 8, 12], 100_000
        z = np.random.default_rng(4).standard_normal((draws, 12)).cumsum(axis=1)[:, [3, 7, 11]] / np.sqrt(looks)
        crossed = (student.sf(z, 10**9) <= nominal_levels(0.025, looks, 12, "pocock")).any(axis=1).mean()
        assert 0.021 < crossed <= 0.025 + band(draws, 0.025)

    def test_the_estimate_where_a_sweep_stops_is_corrected(self) -> None:
        """On average over sweeps that stop where they decide, or at the last look, the corrected estimate is the truth."""
        looks, truth, draws, few = (3, 6, 9), 0.9, 4_000, 120
        bounds = -student.ppf(nominal_levels(0.025, looks, 9, "pocock"), 10**9) / np.sqrt(looks)
        paths = truth + np.random.default_rng(6).standard_normal((draws, 9))
        means = np.stack([paths[:, :n].mean(axis=1) for n in looks], axis=1)
        decided = np.abs(means) > bounds
        decided[:, -1] = True
        at = decided.argmax(axis=1)
        naive = means[np.arange(draws), at]
        assert naive.mean() > truth + 3 * naive.std() / math.sqrt(draws)
        given = {"kind": "superior", "margin": 0.0, "one_sided": 0.025, "most": 9, "spending": "pocock"}
        corrected = [unbiased_estimate(float(naive[i]), 1.0, looks[: at[i] + 1], **given) for i in range(few)]  # type: ignore[arg-type]
        assert np.mean(corrected) == pytest.approx(truth, abs=3 * np.std(corrected) / math.sqrt(few))
        assert np.mean(corrected) < naive[:few].mean()

    def test_with_one_look_there_is_nothing_to_correct(self) -> None:
        given = {"kind": "superior", "margin": 0.0, "one_sided": 0.025, "most": 9, "spending": "pocock"}
        assert unbiased_estimate(0.7, 1.0, [9], **given) == 0.7  # type: ignore[arg-type]


class TestLostTrials:
    def test_losing_the_worst_of_one_variant_gives_it_no_verdict(self) -> None:
        """The worst fifth of one variant failed: 9% of sweeps without an effect called it better, where 2.5% were promised."""
        draws, seeds = 2_000, 10
        marked = ignored = 0
        for own in np.random.default_rng(7).standard_normal((draws, 2, seeds)):
            worst = set(np.argsort(own[0])[-2:].tolist())
            cells = {
                "of": {s: 10 + v for s, v in enumerate(own[0].tolist()) if s not in worst},
                "to": dict(enumerate((10 + own[1]).tolist())),
            }
            ignored += one(ClaimData(claim(), PAIR, cells, paired=False), seeds).verdict == "supported"
            marked += one(ClaimData(claim(), PAIR, cells, paired=False, lost={"of": worst}), seeds).verdict == "supported"
        assert ignored / draws > 0.06
        assert marked / draws <= ALPHA / 2 + band(draws, ALPHA / 2)

    def test_seeds_that_every_cell_lost_are_a_smaller_sweep(self) -> None:
        differences = np.array([-1.0, -1.1, -0.9, -1.0])
        lost = {"of": {4}, "to": {4}}
        assert one(claim_data(differences, lost=lost), 5) == one(claim_data(differences), 5)

    def test_a_large_effect_survives_the_bound_and_a_small_one_does_not(self) -> None:
        noise = np.array([0.1, -0.1, 0.05, -0.05, 0.1, -0.1, 0.02, -0.08, 0.06])

        def lost(effect: float) -> str:
            whole = claim_data(effect + noise)
            values = {"of": {s: v for s, v in whole.values["of"].items() if s}, "to": whole.values["to"]}
            return one(dataclasses.replace(whole, values=values, lost={"of": {0}}), 9).verdict

        assert lost(-9.0) == "supported"
        assert lost(9.0) == "refuted"
        assert lost(-0.5) == "inconclusive"


class TestSeedsThatAreMissing:
    def test_the_range_holds_the_truth_about_as_often_as_it_says(self) -> None:
        """From three seeds the spread is known to a factor of four, and so is the number of seeds."""
        effect, draws = -1.0, 1_000
        wanted = seeds_to_decide("superior", effect=-effect, margin=0.0, alpha=ALPHA, noise=Noise(1.0))
        assert wanted == 10
        held = counted = 0
        for differences in np.random.default_rng(9).standard_normal((draws, 3)):
            centred = claim_data(effect + differences - differences.mean())  # the effect is known, the spread is not
            found = additional_seeds(centred, one(centred, 3), undecided=1).if_estimate
            if found is None:
                continue  # it was decided
            counted += 1
            held += (found.low or 0) <= wanted - 3 <= (found.high or math.inf)
        assert counted > draws / 2
        assert 0.7 < held / counted < 0.95


class TestSeveralMetrics:
    def snapshot(self, **changes: Any) -> SweepSnapshot:
        """Lower FD and, in the sweep's other metric, lower class accuracy: the two disagree."""
        of, to = [9.0, 9.1, 9.2, 9.05], [10.0, 10.2, 10.1, 10.1]
        snapshot = pair_snapshot(4, of, to, {"kind": "superior", "alpha": ALPHA})
        (first,) = snapshot.spec["contrasts"]
        second = first | {"name": "accuracy", "metric": "class_accuracy"} | changes
        turned = [
            dataclasses.replace(o, metrics=dict(o.metrics) | {"class_accuracy": o.metrics["fd_digits"] / 20}) for o in snapshot.outcomes
        ]
        return dataclasses.replace(snapshot, spec=dict(snapshot.spec) | {"contrasts": [first, second]}, outcomes=tuple(turned))

    def test_claims_on_several_metrics_share_alpha_and_each_has_its_direction(self) -> None:
        report = build_report(self.snapshot())
        first, second = report.claims
        assert (first.metric, first.verdict) == ("fd_digits", "supported")
        assert (second.metric, second.verdict) == ("class_accuracy", "refuted")
        assert first.p is not None
        assert first.p_adjusted == pytest.approx(2 * first.p, rel=1e-4)
        assert "Difference of class_accuracy:" in second.sentence
        assert [row.metric for row in report.contrasts] == ["fd_digits", "class_accuracy"]
        text = render(report, "markdown")
        assert "### Contrasts (on fd\\_digits where no other metric is named; alpha 0.05, Holm over 2)" in text
        assert "| accuracy, on class\\_accuracy (superior) |" in text
        rows = [row for row in csv.DictReader(io.StringIO(render(report, "csv"))) if row["kind"] == "claim"]
        assert [(row["metric"], row["direction"]) for row in rows] == [("fd_digits", "lower"), ("class_accuracy", "higher")]

    def test_each_metric_has_its_plot(self) -> None:
        plots = [plot for plot in claim_plots(build_report(self.snapshot())) if plot.rows]
        assert [(plot.metric.name, plot.in_percent, plot.rows[0]["name"]) for plot in plots] == [
            ("fd_digits", True, "change"),
            ("class_accuracy", False, "accuracy"),
        ]

    def test_a_metric_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="there is no metric 'class_acuracy'"):
            claim(metric="class_acuracy")


def test_every_verdict_is_one_of_those_that_are_explained() -> None:
    from typing import get_args

    from sweeper.report.render.chart_specs import VERDICTS as MARKS
    from sweeper.report.render.plots import _READINGS
    from sweeper.report.render.report_tables import OPEN
    from sweeper.stats.claims import Verdict

    assert set(get_args(Verdict)) == set(VERDICTS) == set(MARKS) == {*OPEN, *DECIDED}
    assert set(VERDICTS) < set(_READINGS)
    assert len(set(MARKS.values())) == len(MARKS)
