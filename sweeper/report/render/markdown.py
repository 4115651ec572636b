"""A report in GitHub-flavoured Markdown."""

from collections.abc import Iterable, Sequence

from sweeper.report.render import wording
from sweeper.report.render.escaping import markdown
from sweeper.report.render.report_tables import tables_of
from sweeper.report.render.table import Cell, Table
from sweeper.report.results import Report


def render_markdown(report: Report) -> str:
    """A heading, the tables with a sentence per contrast, the notes."""
    parts = [f"## Sweep {markdown(report.name)}", _facts(report)]
    for table in tables_of(report):
        parts += [f"### {markdown(table.title)}"] if table.title else []
        parts += [_table(table)]
        parts += (
            ["\n".join(f"- **{markdown(name)}**: {markdown(' '.join(lines))}" for name, lines in table.details)] if table.details else []
        )
    parts += ["### Notes", "\n".join(f"- {markdown(note)}" for note in report.notes)]
    return "\n\n".join(parts) + "\n"


def _facts(report: Report) -> str:
    return "\n".join(f"- {label}: {markdown(text)}" for label, text in wording.facts(report, "markdown"))


def _table(table: Table) -> str:
    heading = _line(markdown(column.heading) for column in table.columns)
    rule = _line("--:" if column.kind == "number" else ":--" for column in table.columns)
    return "\n".join([heading, rule, *(_line(_cells(row.cells)) for row in table.rows)])


def _cells(cells: Sequence[Cell]) -> Iterable[str]:
    return (f"**{markdown(cell.text)}**" if cell.strong else markdown(cell.text) for cell in cells)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
