"""A random search of the same space stands beside a search, where it was run; the plots for a paper."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sweeper.records import VersionRecord
from sweeper.report.build import build_report
from sweeper.report.page import build_page
from sweeper.report.random_search import random_version
from sweeper.report.render.formats import render
from sweeper.report.render.plots import write_plots
from sweeper.report.render.search_charts import RANDOM, history_rows
from sweeper.report.results import Report
from sweeper.service.report_sweep import random_beside
from sweeper.spec.factors import Level
from sweeper.store.results_store import ResultsStore
from tests.search.small_search import changed, loss, snapshot_of, spec_of

FOUND: list[dict[str, Level]] = [
    {"weight": 1.0, "layer": 1, "separation": "none"},
    {"weight": 0.5, "layer": 2, "ratio": 0.3, "separation": "full"},
    {"weight": 0.7, "layer": 3, "ratio": 0.3, "separation": "full"},
]
AT_RANDOM: list[dict[str, Level]] = [
    {"weight": 0.3, "layer": 3, "ratio": 0.3, "separation": "full"},
    {"weight": 0.3, "layer": 1, "separation": "none"},
    {"weight": 0.3, "layer": 2, "ratio": 0.3, "separation": "full"},
    {"weight": 0.5, "layer": 2, "ratio": 0.1, "separation": "full"},
]


def version(name: str, raw: dict[str, Any]) -> VersionRecord:
    return VersionRecord(name, datetime(2026, 11, 25, tzinfo=UTC), raw)


def resolved(**paths: Any) -> dict[str, Any]:
    found: dict[str, Any] = spec_of(**paths)[0].model_dump(mode="json")
    return found


def report(trials: int = 3) -> Report:
    spec, _ = spec_of(trials=trials, stopping=None)
    found, curves = snapshot_of(spec, list(FOUND))
    at_random, _ = snapshot_of(spec_of(sampler="random", stopping=None)[0], list(AT_RANDOM))
    return build_report(found, curves=curves, importances={}, random=dataclasses.replace(at_random, version="random"))


def test_the_newest_version_that_searches_the_same_at_random() -> None:
    spec, _ = spec_of()
    found, _ = snapshot_of(spec, list(FOUND))
    other_space = resolved(sampler="random", space={"weight": changed()["design"]["space"]["weight"]})
    other_base = {**resolved(sampler="random"), "seeds": [7]}
    versions = (
        version("older", resolved(sampler="random")),
        version("same", resolved(sampler="random", trials=7, stopping=None, confirm=None)),
        version("other sampler", resolved(sampler="gp")),
        version("other space", other_space),
        version("other seeds", other_base),
        version("unreadable", {"design": {"kind": "search"}}),
    )
    assert random_version(dataclasses.replace(found, versions=versions)) == "same"
    assert random_version(dataclasses.replace(found, versions=versions[2:])) is None
    itself, _ = snapshot_of(spec_of(sampler="random")[0], list(AT_RANDOM))
    assert random_version(dataclasses.replace(itself, versions=versions)) is None, "a random search is not compared with itself"


def test_it_is_found_in_a_store_for_a_report_and_for_the_end_of_a_run(tmp_path: Path) -> None:
    with ResultsStore.open(f"sqlite:///{tmp_path / 'sweeper.db'}") as store:
        for name, raw in {"random": resolved(sampler="random"), "tpe": resolved()}.items():
            store.record_sweep(name="small-search", profile="default", version=name, spec=raw, trials=[])
        found = random_beside(store, store.snapshot("small-search"))
        assert found is not None
        assert found.version == "random"
        assert found.spec["design"]["sampler"] == "random"
        assert random_beside(store, found) is None


def test_its_best_so_far_is_drawn_up_to_the_same_number_of_proposals() -> None:
    search = report().search
    assert search is not None
    rows = [row for row in history_rows(search) if row["end"] == RANDOM]
    assert [row["number"] for row in rows] == [1, 2, 3], "not the fourth"
    assert [row["hours"] for row in rows] == pytest.approx([0.01, 0.02, 0.03])
    assert [row["best"] for row in rows] == pytest.approx([loss(AT_RANDOM[0])] * 2 + [loss(AT_RANDOM[2])])
    assert [row["number"] for row in history_rows(search) if row["end"] != RANDOM] == [1, 2, 3]


@pytest.mark.parametrize("format", ["terminal", "markdown", "latex", "json"])
def test_a_note_compares_the_two(format: str) -> None:
    text = " ".join(render(report(), format, width=400).split())
    assert (
        "Random search of the same space (version random): its best held-out loss is 0.5130 after 3 proposals and 0.03 device hours" in text
    )
    assert "this search" in text


def test_the_plots_of_a_search_as_files(tmp_path: Path) -> None:
    spec, _ = spec_of(trials=3, stopping=None)
    found, curves = snapshot_of(spec, list(FOUND))
    made = report()
    names = {path.stem for path in write_plots(build_page(found, curves, made), tmp_path)}
    assert {"search", "search-hours", "slices", "parallel"} <= names
    assert "front" not in names, "one objective"
    for name in ("search", "search-hours", "slices", "parallel"):
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    with_line = (tmp_path / "search.svg").read_bytes()
    assert made.search is not None
    without = dataclasses.replace(made, search=dataclasses.replace(made.search, random=None))
    write_plots(build_page(found, curves, without), tmp_path)
    assert (tmp_path / "search.svg").read_bytes() != with_line
