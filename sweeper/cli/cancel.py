"""`sweeper cancel`: leave a trial alone."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sweeper.settings import Settings
from sweeper.visible import one_line


def cancel(
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="A trial's name, or how it begins (see `sweeper status`).")],
    undo: Annotated[bool, typer.Option("--undo", help="Have the next run go on with it.")] = False,
) -> None:
    """Leave a trial alone: it writes a checkpoint and stops, and no run goes on with it until `--undo`."""
    from sweeper.service.cancel import cancel_trial

    Console(highlight=False, soft_wrap=True).print(Text(one_line(cancel_trial(Settings(), trial, undo=undo))))
