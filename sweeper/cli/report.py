"""`sweeper report`: the table that answers the question, from the store alone."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from sweeper.cli.arguments import AllowMixed, Profile, SweepName, is_file, mixed_fields, sweep_name
from sweeper.cli.characters import write_utf8
from sweeper.cli.collecting import no_collecting
from sweeper.errors import RequestError, nearest
from sweeper.service.open_store import store_with_results
from sweeper.settings import Settings


@no_collecting()
def report(
    sweep: SweepName = None,
    profile: Profile = None,
    table: Annotated[bool, typer.Option("--table", help="Variants and contrasts as a table (the default).")] = True,
    layout: Annotated[str | None, typer.Option(help="variants, factorial, effects or claims; default: the file's `report:`.")] = None,
    format_: Annotated[str, typer.Option("--format", "-f", help="terminal, markdown, csv, json, latex, html or plots.")] = "terminal",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file (plots: folder) instead of the terminal.")
    ] = None,
    plots: Annotated[Path | None, typer.Option(help="Also write forest, effect and curve plots into this folder, as SVG and PDF.")] = None,
    allow_mixed: AllowMixed = None,
    published: Annotated[str | None, typer.Option(metavar="NAME", help="Instead of a sweep: a set of published figures.")] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Also show, apart, a published set or weights measured by `sweeper evaluate`."),
    ] = None,
    step: Annotated[int | None, typer.Option(help="With --published: at this training step; default: the last.")] = None,
) -> None:
    """Print a sweep's table: every variant with its interval over seeds, every contrast with its seed-paired difference."""
    from sweeper.report.page import ReportPage
    from sweeper.report.render.formats import FORMATS, PLOTS, TABLE_FORMATS, FolderFormat, render_parts
    from sweeper.report.results import Report
    from sweeper.service.report_sweep import read_report

    if format_ not in FORMATS:
        raise RequestError(f"--format {format_}: there is no such format{nearest(format_, FORMATS)}")
    chosen, to_terminal = FORMATS[format_], output is None and sys.stdout.isatty()
    if isinstance(chosen, FolderFormat) and output is None:
        raise RequestError(f"--format {format_} is several files; give it a folder with --output figures")
    if chosen.whole_page and to_terminal:
        raise RequestError(f"--format {format_} is a page of a megabyte; give it a file with --output report.{format_}")
    if published is not None or step is not None:
        if sweep is not None or allow_mixed or beside or plots is not None or format_ not in TABLE_FORMATS:
            pages = " and ".join(name for name in FORMATS if name not in TABLE_FORMATS)
            raise RequestError(
                f"--published shows figures of papers, not a stored sweep; leave SWEEP, --allow-mixed, --beside, --plots, {pages} out"
            )
        _write(_published(published, step, layout, format_, terminal=to_terminal), output, format_)
        return
    file, name = Path(sweep) if is_file(sweep) else None, sweep_name(sweep)
    asked: dict[str, Any] = {"allow_mixed": mixed_fields(allow_mixed), "file": file, "layout": layout, "beside": beside or ()}
    settings = Settings()
    with store_with_results(settings) as store:
        built: Report | ReportPage
        if chosen.whole_page or plots is not None:
            from sweeper.service.page import read_page, write_folder

            built = page = read_page(store, settings, name, profile, **asked, links=format_ == "html", steps=chosen.every_step)
            if plots is not None:
                write_folder(page, PLOTS, plots)
            if isinstance(chosen, FolderFormat) and output is not None:
                write_folder(page, chosen, output, "--output")
                return
        else:
            _, _, built = read_report(store, name, profile, **asked, steps=chosen.every_step, settings=settings)
        parts = render_parts(built, format_, width=_width(), colour=to_terminal)
    _write(parts, output, format_)


def _published(name: str | None, step: int | None, layout: str | None, format_: str, *, terminal: bool) -> Iterator[str]:
    from sweeper.report.render.formats import render_parts
    from sweeper.service.report_published import read_published

    if name is None:
        raise RequestError("--step belongs to --published; give the name of a published set, or leave it out")
    return render_parts(read_published(name, step, layout), format_, width=_width(), colour=terminal)


def _write(parts: Iterable[str], output: Path | None, format_: str) -> None:
    """As they come: the JSON of a hundred thousand trials is a hundred megabytes."""
    if output is None:
        if format_ != "terminal":
            write_utf8(sys.stdout)
        for part in parts:
            print(part, end="")
        return
    try:
        with output.open("w", encoding="utf-8") as file:
            file.writelines(parts)
    except OSError as error:
        raise RequestError(f"--output {output} cannot be written ({error.strerror}); give a file in an existing folder") from error


def _width() -> int:
    from rich.console import Console

    return Console().width
