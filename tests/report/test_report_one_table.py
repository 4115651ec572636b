"""The one table of contrasts: what it says of a claim agrees with the claim's own seeds, fits a terminal, and loses no row in plots."""

import dataclasses
from typing import Any

from report_snapshots import FD, claims_spec, finished, pair_snapshot, snapshot_of

from sweeper.report.build import build_report
from sweeper.report.render.charts import drawn_of
from sweeper.report.render.formats import render
from sweeper.report.results import Report
from sweeper.spec.report_template import ReportTemplate

SUPERIOR: dict[str, Any] = {"kind": "superior", "alpha": 0.05}
OF, TO = [9.1, 9.1, 9.1, 10.2, 10.3, 10.1, 10.6, 10.4], [10.0, 10.1, 10.2, 10.0, 10.1, 10.2, 10.0, 10.1]


def markdown(report: Report) -> str:
    return render(report, "markdown").replace("\\_", "_")


def with_spec(snapshot: Any, **changed: Any) -> Report:
    return build_report(dataclasses.replace(snapshot, spec=dict(snapshot.spec) | changed))


def test_the_difference_in_units_says_over_which_seeds_where_the_claim_stands_at_fewer() -> None:
    looks = {"max_seeds": 8, "looks": [3, 5, 8], "spending": "pocock"}
    text = markdown(with_spec(pair_snapshot(8, OF, TO, SUPERIOR), sequential=looks))
    assert "3 paired seeds" in text
    assert "In units of fd_digits, over 8 seeds: -0.22." in text
    assert "In units of fd_digits: -1.00." in markdown(build_report(pair_snapshot(3, OF[:3], TO[:3], SUPERIOR)))


def test_an_estimate_without_an_interval_is_still_there_in_units() -> None:
    text = markdown(build_report(pair_snapshot(3, [0.90, 0.92], [0.85, 0.86], SUPERIOR, metric="class_accuracy")))
    assert "In units of class_accuracy, over 2 seeds: 0.055." in text


def test_an_unfinished_report_is_one_table_in_80_columns() -> None:
    report = build_report(snapshot_of(claims_spec(10), [finished(name, seed, FD[name][seed]) for name in FD for seed in range(3)]))
    text = render(report, "terminal", width=80)
    table = text[text.index("Contrasts") :].split("\n\n")[1]
    assert "verdict" in table
    assert "interim" in table
    assert max(map(len, text.splitlines())) <= 80


def test_plots_show_the_first_claims_however_many_contrasts_come_before() -> None:
    plain = [{"of": "new", "to": "old", "name": f"plain {number}"} for number in range(100)]
    claim = {"of": "new", "to": "old", "name": "the claim"} | SUPERIOR
    drawn = drawn_of(with_spec(pair_snapshot(3, OF[:3], TO[:3], SUPERIOR), contrasts=[*plain, claim]))
    assert [row.name for row in drawn.claims] == ["the claim"]
    assert len(drawn.differences) == 101


def test_a_metric_without_a_better_side_takes_a_name_without_an_arrow() -> None:
    outcomes = [finished(name, seed, value) for name, values in {"new": OF, "old": TO}.items() for seed, value in enumerate(values[:3])]
    chosen = [dataclasses.replace(outcome, metrics=dict(outcome.metrics) | {"guidance_scale": 1.5}) for outcome in outcomes]
    spec = pair_snapshot(3, OF[:3], TO[:3], SUPERIOR).spec
    names = {"guidance_scale": "w", "fd_digits": "FD"}
    (heading,) = [
        line
        for line in render(build_report(snapshot_of(dict(spec), chosen), template=ReportTemplate(names=names)), "markdown").splitlines()
        if line.startswith("| variant")
    ]
    assert "| w |" in heading
    assert "| ↓ FD |" in heading
