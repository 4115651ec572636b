"""The one door to the formats of a report."""

from sweeper.errors import RequestError, nearest
from sweeper.report.render_csv import render_csv
from sweeper.report.render_json import render_json
from sweeper.report.render_latex import render_latex
from sweeper.report.render_markdown import render_markdown
from sweeper.report.render_terminal import render_terminal
from sweeper.report.rows import Report

FORMATS = ("terminal", "markdown", "csv", "json", "latex")
WITH_STEPS = ("csv", "json")
"""Those that list every training step at which trials were evaluated, whatever the layout."""


def render(report: Report, format: str, *, width: int = 80, colour: bool = False) -> str:
    """The report as text that ends in a newline; equal reports give equal bytes, whatever the terminal and environment.

    `width` (columns) and `colour` matter to `terminal` only. Raises RequestError for a format that is not in FORMATS.
    """
    match format:
        case "terminal":
            return render_terminal(report, width, colour)
        case "markdown":
            return render_markdown(report)
        case "csv":
            return render_csv(report)
        case "json":
            return render_json(report)
        case "latex":
            return render_latex(report)
    raise RequestError(f"there is no format {format!r}{nearest(format, FORMATS)}")
