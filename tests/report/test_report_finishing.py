"""Claims on the share of trials that finish: verdicts, words, formats, and by simulation its error."""

import csv
import dataclasses
import io
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from report_snapshots import FD, claims_spec, factorial_spec, finished, pair_snapshot, snapshot_of, unfinished
from scipy.stats import barnard_exact
from test_report_evidence import ALPHA, band

from sweeper.records import SweepSnapshot, TrialOutcome
from sweeper.report.build import build_report
from sweeper.report.page import build_page
from sweeper.report.render.charts import claim_plots
from sweeper.report.render.formats import render
from sweeper.report.render.html import render_html
from sweeper.spec.sweep_spec import Contrast, Sequential
from sweeper.stats.claims import ClaimData, Decision
from sweeper.stats.verdicts import decide

PAIR = {"of": 1.0, "to": -1.0}
CLAIM = Contrast.model_validate({"name": "c", "of": "of", "to": "to", "kind": "finishes_more", "alpha": ALPHA})
DECIDED = ("supported", "refuted")


def snapshot(new: Iterable[int], old: Iterable[int], seeds: int = 10, **changes: Any) -> SweepSnapshot:
    """Seeds whose trial diverged, of both variants."""
    spec = pair_snapshot(seeds, [1.0] * seeds, [1.0] * seeds, {"kind": "finishes_more", "alpha": ALPHA} | changes).spec
    diverged = {("new", seed) for seed in new} | {("old", seed) for seed in old}
    outcomes = [
        unfinished(name, seed, "diverged") if (name, seed) in diverged else finished(name, seed, 9 + 0.1 * seed)
        for name in ("old", "new")
        for seed in range(seeds)
    ]
    return snapshot_of(spec, outcomes)


def replaced(before: SweepSnapshot, *others: TrialOutcome) -> SweepSnapshot:
    keys = {(outcome.variant, outcome.seed) for outcome in others}
    kept = [outcome for outcome in before.outcomes if (outcome.variant, outcome.seed) not in keys]
    return dataclasses.replace(before, outcomes=(*kept, *others))


def claim_data(of: Iterable[float], to: Iterable[float], **given: Any) -> ClaimData:
    return ClaimData(CLAIM, PAIR, {"of": dict(enumerate(of)), "to": dict(enumerate(to))}, paired=False, better=1, **given)


def one(found: ClaimData, seeds: int, looks: tuple[int, ...] | None = None, sequential: Sequential | None = None) -> Decision:
    (decision,) = decide([found], range(seeds), looks or (seeds,), sequential=sequential)
    return decision


