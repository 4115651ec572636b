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
    from sweeper.service.optuna_storage import dashboard_command
    from sweeper.tracking.artifact_locations import follow_home
    from sweeper.tracking.failures import TrackingAway
    from sweeper.tracking.ui import announcement, ui_command

    settings = Settings()
    arguments, environment = ui_command(settings.tracking_uri, settings.artifacts / "mlflow", host, port)
    try:
        follow_home(settings.tracking_uri, settings.artifacts / "mlflow")
    except TrackingAway as away:  # the numbers are shown all the same
        note = (
            f"{away}; of a home that was moved here, MLflow shows no files: copy it to a folder of yours, and set SWEEPER_HOME to the copy"
        )
        Console(highlight=False).print(note, markup=False, soft_wrap=True)
    for line in announcement(host, port):
        Console(highlight=False).print(line, markup=False, soft_wrap=True)
    if searches := dashboard_command(settings):
        Console(highlight=False).print(f"searches in Optuna's own pages: {searches}", markup=False, soft_wrap=True)
    sys.stdout.flush()
    os.execve(arguments[0], arguments, environment)  # the server takes this process over, and with it every signal
