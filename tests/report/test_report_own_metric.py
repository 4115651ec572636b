"""A metric of the user's own in a report: its label, direction and digits in every format, in contrasts and in claims."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from report_snapshots import finished, snapshot_of

from sweeper.records import SweepSnapshot, TrialCurves
from sweeper.report.build import build_report
from sweeper.report.page import build_page
from sweeper.report.render.charts import claim_plots
from sweeper.report.render.formats import render

OWN = {"name": "sharp", "kind": "nowhere.Sharp", "direction": "higher", "label": "sharp edges", "decimals": 1}
VALUES = {"old": (1.25, 1.5, 1.75), "new": (2.25, 2.375, 2.875)}


@pytest.fixture
def snapshot() -> SweepSnapshot:
    return stored(VALUES, OWN)


def stored(values: Mapping[str, Sequence[float]], own: dict[str, Any], **claim: Any) -> SweepSnapshot:
    """A sweep from a store, so the module of the metric need not be there."""
    spec = {
        "question": "Is new sharper?",
        "name": "pair",
        "base": {"evaluation": {"own_metrics": [own]}},
        "design": {"kind": "variants", "variants": {"old": {}, "new": {"depth": 2}}},
        "seeds": len(values["old"]),
        "metric": {"primary": "held_out_loss"},
        "contrasts": [{"name": "sharper", "of": "new", "to": "old", "metric": "sharp", "kind": "superior", "alpha": 0.05} | claim],
    }
    outcomes = [
        finished(name, seed, 0, metrics={"held_out_loss": 0.5 + seed / 100, "sharp": value})
        for name, by_seed in values.items()
        for seed, value in enumerate(by_seed)
    ]
    return snapshot_of(spec, outcomes)


def test_its_label_direction_and_verdict_are_in_every_format(snapshot: SweepSnapshot) -> None:
    report = build_report(snapshot)
    assert [(metric.name, metric.direction) for metric in report.metrics] == [("held_out_loss", "lower"), ("sharp", "higher")]
    assert report.claims[0].verdict == "supported", "more of what is better higher"
    table = render(report, "markdown")
    assert "| ↓ held-out loss" in table
    assert "| ↑ sharp edges" in table
    assert "1.5 ± 0.6" in table
    row = next(row for row in csv.DictReader(io.StringIO(render(report, "csv"))) if row["kind"] == "claim")
    assert (row["metric"], row["direction"], row["verdict"]) == ("sharp", "higher", "supported")
    sweep = json.loads(render(report, "json"))["sweep"]
    assert {"name": "sharp", "direction": "higher", "label": "sharp edges"}.items() <= sweep["metrics"][1].items()
    assert [plot.label for plot in claim_plots(report)] == ["held-out loss", "held-out loss, in %", "sharp edges", "sharp edges, in %"]


def test_the_other_way_round_it_is_refuted(snapshot: SweepSnapshot) -> None:
    snapshot.spec["base"]["evaluation"]["own_metrics"][0] = OWN | {"direction": "lower"}
    assert build_report(snapshot).claims[0].verdict != "supported"


def test_a_value_of_0_has_no_log_and_no_bootstrap_and_the_report_comes() -> None:
    """An older store may hold one of a metric that was said to be positive."""
    values = {"old": (1.25, 1.5, 1.75, 1.5, 1.375, 0.0), "new": (2.25, 2.375, 2.875, 2.5, 2.75, 2.625)}
    share = stored(values, OWN | {"positive": True}, margin="2%")
    share.spec["analysis"] = "welch"
    (claim,) = build_report(share).claims
    assert (claim.on_log, claim.rule, claim.bootstrap) == (True, "welch", None)


def test_the_page_has_its_curves(snapshot: SweepSnapshot) -> None:
    evaluations = {"sharp": {400: 1.0, 800: 2.0}}
    curves = {outcome.fingerprint: TrialCurves({}, evaluations) for outcome in snapshot.outcomes}
    page = build_page(snapshot, curves, build_report(snapshot, curves=curves))
    assert [(curve.metric.label, curve.variant) for curve in page.curves] == [("sharp edges", "old"), ("sharp edges", "new")]
