"""The formats of a report, by the names that `sweeper report --format` takes. To add one: a file beside this one, and its line here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import RequestError, nearest
from sweeper.report.page import ReportPage
from sweeper.report.render.csv import csv_parts
from sweeper.report.render.html import render_html
from sweeper.report.render.json import json_parts
from sweeper.report.render.latex import render_latex
from sweeper.report.render.markdown import render_markdown
from sweeper.report.render.plots import write_plots
from sweeper.report.render.sample_grids import write_grids
from sweeper.report.render.terminal import render_terminal
from sweeper.report.results import Report


@dataclass(frozen=True)
class TextFormat:
    """A report as one text that ends in a newline."""

    parts: Callable[[ReportPage, int, bool], Iterator[str]]
    """The text in parts, so that a large one need not be held whole. The width (columns) and whether colours are asked for matter to a
    terminal alone."""
    whole_page: bool = False
    """Whether it shows trials, curves and samples beside the report, and so needs more of the store than the report."""
    every_step: bool = False
    """Whether it lists every training step at which trials were evaluated, whatever the layout."""


@dataclass(frozen=True)
class FolderFormat:
    """A report as files in a folder, which is made when it is not there."""

    write: Callable[[ReportPage, Path], list[Path]]
    """The files written; OSError when the folder cannot be written."""
    whole_page: bool = True
    every_step: bool = False


PLOTS = FolderFormat(lambda page, folder: [*write_plots(page, folder), *write_grids(page.grids, folder)])
FORMATS: Mapping[str, TextFormat | FolderFormat] = {
    "terminal": TextFormat(lambda page, width, colour: iter([render_terminal(page.report, width, colour)])),
    "markdown": TextFormat(lambda page, width, colour: iter([render_markdown(page.report)])),
    "csv": TextFormat(lambda page, width, colour: csv_parts(page.report), every_step=True),
    "json": TextFormat(lambda page, width, colour: json_parts(page.report), every_step=True),
    "latex": TextFormat(lambda page, width, colour: iter([render_latex(page.report)])),
    "html": TextFormat(lambda page, width, colour: iter([render_html(page)]), whole_page=True),
    "plots": PLOTS,
}
TABLE_FORMATS = tuple(name for name, format in FORMATS.items() if not format.whole_page)
"""Those that show the report alone."""


def render(report: Report | ReportPage, format: str, *, width: int = 80, colour: bool = False) -> str:
    """The report as text that ends in a newline; equal reports give equal bytes, whatever the terminal and environment.

    `width` (columns) and `colour` matter to `terminal` only. Raises RequestError for a format that is none of FORMATS, or no text.
    """
    return "".join(render_parts(report, format, width=width, colour=colour))


def render_parts(report: Report | ReportPage, format: str, *, width: int = 80, colour: bool = False) -> Iterator[str]:
    """The same text in parts, so that a large one need not be held whole. Raises RequestError as `render` does, before the first part."""
    chosen = FORMATS.get(format)
    if not isinstance(chosen, TextFormat):
        raise RequestError(f"there is no text format {format!r}{nearest(format, FORMATS)}")
    return chosen.parts(report if isinstance(report, ReportPage) else ReportPage(report, (), ()), width, colour)
