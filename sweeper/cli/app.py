"""The `sweeper` command: its sub-commands and the one error boundary."""

import importlib.metadata
import platform
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from sweeper.cli import (
    analyse,
    cancel,
    check,
    data,
    db,
    delete,
    evaluate,
    export,
    export_weights,
    extend,
    import_,
    init,
    list_,
    mlflow,
    plan,
    prune,
    report,
    run,
    sample,
    schema,
    show,
    status,
    ui,
    why,
)
from sweeper.cli.characters import replace_unknown
from sweeper.cli.reader_gone import outliving_readers
from sweeper.errors import SpecError, SweeperError, unexpected
from sweeper.settings import concealed
from sweeper.visible import abridged, lines, one_line


class _Interruptible(TyperGroup):
    """Typer would end a command on Ctrl-C with an exit code and no word."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """As the group, with Ctrl-C as typer.Abort."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Abort from error


app = typer.Typer(
    name="sweeper",
    cls=_Interruptible,
    epilog="Everything is kept under SWEEPER_HOME (default ./.sweeper). --debug anywhere shows the traceback of an error.",
    no_args_is_help=True,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)
COMMANDS: tuple[Callable[..., int | None], ...] = (
    run.run,
    init.init,
    check.check,
    plan.plan,
    extend.extend,
    status.status,
    list_.list_,
    report.report,
    show.show,
    why.why,
    sample.sample,
    evaluate.evaluate,
    analyse.analyse,
    export_weights.export_weights,
    ui.ui,
    cancel.cancel,
    prune.prune,
    delete.delete,
    export.export,
    import_.import_,
    schema.schema,
)
for command in COMMANDS:
    app.command(command.__name__.rstrip("_").replace("_", "-"))(command)
for group in (data.data, db.db, mlflow.mlflow):
    app.add_typer(group)


@app.callback()
def _sweeper(version: Annotated[bool, typer.Option("--version", help="Print the version, and those of what it runs on.")] = False) -> None:
    """Ablation sweeps for diffusion transformers that answer their question."""
    if version:
        on = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "ray", "mlflow"))
        print(f"sweeper {importlib.metadata.version('sweeper')} (Python {platform.python_version()}, {on})")
        raise typer.Exit


INTERRUPTED = 130
LONGEST = 1_500
"""Characters of a message: a name of a million letters is not repeated whole."""


def main() -> None:
    """Runs a command; every error ends in one clear line and an exit code that means something."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    for stream in (sys.stdout, sys.stderr):
        replace_unknown(stream)
    with outliving_readers():
        code = run_command(arguments, debug=debug)
    sys.exit(code)


def run_command(arguments: list[str], *, debug: bool = False) -> int:
    """The exit code of a command line."""
    try:
        result = app(arguments, standalone_mode=False)
    except SpecError as error:
        if len(error.faults) == 1:
            _complain(str(error), debug)
        else:
            _complain(": ".join(filter(None, (error.place, error.heading))), debug, error.faults)
        return error.exit_code
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
        foreseen = unexpected(error)
        _complain(str(foreseen), debug)
        return foreseen.exit_code
    return result if isinstance(result, int) else 0


def _complain(message: str, debug: bool, more: Sequence[str] = ()) -> None:
    """One line, and one below it for each of `more`."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if debug:
        console.print(escape(lines(concealed(traceback.format_exc()))))
    console.print(f"[bold red]error:[/] {_shown(message)}")
    for one in more:
        console.print(f"  {_shown(one)}")


def _shown(message: str) -> str:
    return escape(abridged(one_line(concealed(message)), LONGEST))
