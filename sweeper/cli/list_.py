"""`sweeper list`: every sweep in the store."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeper.cli.json_shape import listed_sweep
from sweeper.cli.plan_text import duration
from sweeper.plan.cost import bytes_in_words
from sweeper.service.listing import list_sweeps
from sweeper.settings import Settings
from sweeper.states import TRIAL_STATES
from sweeper.visible import one_line


def list_(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable; `sweeper schema --list` describes it.")] = False) -> None:
    """List every sweep: its trials by state, when it last ran, and what it takes on disk."""
    found = list_sweeps(Settings())
    if as_json:
        print(json.dumps({"sweeps": [listed_sweep(one) for one in found]}, indent=2))
        return
    console = Console(highlight=False)
    if not found:
        console.print("no sweep is stored here")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("sweep", "profile", "trials", "last run", "on disk", "alone"):
        table.add_column(column, justify="right" if column in ("on disk", "alone") else "left", overflow="fold")
    for one in found:
        states = ", ".join(f"{one.states[state]} {state}" for state in TRIAL_STATES if one.states[state])
        age = f"{duration(one.age.total_seconds())} ago"
        row = (one.name, one.profile, states, age, bytes_in_words(one.size), bytes_in_words(one.alone))
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(table)
    console.print("\nalone: of that, trials which no other sweep names; `sweeper prune` shows what nobody needs")
