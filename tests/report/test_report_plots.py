"""Plots as files: the same bytes each time, golden SVG, whatever the names."""

import dataclasses
import os
from pathlib import Path

import pytest
from report_snapshots import MakeSnapshot, curves_of, finished, snapshot_of

from sweeper.records import SweepSnapshot
from sweeper.report.build import build_report
from sweeper.report.page import ReportPage, build_page
from sweeper.report.render.plots import write_plots

GOLDEN = Path(__file__).parent / "golden"
ALL = [f"{name}.{kind}" for name in ("contrasts", "effects", "variants", "curves") for kind in ("svg", "pdf")]


def page_with(snapshot: SweepSnapshot) -> ReportPage:
    curves = curves_of(snapshot)
    return build_page(snapshot, curves, build_report(snapshot, curves=curves))


@pytest.mark.parametrize("name", ["contrasts", "curves"])
def test_golden(default_sweep: MakeSnapshot, tmp_path: Path, name: str) -> None:
    write_plots(page_with(default_sweep()), tmp_path)
    path, drawn = GOLDEN / f"whole-{name}.svg", (tmp_path / f"{name}.svg").read_text()
    if os.environ.get("SWEEPER_WRITE_GOLDEN"):
        path.write_text(drawn)
    assert drawn == path.read_text()


def test_every_plot_as_svg_and_pdf_and_the_same_bytes_each_time(default_sweep: MakeSnapshot, tmp_path: Path) -> None:
    page = page_with(default_sweep())
    assert [path.name for path in write_plots(page, tmp_path / "a" / "deep")] == ALL
    write_plots(page, tmp_path / "b")
    for name in ALL:
        content = (tmp_path / "b" / name).read_bytes()
        assert content == (tmp_path / "a" / "deep" / name).read_bytes()
        assert content.startswith(b"%PDF" if name.endswith("pdf") else b"<?xml")
        assert b"Date" not in content
        assert b"date>" not in content


def test_what_has_nothing_to_draw_is_left_out(default_sweep: MakeSnapshot, tmp_path: Path) -> None:
    snapshot = default_sweep(seeds=1)
    assert {path.stem for path in write_plots(page_with(snapshot), tmp_path)} == {"contrasts", "effects", "variants", "curves"}
    empty = dataclasses.replace(snapshot, outcomes=(), newest_result=None)
    assert write_plots(page_with(empty), tmp_path / "empty") == []


def test_hostile_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    """A dollar sign opens no mathematics, a bracket no element, a script that the font lacks warns nobody."""
    foul = "$\\frac{1}{0}$ <script>&amp; \x1b[2J\u202e 数"
    spec = {
        "question": foul,
        "name": "hostile",
        "base": {},
        "design": {"kind": "factorial", "factors": {"f": {"levels": {foul: {}, "$": {}}}}},
        "seeds": 3,
        "metric": {"primary": "fd_digits", "direction": "lower"},
        "contrasts": [{"name": foul, "of": {"f": foul}, "to": {"f": "$"}}],
    }
    outcomes = [finished(name, seed, 10 + i + seed * i) for i, name in enumerate((foul, "$")) for seed in range(3)]
    write_plots(page_with(snapshot_of(spec, outcomes)), tmp_path)
    for name in ALL:
        assert b"<script" not in (tmp_path / name).read_bytes()
