"""`sweeper ui`: the MLflow pages of everything that has run."""

import os
import sys
from typing import Annotated

import typer
from rich.console import Console

from sweeper.settings import Settings


def ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
) -> None:
    """Open the MLflow UI on the sweeps of SWEEPER_HOME; Ctrl-C ends it."""
    from sweeper.tracking.ui import ui_command

    settings = Settings()
    arguments, environment = ui_command(settings.tracking_uri, settings.artifacts / "mlflow", host, port)
    Console(highlight=False).print(f"MLflow at http://{host}:{port} in some seconds; Ctrl-C ends it")
    sys.stdout.flush()
    os.execve(arguments[0], arguments, environment)  # the server takes this process over, and with it every signal
