"""`sweeper db`: the database that keeps the results."""

import typer

from sweeper.service.opening import upgraded_store
from sweeper.settings import Settings

db = typer.Typer(name="db", help="The database that keeps the results.", no_args_is_help=True)


@db.callback()
def _group() -> None:
    """The database that keeps the results."""


@db.command()
def upgrade() -> None:
    """Bring a database of an older version of sweeper up to date; every result is kept. Let its runs end first."""
    done = upgraded_store(Settings())
    if done.before == done.after:
        print(f"{done.place} is up to date (schema {done.after})")
    else:
        print(f"{done.place}: schema {done.before or 'none'} -> {done.after}; every result is kept")
