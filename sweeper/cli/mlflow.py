"""`sweeper mlflow`: the copy of the results that people browse."""

import typer

from sweeper.settings import Settings

mlflow = typer.Typer(name="mlflow", help="The copy of the results in MLflow.", no_args_is_help=True)


@mlflow.callback()
def _group() -> None:
    """The copy of the results in MLflow."""


@mlflow.command()
def sync() -> None:
    """Rebuild in MLflow what it lacks (a new or restored server, a lost mlflow.db), from the store; nothing appears twice."""
    from sweeper.service.sync_mlflow import sync_mlflow

    sync_mlflow(Settings(), say=lambda line: print(line, flush=True))
