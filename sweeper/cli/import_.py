"""`sweeper import`: the sweep that somebody else exported, into this store."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.waiting_events import waiting_events
from sweeper.settings import Settings
from sweeper.visible import one_line

NAMED = 3
"""Trials named in a line."""


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that `sweeper export` wrote.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check all of it and say what is new, and change nothing.")] = False,
) -> None:
    """Take a sweep that `sweeper export` wrote into this store, after checking all of it; what is here already stays as it is."""
    from sweeper.service.import_sweep import import_sweep

    done = import_sweep(Settings(), file, dry_run=dry_run)
    taken = done.taken
    counts = ((taken.versions, "version"), (taken.trials, "trial"), (len(taken.attempts), "attempt"), (done.files, "file"))
    new = [_number(count, what) for count, what in counts if count]
    new += [f"{_number(len(taken.weights), 'result')} of `sweeper evaluate`"] if taken.weights else []
    new += [f"{taken.analyses:,} {'analysis' if taken.analyses == 1 else 'analyses'} of weights"] if taken.analyses else []
    print(one_line(f"{file}: sweep {done.name} (profile {done.profile}), whole and in order"))
    print(f"new: {', '.join(new) or 'nothing'}")
    if taken.here:
        print(f"here already: {_number(taken.here, 'attempt')}")
    if done.running:
        print(f"left out: {_number(done.running, 'attempt')} that had not ended when the file was written")
    if taken.other_weights:
        print(one_line(f"other results of `sweeper evaluate` have their names here, and stay: {', '.join(taken.other_weights)}"))
    for trials, why in (
        (taken.running, "left out, since an attempt runs here (import the file again when it has ended)"),
        (taken.unnamed, "left out, since the version of the sweep that is here names another trial instead"),
        (taken.differing, "other numbers there than here (another machine, or other versions of libraries), and those here stay"),
        (done.unchecked, "not checked, since this sweeper cannot make the name again from the config"),
    ):
        if trials:
            print(one_line(f"{why}: {_number(len(trials), 'trial')}, {_named(trials)}"))
    if dry_run:
        print("nothing was changed; without --dry-run it is taken in")
    elif taken.versions or taken.touched:
        for line in waiting_events(done.backlogs):
            print(line)


def _named(trials: Sequence[str]) -> str:
    return ", ".join(name[:8] for name in trials[:NAMED]) + (", ..." if len(trials) > NAMED else "")


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
