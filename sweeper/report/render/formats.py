"""The one door to the formats of a report."""

from collections.abc import Iterator

from sweeper.errors import RequestError, nearest
from sweeper.report.render.csv import csv_parts
from sweeper.report.render.json import json_parts
from sweeper.report.render.latex import render_latex
from sweeper.report.render.markdown import render_markdown
from sweeper.report.render.terminal import render_terminal
from sweeper.report.results import Report

FORMATS = ("terminal", "markdown", "csv", "json", "latex")
WITH_STEPS = ("csv", "json")
"""Those that list every training step at which trials were evaluated, whatever the layout."""


def render(report: Report, format: str, *, width: int = 80, colour: bool = False) -> str:
    """The report as text that ends in a newline; equal reports give equal bytes, whatever the terminal and environment.

    `width` (columns) and `colour` matter to `terminal` only. Raises RequestError for a format that is not in FORMATS.
    """
    return "".join(render_parts(report, format, width=width, colour=colour))


def render_parts(report: Report, format: str, *, width: int = 80, colour: bool = False) -> Iterator[str]:
    """The same text in parts, so that a large one need not be held whole. Raises RequestError as `render` does, before the first part."""
    match format:
        case "terminal":
            return iter([render_terminal(report, width, colour)])
        case "markdown":
            return iter([render_markdown(report)])
        case "csv":
            return csv_parts(report)
        case "json":
            return json_parts(report)
        case "latex":
            return iter([render_latex(report)])
    raise RequestError(f"there is no format {format!r}{nearest(format, FORMATS)}")
