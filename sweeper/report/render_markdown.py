"""A report in GitHub-flavoured Markdown."""

from collections.abc import Iterable, Sequence

from sweeper.report import layout
from sweeper.report.escaping import markdown
from sweeper.report.rows import Report


def render_markdown(report: Report) -> str:
    """A heading, two tables, a sentence per contrast, the notes."""
    parts = [f"## Sweep {markdown(report.name)}", _facts(report), _variants(report)]
    if report.contrasts:
        parts += [f"### {markdown(layout.contrasts_heading(report))}", _contrasts(report), _sentences(report)]
    if report.effects:
        rows = (layout.effect_cells(row, report.primary.decimals, len(report.seeds)) for row in report.effects)
        parts += [f"### {markdown(layout.effects_heading(report))}", _table(layout.EFFECT_COLUMNS, rows, "lrll")]
    if report.claims:
        cells = ([" ".join(lines) for lines in layout.claim_cells(row)] for row in report.claims)
        verdicts = "\n".join(f"- **{markdown(row.name)}**: {markdown(row.sentence)}" for row in report.claims)
        parts += [f"### {markdown(layout.claims_heading(report))}", _table(layout.CLAIM_COLUMNS, cells, "lrlll"), verdicts]
    parts += ["### Notes", "\n".join(f"- {markdown(note)}" for note in report.notes)]
    return "\n\n".join(parts) + "\n"


def _facts(report: Report) -> str:
    return "\n".join(f"- {label}: {markdown(text)}" for label, text in layout.facts(report, "markdown"))


def _variants(report: Report) -> str:
    heading = ["variant", "n", *(layout.metric_heading(metric) for metric in report.metrics)]
    rows = (
        [
            " ".join(layout.name_lines(row)),
            ", ".join(layout.state_lines(row)),
            *(" ".join(layout.cell_lines(row.cells[metric.name], metric.decimals, row.finished)) for metric in report.metrics),
        ]
        for row in report.variants
    )
    return _table(heading, rows, "ll" + "r" * len(report.metrics))


def _contrasts(report: Report) -> str:
    return _table(layout.CONTRAST_COLUMNS, (layout.contrast_cells(row, len(report.seeds)) for row in report.contrasts), "lrll")


def _sentences(report: Report) -> str:
    return "\n".join(f"- **{markdown(row.name)}**: {markdown(' '.join(layout.contrast_text(row)))}" for row in report.contrasts)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]], alignment: str) -> str:
    rule = ["--:" if side == "r" else ":--" for side in alignment]
    lines = [rule, *([markdown(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [[markdown(cell) for cell in heading], *lines])
