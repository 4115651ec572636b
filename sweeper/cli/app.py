"""The `sweeper` command: its sub-commands and the one error boundary."""

import sys
import traceback

import typer
from rich.console import Console
from rich.markup import escape

from sweeper.cli import db, extend, mlflow, plan, report, run, sample, schema, show, status, ui, why
from sweeper.cli.reader_gone import outliving_readers
from sweeper.errors import SweeperError
from sweeper.settings import concealed
from sweeper.visible import abridged, lines, one_line

app = typer.Typer(
    name="sweeper",
    help="Ablation sweeps for diffusion transformers that answer their question.",
    epilog="Everything is kept under SWEEPER_HOME (default ./.sweeper). --debug anywhere shows the traceback of an error.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (run.run, plan.plan, extend.extend, status.status, report.report, show.show, why.why, sample.sample, ui.ui, schema.schema):
    app.command()(command)
for group in (db.db, mlflow.mlflow):
    app.add_typer(group)

INTERRUPTED = 130
LONGEST = 1_500
"""Characters of a message: a name of a million letters is not repeated whole."""


def main() -> None:
    """Runs a command; every error ends in one clear line and an exit code that means something."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    with outliving_readers():
        code = run_command(arguments, debug=debug)
    sys.exit(code)


def run_command(arguments: list[str], *, debug: bool = False) -> int:
    """The exit code of a command line."""
    try:
        result = app(arguments, standalone_mode=False)
    except SweeperError as error:
        _complain(str(error), debug)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted; run the same command again to resume", debug)
        return INTERRUPTED
    except typer.Exit as exit_:
        return exit_.exit_code
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the parser; it has no words where the help was printed instead
            if said := error.format_message():
                _complain(said, debug)
            return 2
        _complain(f"a fault of sweeper itself, not of your request: {type(error).__name__}: {error}; --debug shows where", debug)
        return 1
    return result if isinstance(result, int) else 0


def _complain(message: str, debug: bool) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if debug:
        console.print(escape(lines(concealed(traceback.format_exc()))))
    console.print(f"[bold red]error:[/] {escape(abridged(one_line(concealed(message)), LONGEST))}")
