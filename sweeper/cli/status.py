"""`sweeper status`: how far a sweep is, and what failed."""

import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeper.cli.arguments import Profile, SweepName, is_file, sweep_name
from sweeper.cli.collecting import no_collecting
from sweeper.cli.watch import watch
from sweeper.errors import RequestError
from sweeper.records import SweepSnapshot, TrialOutcome
from sweeper.service.open_store import store_with_results
from sweeper.settings import Settings
from sweeper.states import TRIAL_STATES
from sweeper.visible import one_line

LISTED = 100
"""Trials listed one by one."""


def status(
    sweep: SweepName = None,
    profile: Profile = None,
    watch_: Annotated[bool, typer.Option("--watch", "-w", help="Go on looking until every trial has ended; Ctrl-C stops looking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Every trial, machine-readable; `sweeper schema --status` describes it.")] = False,
) -> None:
    """Show the state of a sweep's trials, the first real exception of those that failed, and the other sweeps in the store."""
    if watch_ and as_json:
        raise RequestError("--watch and --json do not go together; leave one out")
    console = Console(highlight=False)
    with store_with_results(Settings()) as store:
        if watch_:
            name = sweep_name(sweep)
            with contextlib.suppress(KeyboardInterrupt):  # one has seen enough; nothing else was interrupted
                watch(console, lambda: store.snapshot(name, profile))
            return
        with no_collecting():
            snapshot = store.snapshot(sweep_name(sweep), profile)
        others = [s for s in store.sweeps() if (s.name, s.profile) != (snapshot.name, snapshot.profile)]
    if as_json:
        from sweeper.cli.json_shape import status_of

        print(json.dumps(status_of(snapshot, others), indent=2))
        return
    counts = Counter(outcome.state for outcome in snapshot.outcomes)
    said = ", ".join(f"{counts[state]} {state}" for state in TRIAL_STATES if counts[state])
    console.print(Text(one_line(f"{snapshot.name} (profile {snapshot.profile}, version {snapshot.version})"), style="bold"))
    if is_file(sweep) and (edited := _edited(Path(sweep), snapshot)):
        console.print(Text(one_line(edited)))
    console.print(f"{len(snapshot.outcomes)} trials: {said}\n")
    shown = _listed(snapshot.outcomes)
    console.print(_table(shown))
    if len(shown) < len(snapshot.outcomes):
        console.print(
            f"\n(more than {LISTED} trials: {len(shown)} that run, failed or diverged are listed; `sweeper status --json` lists every one)"
        )
    for outcome in shown:
        if outcome.error:
            said = one_line(f"{outcome.fingerprint[:8]} {outcome.variant} seed {outcome.seed}: {outcome.error}")
            console.print(Text(f"\n{said}", style="red"))
            console.print(f"  `sweeper why {outcome.fingerprint[:8]}` says what was done about it and what to do next")
    if others:
        console.print("\nalso stored: " + ", ".join(one_line(f"{s.name} ({s.profile})") for s in others), markup=False)


def _edited(file: Path, snapshot: SweepSnapshot) -> str | None:
    from sweeper.service.file_version import edited_since  # it reads sweep files, which is half of the time that a status takes

    return edited_since(file, snapshot)


def _listed(outcomes: tuple[TrialOutcome, ...]) -> tuple[TrialOutcome, ...]:
    """All of a small sweep; of a large one those that one looks for."""
    if len(outcomes) <= LISTED:
        return outcomes
    return tuple(outcome for outcome in outcomes if TRIAL_STATES[outcome.state].is_active)[:LISTED]


def _table(outcomes: tuple[TrialOutcome, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("trial", "variant", "seed", "step", "state", "attempts"):
        table.add_column(column, justify="right" if column in ("seed", "step", "attempts") else "left")
    for o in outcomes:
        row = (o.fingerprint[:8], o.variant, str(o.seed), f"{o.step:,}/{o.steps:,}", o.state, str(o.attempts))
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table
