"""Sweeps of more variants than anybody reads: what a terminal leaves out it names, and the other formats stay whole."""

import csv
import io
import json
import math
from typing import Any

import pytest
from report_snapshots import curves_of, finished, snapshot_of

from sweeper.report.build import build_report
from sweeper.report.render.csv import csv_parts
from sweeper.report.render.formats import render
from sweeper.report.render.json import json_parts
from sweeper.report.results import Report
from sweeper.stats.summaries import all_usable, summarise, usable


def report_of(variants: int, **more: Any) -> Report:
    names = [f"v{i:03}" for i in range(variants)]
    spec = {
        "question": "?",
        "name": "many",
        "base": {},
        "design": {"kind": "variants", "variants": {name: {"optimizer.learning_rate": 1e-5 * (i + 1)} for i, name in enumerate(names)}},
        "seeds": 1,
        "metric": {"primary": "fd_digits", "direction": "lower"},
        **more,
    }
    snapshot = snapshot_of(spec, [finished(name, 0, 1.0 + i) for i, name in enumerate(names)])
    return build_report(snapshot, curves=curves_of(snapshot, (10, 20)))


def test_a_terminal_shows_a_hundred_rows_and_says_where_the_rest_is() -> None:
    lines = render(report_of(103), "terminal", width=100).splitlines()
    shown = {line.split()[0] for line in lines if line.startswith("v") and not line.startswith("variant")}
    assert shown == {f"v{i:03}" for i in range(100)}
    assert lines.count("3 more rows; all of them: sweeper report many --table --format csv") == 1
    whole = render(report_of(100), "terminal", width=100)
    assert "v099" in whole
    assert "more rows" not in whole


@pytest.mark.parametrize("layout", ["factorial", "effects"])
def test_every_layout_is_cut(layout: str) -> None:
    text = render(report_of(103, report={"layout": layout}), "terminal", width=100)
    assert " more rows; all of them: sweeper report many --table --format csv" in text
    assert "v102" not in text


def test_the_other_formats_are_whole() -> None:
    report = report_of(103)
    assert {row["name"] for row in csv.DictReader(io.StringIO(render(report, "csv"))) if row["kind"] == "variant"} == {
        f"v{i:03}" for i in range(103)
    }
    for format in ("markdown", "latex"):
        assert "v102" in render(report, format)


def test_json_of_many_variants_is_one_line_of_the_same_shape() -> None:
    few, many = render(report_of(100), "json"), render(report_of(101), "json")
    assert few.count("\n") > 1000
    assert many.count("\n") == 1
    few_rows, many_rows = json.loads(few)["variants"], json.loads(many)["variants"]
    assert many_rows[:100] == few_rows
    assert list(many_rows[0]["steps"]["fd_digits"]) == ["10", "20"]


def test_csv_and_json_come_in_parts_of_a_few_variants() -> None:
    report = report_of(1_500)
    for parts in (json_parts(report), csv_parts(report)):
        sizes = [len(part) for part in parts]
        assert len(sizes) > 5
        assert max(sizes) < sum(sizes) / 2


def test_sentences_go_with_their_rows() -> None:
    more = {"contrasts": [{"name": f"v{i:03} against the first", "of": f"v{i:03}", "to": "v000"} for i in range(1, 150)]}
    text = render(report_of(150, **more), "terminal", width=100)
    assert "v100 against the first" in text
    assert "v101 against the first" not in text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e100, -1e300, 1.7e308])
def test_one_unusable_value_among_usable_ones_is_seen(value: float) -> None:
    assert not usable(value)
    assert not all_usable([1.0, value, 2.0])
    assert summarise({0: 1.0, 1: value, 2: 2.0}).by_seed == {0: 1.0, 2: 2.0}


def test_usable_values_are_usable_together() -> None:
    assert all_usable([])
    assert all_usable([0.0, -1e99, 1e-300, 5e98])
