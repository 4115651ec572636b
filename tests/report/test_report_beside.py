"""Published rows beside a sweep's own: under their protocol, in tables of their own, and in no number of the sweep."""

import csv
import dataclasses
import io

import pytest
from report_snapshots import MakeSnapshot, claims_spec

from sweeper.errors import RequestError
from sweeper.records import SweepSnapshot
from sweeper.report.build import build_report
from sweeper.report.published import published_names
from sweeper.report.published_sets import badge_of, published_set
from sweeper.report.render.formats import render
from sweeper.report.render.report_tables import tables_of
from sweeper.report.results import Report
from sweeper.spec.report_template import LAYOUTS, Layout

CELLS = "2607.02508-cells"


def of_fid(snapshot: SweepSnapshot) -> SweepSnapshot:
    """The same sweep, judged by the metric that the papers print."""
    outcomes = tuple(dataclasses.replace(o, metrics={"fid": o.metrics["fd_digits"]} if o.metrics else {}) for o in snapshot.outcomes)
    return dataclasses.replace(snapshot, spec={**snapshot.spec, "metric": {"primary": "fid", "direction": "lower"}}, outcomes=outcomes)


def beside(snapshot: SweepSnapshot, *names: str) -> Report:
    return build_report(dataclasses.replace(snapshot, spec={**snapshot.spec, "report": {"published": list(names)}}))


@pytest.mark.parametrize(
    ("protocol", "badge"),
    [
        (
            {"samples": "10000", "guidance": "off", "data": "imagenet256", "seeds": "unreported"},
            ("FID-10K · no guidance", "ImageNet 256 · seeds unreported"),
        ),
        (
            {"samples": "50000", "guidance": "cfg, scale unreported", "data": "imagenet512", "seeds": "3"},
            ("FID-50K · guidance cfg, scale unreported", "ImageNet 512 · 3 seeds"),
        ),
        (
            {"samples": "2500", "guidance": "off", "data": "svhn", "seeds": "1"},
            ("FID of 2,500 samples · no guidance", "svhn · 1 seed"),
        ),
    ],
)
def test_a_badge(protocol: dict[str, str], badge: tuple[str, str]) -> None:
    assert badge_of(protocol) == badge


@pytest.mark.parametrize("name", published_names())
def test_every_set_can_stand_beside_a_sweep(name: str, default_sweep: MakeSnapshot) -> None:
    (table,) = (table for table in tables_of(beside(default_sweep(), name)) if table.apart)
    assert len(table.rows) == len(published_set(name).rows) > 1
    assert all(row.cells[-1].badge and row.cells[-1].lines == published_set(name).badge for row in table.rows)
    assert all(len(row.cells) == len(table.columns) for row in table.rows)


def test_rows_have_the_names_figures_and_steps_of_the_paper() -> None:
    first = published_set(CELLS).rows[0]
    assert (first.name, first.variant, first.step) == ("SRA", "single/none", 800_000)
    assert first.metrics == {"fid": 26.34, "inception_score": 63.86}
    steps = [row.step for row in published_set("2607.02508-systems-256").rows]
    assert steps == [7_000_000, 7_000_000, 4_000_000, 4_000_000, 4_000_000, 4_000_000], "each at its own where they have none in common"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_number_of_the_sweep_knows_of_them(layout: Layout, default_sweep: MakeSnapshot) -> None:
    """Even where the sweep is judged by the same metric: its rows, contrasts, effects, claims and notes stay what they are."""
    snapshot = of_fid(default_sweep(spec=claims_spec(3)))
    alone, with_them = build_report(snapshot), beside(snapshot, CELLS)
    for part in ("variants", "contrasts", "effects", "claims", "notes", "metrics", "comparability", "snapshot"):
        assert getattr(with_them, part) == getattr(alone, part), part
    shown, plain = (
        tables_of(dataclasses.replace(report, template=report.template.model_copy(update={"layout": layout})))
        for report in (with_them, alone)
    )
    assert [table for table in shown if not table.apart] == plain
    assert [table.title for table in shown if table.apart] == [f"Published figures, not of this sweep: {CELLS}"]


def test_a_cell_of_csv_holds_figures_of_one_protocol(default_sweep: MakeSnapshot) -> None:
    rows = list(csv.DictReader(io.StringIO(render(beside(of_fid(default_sweep()), CELLS), "csv"))))
    published = [row for row in rows if row["kind"] == "published"]
    assert len(published) == 4 * 2
    assert {(row["estimate"], row["n"], row["planned"]) for row in published} == {("", "", "")}
    assert not any(row["published_value"] or row["protocol"] for row in rows if row["kind"] != "published")
    assert {row["protocol"] for row in published} == {"FID-10K · no guidance · ImageNet 256 · seeds unreported"}


def test_an_unknown_set_is_answered_with_the_nearest(default_sweep: MakeSnapshot) -> None:
    with pytest.raises(RequestError) as refused:
        beside(default_sweep(), "2607.02508-cell")
    assert str(refused.value) == 'report.published 2607.02508-cell: there is no such set; did you mean "2607.02508-cells"?'


def test_the_command_asks_for_what_the_stored_sweep_does_not_name(default_sweep: MakeSnapshot) -> None:
    named = beside(default_sweep(), CELLS)
    assert "--beside" not in named.command
    asked = build_report(default_sweep(), template=named.template)
    assert asked.command == f"sweeper report noise_aug_vs_interaction --table --beside {CELLS}"
