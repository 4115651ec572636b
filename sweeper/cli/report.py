"""`sweeper report`: the table that answers the question, from the store alone."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import AllowMixed, Profile, SweepName, is_file, mixed_fields, sweep_name
from sweeper.errors import RequestError, nearest
from sweeper.service.opening import store_with_results
from sweeper.settings import Settings


def report(
    sweep: SweepName = None,
    profile: Profile = None,
    table: Annotated[bool, typer.Option("--table", help="Variants and contrasts as a table (the default).")] = True,
    layout: Annotated[str | None, typer.Option(help="variants, factorial or effects; default: what the file's `report:` says.")] = None,
    format_: Annotated[str, typer.Option("--format", "-f", help="terminal, markdown, csv, json or latex.")] = "terminal",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of the terminal.")] = None,
    allow_mixed: AllowMixed = None,
) -> None:
    """Print a sweep's table: every variant with its interval over seeds, every contrast with its seed-paired difference."""
    from sweeper.report.render import FORMATS, render
    from sweeper.service.report_sweep import read_report, template_of_file

    if format_ not in FORMATS:
        raise RequestError(f"--format {format_}: there is no such format{nearest(format_, FORMATS)}")
    template = template_of_file(Path(sweep)) if is_file(sweep) else None
    with store_with_results(Settings()) as store:
        mixed = mixed_fields(allow_mixed)
        _, _, built = read_report(store, sweep_name(sweep), profile, allow_mixed=mixed, template=template, layout=layout)
    terminal = output is None and sys.stdout.isatty()
    text = render(built, format_, width=_width(), colour=terminal)
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise RequestError(f"--output {output} cannot be written ({error.strerror}); give a file in an existing folder") from error


def _width() -> int:
    from rich.console import Console

    return Console().width
