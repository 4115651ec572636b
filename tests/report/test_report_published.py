"""Published figures analysed as data sets of their own: every row is there as the papers print it, and no protocol meets another."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.errors import RequestError
from sweeper.report.build import build_report
from sweeper.report.published import published_names, published_notes, published_snapshot, published_steps
from sweeper.report.render.formats import render
from sweeper.report.results import Report
from sweeper.service.report_published import read_published

CELLS = "2607.02508-cells"


def contrast(report: Report, name: str) -> tuple[float, float, float]:
    (row,) = (row for row in report.contrasts if row.name == name)
    assert row.estimate is not None
    assert row.interval is not None
    return row.estimate, row.interval.low, row.interval.high


@pytest.mark.parametrize("name", published_names())
def test_every_set_has_one_protocol_and_a_report(name: str) -> None:
    snapshot = published_snapshot(name)
    protocols = {tuple(sorted(outcome.comparability.items())) for outcome in snapshot.outcomes}
    assert len(protocols) == 1
    assert {"data", "samples", "guidance", "seeds"} <= set(snapshot.outcomes[0].comparability)
    assert all(outcome.metrics["fid"] > 0 for outcome in snapshot.outcomes)
    report = read_published(name, None, None)
    assert [row.name for row in report.variants] == [outcome.variant for outcome in snapshot.outcomes]
    assert report.command == f"sweeper report --published {name}"


def test_the_four_cells_say_what_one_run_each_can_say() -> None:
    """2607.02508 at 800K steps, with an assumed spread of 1.3%: its central question is not settled."""
    report = read_published(CELLS, None, None)
    assert contrast(report, "dual-timestep effect") == pytest.approx((-0.95, -1.60, -0.30), abs=0.006)
    assert contrast(report, "factor interaction") == pytest.approx((0.40, -0.90, 1.70), abs=0.006)
    assert [(claim.name, claim.verdict) for claim in report.claims] == [
        ("separation under dual timesteps", "inconclusive"),
        ("factor interaction", "inconclusive"),
    ]
    interaction = report.claims[1]
    assert interaction.more_if_zero is not None
    assert interaction.more_if_estimate is not None
    assert interaction.more_if_zero.number == 18
    assert interaction.more_if_estimate.number == 245


@pytest.mark.parametrize("name", ["2607.02508-cells", "2505.02831-components"])
def test_golden(name: str) -> None:
    path = Path(__file__).parent / "golden" / f"published-{name}.md"
    text = render(read_published(name, None, None), "markdown")
    if os.environ.get("SWEEPER_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_a_step_is_a_protocol_of_its_own() -> None:
    assert published_steps(CELLS) == [100_000, 400_000, 600_000, 800_000]
    early = read_published(CELLS, 100_000, None)
    assert early.comparability["steps"] == ("100,000",)
    assert contrast(early, "dual-timestep effect")[0] == pytest.approx((58.16 + 58.57 - 62.95 - 62.39) / 2)
    with pytest.raises(RequestError) as refused:
        published_snapshot(CELLS, 5)
    said = f"--step 5: published set {CELLS} has no such step; it has 100,000, 400,000, 600,000, 800,000"
    assert str(refused.value) == said


def test_protocols_are_never_compared() -> None:
    """FID of 10,000 samples against FID of 50,000 has no estimate, and the field that differs is named."""
    ours, other = published_snapshot(CELLS, 400_000), published_snapshot("2505.02831-components")
    (first, *rest) = ours.outcomes
    report = build_report(replace(ours, outcomes=(replace(first, comparability=other.outcomes[0].comparability), *rest)))
    assert any("samples: 10000 (3 of 4 trials), 50000 (1 of 4 trials). Not comparable between them: FID*" in note for note in report.notes)
    across = [row for row in report.contrasts if row.weights.get(first.variant)]
    assert len(across) == 3
    assert all(row.estimate is None and "fid does not compare here" in row.sentence for row in across)
    within = [row for row in report.contrasts if not row.weights.get(first.variant)]
    assert all(row.estimate is not None for row in within)


def test_the_missing_control_is_named() -> None:
    """Whole images repaired separation; whether they help full attention as much, nobody measured."""
    report = read_published("2607.02508-ratio", None, None)
    (row,) = (row for row in report.contrasts if row.name == "whole images under separation")
    assert row.estimate == pytest.approx(24.15 - 38.19)
    assert row.caveats == (
        "Without a control whether it is particular to separation=full, ratio=0.5: ratio=0.5, separation=none, rho=0.25;"
        " ratio=0.25, separation=full, rho=0.25 and 1 more are not in the design.",
    )


def test_the_notes_say_protocol_and_seeds() -> None:
    assert published_notes(published_snapshot(CELLS)) == (
        "Protocol: model SiT-B/2; data imagenet256; samples 10000; guidance off; sampler SDE with 250 calls; seeds unreported;"
        " steps 800,000. Figures of another protocol are never subtracted from these.",
        "One published run per cell: the number of seeds is not reported, so no figure here has a spread of its own.",
    )


def test_an_unknown_set_names_the_known() -> None:
    with pytest.raises(RequestError, match=r'--published 2607\.02508-cell: there is no such set; did you mean "2607\.02508-cells"'):
        published_snapshot("2607.02508-cell")


def test_the_figures_come_with_the_package() -> None:
    import sweeper.report

    (folder,) = sweeper.report.__path__
    assert (Path(folder) / "published.yaml").is_file()
