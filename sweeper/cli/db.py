"""`sweeper db`: the database that keeps the results."""

import typer

from sweeper.plan.cost import bytes_in_words
from sweeper.settings import Settings
from sweeper.visible import one_line

MOST_LINES = 10
"""On what could not be read."""

db = typer.Typer(name="db", help="The database that keeps the results.", no_args_is_help=True)


@db.callback()
def _group() -> None:
    """The database that keeps the results."""


@db.command()
def upgrade() -> None:
    """Bring a database of an older version of sweeper up to date; every result is kept. Let its runs end first."""
    from sweeper.service.backups import upgrade_with_copy

    done, copy = upgrade_with_copy(Settings())
    if done.before == done.after:
        print(f"{done.place} is up to date (schema {done.after})")
    else:
        print(f"{done.place}: schema {done.before or 'none'} -> {done.after}; every result is kept")
    if copy is not None:
        print(f"a copy of it as it was: {copy.path}")


@db.command()
def backup() -> None:
    """Keep a checked copy of the store in backups/ under SWEEPER_HOME, also while sweeps run; the newest three stay."""
    from sweeper.service.backups import KEPT, back_up, backups, complete_records

    settings = Settings()
    taken = back_up(settings)
    complete_records(settings)
    print(
        f"{taken.path} ({bytes_in_words(taken.path.stat().st_size)}), checked; {len(backups(settings))} of at most {KEPT} copies are there"
    )


@db.command()
def check() -> None:
    """Say whether the store is whole, and what to do where it is not; nothing is written."""
    from sweeper.service.rebuild_store import check_store

    found = check_store(Settings())
    copy = f"the newest copy is of {found.backup.taken:%Y-%m-%d %H:%M} UTC" if found.backup else "there is no copy (sweeper db backup)"
    print(f"the store is whole: {_of(found.sweeps, 'sweep')}, {_of(found.trials, 'trial')}, {_of(found.attempts, 'attempt')}; {copy}")


@db.command()
def rebuild() -> None:
    """Make a damaged or lost store again, from the newest copy and from what the trials' folders say; the damaged files are kept."""
    from sweeper.service.rebuild_store import rebuild_store

    done = rebuild_store(Settings())
    base = f"the copy of {done.base.taken:%Y-%m-%d %H:%M} UTC" if done.base else "nothing"
    taken = done.taken
    added = f"{_of(taken.versions, 'version')} of sweeps, {_of(taken.trials, 'trial')} and {_of(len(taken.attempts), 'attempt')}"
    print(f"{done.path} is made again: from {base}, and {added} from the folders; the next run sends all of it to MLflow")
    if done.aside is not None:
        print(f"the old files are in {done.aside}")
    for line in done.missing[:MOST_LINES]:
        print(f"not read: {one_line(line)}")
    if len(done.missing) > MOST_LINES:
        print(f"not read: {len(done.missing) - MOST_LINES:,} more")


def _of(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