class TestVerdicts:
    def test_supported_refuted_and_inconclusive_in_words(self) -> None:
        rows = [build_report(snapshot(*sides)).claims[0] for sides in ((range(0), range(7)), (range(7), range(0)), ([1], [2, 3]))]
        assert [row.sentence for row in rows] == [
            "Supported: trials of new finish more often than those of old: 10 of 10 against 3 of 10, a difference of 70 percentage points"
            " [31, 93] (95% interval, Barnard's exact test). p = 0.00087; alpha is 0.05.",
            "Refuted: trials of new finish more often than those of old: 3 of 10 against 10 of 10, a difference of -70 percentage points"
            " [-93, -31] (95% interval, Barnard's exact test). p = 1, of the contrary 0.00087; alpha is 0.05.",
            "Inconclusive: trials of new finish more often than those of old: 9 of 10 against 8 of 10, a difference of 10 percentage points"
            " [-28, 46] (95% interval, Barnard's exact test). p = 0.67; alpha is 0.05.",
        ]
        other = barnard_exact([[10, 3], [0, 7]], alternative="two-sided").pvalue
        assert rows[0].p == pytest.approx(other, rel=1e-4)
        assert (rows[0].rule, rows[0].sign_flip_p, rows[0].bootstrap, rows[0].more_if_zero) == ("exact", None, None, None)

    def test_it_waits_for_the_planned_seeds(self) -> None:
        (row,) = build_report(replaced(snapshot([], range(7)), unfinished("new", 9, "running"))).claims
        assert (row.verdict_text, row.p) == ("interim, 9 of 10 seeds", None)
        assert row.sentence.startswith(
            "Interim, 9 of 10 seeds, no verdict yet: trials of new finish more often than those of old: 9 of 9 against 3 of 10, a"
        )

    def test_a_failed_trial_is_neither_and_bounds_the_verdict(self) -> None:
        before = snapshot([], range(6))
        (row,) = build_report(replaced(before, unfinished("new", 8, "failed"))).claims
        assert "9 of 9 against 4 of 10" in row.sentence
        assert "Lost trials, which neither finished nor diverged: 1 of new, 0 of old." in row.sentence
        assert row.p == pytest.approx(2 * barnard_exact([[9, 4], [1, 6]], alternative="greater").pvalue, rel=1e-3), "as if it had diverged"
        lost = [unfinished("new", seed, "failed") for seed in (7, 8, 9)]
        assert build_report(before).claims[0].verdict == "supported"
        assert build_report(replaced(before, *lost)).claims[0].verdict == "inconclusive"
        both = build_report(replaced(before, *(unfinished(name, 8, "failed") for name in ("new", "old")))).claims[0]
        assert "Lost trials" not in both.sentence

    def test_an_earlier_test_at_all_of_alpha_leaves_it_none(self) -> None:
        assert one(claim_data([1] * 10, [1] * 3 + [0] * 7, spent=True), 10).verdict == "exploratory"

    def test_two_seeds_have_no_verdict(self) -> None:
        (row,) = build_report(snapshot([], [0, 1], seeds=2)).claims
        assert (row.verdict, row.p) == ("inconclusive", None)
        assert row.sentence.endswith("3 seeds a cell are needed for a verdict.")

    def test_factors_that_are_averaged_over_are_counted_together(self) -> None:
        spec = factorial_spec(3)
        of, to = {"timesteps": "dual"}, {"timesteps": "single"}
        spec["contrasts"] = [{"name": "c", "of": of, "to": to, "kind": "finishes_more", "alpha": ALPHA}]
        outcomes = [unfinished(n, s, "diverged") if n.startswith("single") else finished(n, s, FD[n][s]) for n in FD for s in range(3)]
        (row,) = build_report(snapshot_of(spec, outcomes)).claims
        assert row.sentence.startswith(
            "Supported: trials of timesteps=dual finish more often than those of timesteps=single (averaged over separation): 6 of 6"
            " against 0 of 6, a difference of 100 percentage points ["
        )
        assert "Counted together: trials of dual/none and dual/full, against trials of single/none and single/full." in row.sentence

    def test_it_shares_alpha_with_claims_on_metrics(self) -> None:
        spec = claims_spec(3)
        finishes = {"name": "finishes", "of": "dual/none", "to": "single/none", "kind": "finishes_more", "alpha": ALPHA}
        spec["contrasts"] = [*spec["contrasts"], finishes]
        outcomes = [finished(n, s, FD[n][s]) for n in FD for s in range(3)]
        report = build_report(snapshot_of(spec, outcomes))
        assert len(report.claims) == 4
        assert len(report.contrasts) == 4
        assert len(json.loads(render(report, "json"))["contrasts"]) == 3, "those that are in units of a metric"
        assert "after Holm over 4 claims" in report.claims[0].sentence
        assert "lower is better; alpha 0.05, Holm over 4)\n" in render(report, "markdown")

    def test_other_kinds_point_to_it_where_trials_diverged(self) -> None:
        (row,) = build_report(snapshot([], range(7), kind="superior")).claims
        assert (
            "nothing is concluded. Whether trials finish can be claimed itself: `kind: finishes_more`, declared before results, on seeds"
            " that no report has shown."
        ) in row.sentence


