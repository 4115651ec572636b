"""2607.02508's four cells at 800K steps (FID of 10,000 samples, one run each, seeds unreported), with an assumed spread over seeds of 1.3%.

What one run per cell can say of its central question: nothing that an interval would not take back.
"""

from typing import Any

import pytest
from report_snapshots import snapshot_of

from sweeper.records import TrialOutcome
from sweeper.report.build import build_report
from sweeper.report.results import Report
from sweeper.stats.sample_size import SeedCount

FID = {"single/none": 26.34, "single/full": 25.81, "dual/none": 25.19, "dual/full": 25.06}
SPEC: dict[str, Any] = {
    "question": "Noise-level augmentation or token interaction?",
    "name": "published",
    "base": {"preset": "B/2"},
    "design": {
        "kind": "factorial",
        "factors": {
            "timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]},
            "separation": {"path": "attention.separation", "levels": ["none", "full"]},
        },
    },
    "seeds": 1,
    "metric": {"primary": "fid", "direction": "lower", "assumed_cv": "1.3%"},
    "contrasts": [
        {"name": "dual timesteps", "of": {"timesteps": "dual"}, "to": {"timesteps": "single"}},
        {"name": "separation", "of": {"separation": "full"}, "to": {"separation": "none"}},
        {
            "name": "separation under dual",
            "of": {"separation": "full"},
            "to": {"separation": "none"},
            "holding": {"timesteps": "dual"},
            "kind": "non_inferior",
            "alpha": 0.05,
            "margin": "2%",
        },
        {
            "name": "factor interaction",
            "weights": {"dual/full": 1, "dual/none": -1, "single/full": -1, "single/none": 1},
            "kind": "no_interaction",
            "alpha": 0.05,
            "margin": "2%",
        },
    ],
}


@pytest.fixture(scope="module")
def published() -> Report:
    outcomes = [TrialOutcome(name, {}, 0, name, 800_000, "finished", metrics={"fid": fid}) for name, fid in FID.items()]
    return build_report(snapshot_of(SPEC, outcomes))


@pytest.mark.parametrize(
    ("name", "estimate", "low", "high"),
    [("dual timesteps", -0.95, -1.60, -0.30), ("separation", -0.33, -0.98, 0.32), ("factor interaction", 0.40, -0.90, 1.70)],
)
def test_contrasts_with_an_assumed_spread(published: Report, name: str, estimate: float, low: float, high: float) -> None:
    (row,) = [row for row in published.contrasts if row.name == name]
    assert row.estimate == pytest.approx(estimate, abs=0.005)
    assert row.interval is not None
    assert (row.interval.low, row.interval.high) == pytest.approx((low, high), abs=0.01)
    assert (row.summary.rule, row.summary.n) == ("assumed", 1)
    assert "assumed CV of 1.3%" in row.sentence


def test_both_claims_are_inconclusive_and_say_what_would_settle_them(published: Report) -> None:
    separation, interaction = published.claims
    assert (separation.verdict, interaction.verdict) == ("inconclusive", "inconclusive")
    assert (separation.rule, separation.seeds) == ("assumed", 1)
    assert (separation.more_if_zero, separation.more_if_estimate) == (SeedCount(7, 7, 7), SeedCount(5, 5, 5))
    assert (interaction.more_if_zero, interaction.more_if_estimate) == (SeedCount(18, 18, 18), SeedCount(245, 245, 245))
    assert (separation.p, interaction.p) == (None, None), "one run a cell measures no spread, so nothing is tested"


def test_in_words(published: Report) -> None:
    assert [row.sentence for row in published.claims] == [
        "Inconclusive: separation=full is not worse than separation=none at timesteps=dual by more than 2%. Relative change of"
        " fid: -0.5% [-3.5%, 2.5%] (90% interval, normal with an assumed CV of 1.3%, 1 seed a cell)."
        " About 7 more seeds per cell would decide it (power .8) if the true effect is zero, about 5"
        " more seeds per cell if it is the estimate.",
        "Inconclusive: the interaction +1*dual/full -1*dual/none -1*single/full +1*single/none is less than 2%. Relative change"
        " of fid: 1.5% [-2.7%, 6.0%] (90% interval, normal with an assumed CV of 1.3%, 1 seed a cell)."
        " About 18 more seeds per cell would decide it (power .8) if the true effect is zero, about"
        " 245 more seeds per cell if it is the estimate.",
    ]


def test_what_is_assumed_is_said(published: Report) -> None:
    assert "With fewer than 3 seeds an interval is normal and its spread over seeds assumed, not measured: n, assumed." in published.notes
    assert [row.cells["fid"].rule for row in published.variants] == ["assumed"] * 4
