"""`sweeper report --published`: from the program alone, without a store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored_sweep import store_sweep

CELLS = "2607.02508-cells"
BADGE = "FID-10K · no guidance · ImageNet 256 · seeds unreported"


def test_a_published_set_is_reported_where_nothing_ran(sweeper: Callable[..., Any], home: Path) -> None:
    said = sweeper("report", "--published", "2607.02508-cells", "--step", "400000")
    assert (said.code, said.err) == (0, "")
    assert "sweeper report --published 2607.02508-cells --step 400000" in said.out
    assert "Figures of another protocol are never subtracted from these." in " ".join(said.out.split())
    assert not home.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--published", "2607.02508-cell"], '--published 2607.02508-cell: there is no such set; did you mean "2607.02508-cells"?'),
        (["--step", "5"], "--step belongs to --published; give the name of a published set, or leave it out"),
        (["--published", "2607.02508-cells", "--beside", "2607.02508-cells"], "--published shows figures of papers, not a stored sweep;"),
        (["noise", "--published", "2607.02508-cells"], "--published shows figures of papers, not a stored sweep; leave SWEEP,"),
        (["--published", "2607.02508-cells", "--allow-mixed", "device"], "--published shows figures of papers, not a stored sweep;"),
    ],
)
def test_what_is_no_published_set_is_refused(refused: Callable[..., str], words: list[str], message: str) -> None:
    assert refused("report", *words).startswith(message)


def test_published_rows_beside_a_sweep(sweeper: Callable[..., Any], home: Path) -> None:
    store_sweep()
    said = sweeper("report", "--format", "markdown", "--beside", CELLS, "--beside", CELLS)
    assert (said.code, said.err) == (0, "")
    assert said.out.count(BADGE) == 4, "a set is shown once"
    assert f"--beside {CELLS}" in said.out
    assert "Published figures" not in sweeper("report").out
    page = sweeper("report", "--format", "html", "--beside", CELLS, "--output", "report.html")
    assert (page.code, page.err) == (0, "")
    assert Path("report.html").read_text().count(f'<span class="badge">{BADGE}</span>') == 4


def test_a_sweep_file_names_them_by_profile(sweeper: Callable[..., Any], home: Path) -> None:
    store_sweep(profile=None)
    store_sweep()
    path = Path("sweep.yaml")
    text = path.read_text().replace("  smoke: #", f"  smoke:\n    report: {{published: [{CELLS}]}} #", 1)
    path.write_text(text)
    assert BADGE in sweeper("report", "sweep.yaml", "--format", "markdown", "--profile", "smoke").out
    assert BADGE in sweeper("report", "sweep.yaml", "--format", "markdown").out, "the one that ran last"
    assert BADGE not in sweeper("report", "sweep.yaml", "--format", "markdown", "--profile", "default").out
    store_sweep()
    assert BADGE in sweeper("report", "--format", "markdown").out, "the version that ran again, as its file says now"


def test_an_unknown_set_is_refused_before_anything_starts(sweeper: Callable[..., Any], refused: Callable[..., str], home: Path) -> None:
    for words in (["plan", "sweep.yaml"], ["run", "sweep.yaml"]):
        said = refused(*words, "--set", "report.published=[2607.02508-cell]")
        assert said == f'sweep.yaml: report.published 2607.02508-cell: there is no such set; did you mean "{CELLS}"?'
    twice = refused("plan", "sweep.yaml", "--set", f"report.published=[{CELLS}, {CELLS}]")
    assert f"published: '{CELLS}' appears twice; a set is shown once" in twice
    store_sweep()
    said = sweeper("report", "--beside", "2607.02508-cell")
    assert (said.code, said.out) == (2, "")
    assert said.err == f'error: --beside 2607.02508-cell: there is no such set; did you mean "{CELLS}"?\n'