class TestFormats:
    def test_every_format_has_it(self) -> None:
        report = build_report(snapshot([], range(7)))
        found = json.loads(render(report, "json"))["claims"][0]
        assert {key: found[key] for key in ("metric", "scale", "rule", "estimate", "interval")} == {
            "metric": "finishing",
            "scale": "share",
            "rule": "exact",
            "estimate": 0.7,
            "interval": [0.311374, 0.93326],
        }
        (line,) = [line for line in csv.DictReader(io.StringIO(render(report, "csv"))) if line["kind"] == "claim"]
        assert (line["metric"], line["direction"], line["rule"], line["claim"]) == ("finishing", "higher", "exact", "finishes_more")
        markdown = "| change (finishes more) | **70 points** | \\[31, 93\\] (95%) | 10/10 exact | 0.00087 | **supported** |"
        assert markdown in render(report, "markdown")
        assert "Contrasts on trials that finish (alpha 0.05)" in render(report, "markdown")
        assert "70 points" in render(report, "latex")
        assert "change           70 points  [31, 93]  10/10  0.00087   supported" in render(report, "terminal")

    def test_the_page_has_it_with_its_plot(self) -> None:
        made = snapshot([], range(7))
        text = render_html(build_page(made, {}, build_report(made)), "draw()")
        assert "Contrasts on trials that finish" in text
        assert "10 of 10 against 3 of 10, a difference of 70 percentage points [31, 93]" in text
        assert "difference in share of trials that finish (right of 0 is better)" in text

    def test_its_plot_is_in_shares(self) -> None:
        (plot,) = [plot for plot in claim_plots(build_report(snapshot([], range(7)))) if plot.rows]
        assert (plot.metric.name, plot.label, plot.in_percent) == ("finishing", "share of trials that finish", False)
        assert (plot.rows[0]["estimate"], plot.rows[0]["said"]) == (0.7, "70 points [31, 93], supported")


class TestSimulated:
    def test_the_error_is_at_most_alpha_whatever_the_share(self) -> None:
        draws, seeds = 400, 10
        drawn = np.random.default_rng(21)
        for share in (0.5, 0.8, 0.95):
            ends = (drawn.random((draws, 2, seeds)) < share).astype(float)
            decisions = [one(claim_data(*each.tolist()), seeds) for each in ends]
            wrong = sum(found.verdict in DECIDED for found in decisions) / draws
            assert wrong <= ALPHA + band(draws, ALPHA)
            for found in decisions:
                assert found.estimate is not None
                assert (found.verdict in DECIDED) == (not found.estimate.interval(1 - 2 * found.alpha).holds(0))

    def test_over_looks_the_error_is_at_most_alpha_and_the_interval_is_the_verdicts(self) -> None:
        draws, looks = 250, (4, 8, 12)
        sequential = Sequential.model_validate({"max_seeds": 12, "looks": looks, "spending": "pocock"})
        wrong = 0
        for each in (np.random.default_rng(22).random((draws, 2, 12)) < 0.7).astype(float):
            verdicts = []
            for until in (1, 2, 3):
                number = looks[until - 1]
                found = one(claim_data(*each[:, :number].tolist()), number, looks[:until], sequential)
                assert found.estimate is not None
                assert (found.verdict in DECIDED) == (not found.estimate.interval(1 - 2 * found.alpha).holds(0))
                verdicts.append(found.verdict)
            wrong += any(verdict in DECIDED for verdict in verdicts)
        assert wrong / draws <= ALPHA + band(draws, ALPHA)

    def test_a_large_difference_is_found(self) -> None:
        drawn = np.random.default_rng(23)
        found = [one(claim_data(np.ones(10), (drawn.random(10) < 0.3).astype(float)), 10).verdict for _ in range(200)]
        assert found.count("supported") / 200 > 0.85
