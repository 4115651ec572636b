"""What pairing brought, and the sign-flip test beside t's."""

import csv
import dataclasses
import io
import json
import math

import numpy as np
import pytest
from report_snapshots import pair_snapshot
from scipy.stats import permutation_test
from test_report_evidence import ALPHA, band

from sweeper.records import EarlierVersion
from sweeper.report.build import build_report
from sweeper.report.render.formats import render
from sweeper.stats.pairing import pairing_efficiency
from sweeper.stats.resampling import sign_flip_p

PAIR = {"of": 1.0, "to": -1.0}


def drawn(seeds: int, correlation: float, draws: int) -> list[float]:
    """Ratios of the widths of the two intervals."""
    ratios = []
    for common, own in zip(*np.random.default_rng(0).standard_normal((2, draws, 2, seeds)), strict=True):
        of, to = 10 + math.sqrt(correlation) * common[0] + math.sqrt(1 - correlation) * own
        cells = {"of": dict(enumerate(of.tolist())), "to": dict(enumerate(to.tolist()))}
        found = pairing_efficiency(cells, PAIR, range(seeds))
        assert found is not None
        assert found.correlation == pytest.approx(np.corrcoef(of, to)[0, 1])
        ratios.append(found.width_ratio)
    return ratios


def test_pairing_costs_where_nothing_is_shared_and_gains_where_much_is() -> None:
    assert float(np.median(drawn(3, 0.0, 300))) > 1.1
    assert float(np.median(drawn(30, 0.8, 100))) == pytest.approx(math.sqrt(0.2), rel=0.1)


def test_the_report_says_so() -> None:
    old = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
    new = [value - 1 + noise for value, noise in zip(old, (0.1, -0.1, 0.2, -0.2, 0.05, -0.05), strict=True)]
    report = build_report(pair_snapshot(6, new, old, {"kind": "superior", "alpha": ALPHA}))
    (row,) = report.contrasts
    assert row.pairing_efficiency is not None
    assert row.pairing_efficiency.correlation > 0.99
    (note,) = [note for note in report.notes if note.startswith("Correlation over seeds of paired cells")]
    assert "change 1.00 (94% narrower, 6 pairs)" in note
    found = json.loads(render(report, "json"))
    assert found["contrasts"][0]["pairing_width_ratio"] == pytest.approx(row.pairing_efficiency.width_ratio, rel=1e-5)
    assert found["claims"][0]["p_sign_flip"] == 2 / 64
    lines = {line["kind"]: line for line in csv.DictReader(io.StringIO(render(report, "csv")))}
    assert (float(lines["contrast"]["pair_correlation"]) > 0.99, lines["claim"]["p_sign_flip"]) == (True, "0.03125")
    assert "Without a law (exact sign-flip test, unadjusted; it decides nothing): p = 0.031." in report.claims[0].sentence


class TestDeclaredAnalysis:
    def supported(self, analysis: str | None, effect: float, draws: int) -> int:
        """Sweeps of 3 seeds, whose cells have nothing in common, in which the claim is supported."""
        count = 0
        for of, to in np.random.default_rng(4).standard_normal((draws, 2, 3)):
            snapshot = pair_snapshot(3, (20 - effect + of).tolist(), (20 + to).tolist(), {"kind": "superior", "alpha": ALPHA})
            snapshot = dataclasses.replace(snapshot, spec=dict(snapshot.spec) | ({"analysis": analysis} if analysis else {}))
            (row,) = build_report(snapshot).claims
            assert row.rule == (analysis or "paired")
            count += row.verdict == "supported"
        return count

    def test_welch_finds_more_where_cells_share_nothing_and_keeps_the_level(self) -> None:
        draws = 200
        welch, paired = (self.supported(analysis, 3.0, draws) / draws for analysis in ("welch", "paired"))
        assert welch > paired + 0.1
        assert self.supported("welch", 0.0, draws) / draws <= ALPHA / 2 + band(draws, ALPHA / 2)
        assert self.supported(None, 3.0, 5) == self.supported("paired", 3.0, 5)

    def test_the_report_says_that_it_was_declared(self) -> None:
        snapshot = pair_snapshot(3, [1.0, 2.0, 3.5], [2.0, 3.1, 4.0])
        for analysis, said in (("welch", "not paired (Welch)"), ("paired", "paired")):
            notes = build_report(dataclasses.replace(snapshot, spec=dict(snapshot.spec) | {"analysis": analysis})).notes
            assert f"Seeds are {said}, as `analysis` of the sweep declares." in notes

    def test_changed_after_results_it_is_a_second_test(self) -> None:
        now = pair_snapshot(4, [9.0, 9.1, 9.2, 9.05], [10.0, 10.2, 10.1, 10.1], {"kind": "superior", "alpha": ALPHA})
        trials = {(outcome.variant, outcome.seed): outcome.fingerprint for outcome in now.outcomes}
        earlier = EarlierVersion("pair", "default", "feed" * 10, now.created, now.spec, trials)
        for analysis, verdict in ((None, "supported"), ("welch", "exploratory")):
            spec = dict(now.spec) | {"analysis": analysis}
            (row,) = build_report(dataclasses.replace(now, spec=spec, earlier=(earlier,))).claims
            assert row.verdict == verdict


class TestSignFlips:
    def test_it_is_scipys(self) -> None:
        values = np.random.default_rng(1).standard_normal(9) + 0.4
        other = permutation_test((values,), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf)
        assert sign_flip_p("non_inferior", values.tolist(), 0.0) == pytest.approx(other.pvalue)

    def test_it_keeps_its_level_without_a_normal_law(self) -> None:
        draws = 2_000
        rejected = sum(sign_flip_p("superior", row, 0.0) <= ALPHA for row in np.random.default_rng(2).standard_cauchy((draws, 8)).tolist())  # type: ignore[operator]
        exact = math.floor(256 * ALPHA / 2) / 256  # that it is better, which is half of the two-sided test
        assert rejected / draws == pytest.approx(exact, abs=band(draws, exact))

    def test_margins_move_the_bound(self) -> None:
        better = [1.1, 0.9, 1.2, 0.8, 1.0, 1.05]
        assert sign_flip_p("superior", better, 0.5) == 2 / 64
        assert sign_flip_p("superior", better, 2.0) == 1.0
        assert sign_flip_p("equivalent", better, 2.0) == 1 / 64
        assert sign_flip_p("equivalent", better, 1.0) > 0.3  # type: ignore[operator]

    def test_few_pairs_have_none_and_many_are_drawn(self) -> None:
        assert sign_flip_p("superior", [1.0] * 5, 0.0) is None
        many = np.random.default_rng(3).standard_normal(40) + 0.3
        other = permutation_test((many,), np.mean, permutation_type="samples", alternative="greater", n_resamples=20_000, rng=0)
        assert sign_flip_p("non_inferior", many.tolist(), 0.0) == pytest.approx(other.pvalue, abs=0.012)
