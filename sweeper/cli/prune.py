"""`sweeper prune`: remove what nobody needs, after showing it."""

from collections import Counter
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from sweeper.cli.arguments import Confirmed, Profile, sweep_name, sweeps_here
from sweeper.errors import SweeperError
from sweeper.plan.cost import bytes_in_words
from sweeper.service.prune import Kind, PruneRequest, Pruning, Removal, what_goes
from sweeper.service.prune import prune as run_prune
from sweeper.settings import Settings
from sweeper.visible import visible

LISTED = 40
"""Trials listed one by one."""
KINDS: dict[Kind, str] = {
    "checkpoints": "checkpoints that newer ones replace, or that finished trials do not keep",
    "averages": "moving averages of which a newer attempt has the same step",
    "leftovers": "leftovers of interrupted writes and removals",
    "trials": "whole trials that no sweep names, with their results",
}


def prune(
    sweep: Annotated[
        str | None, typer.Argument(metavar="[SWEEP]", help="Only trials of this sweep, by name or file.", autocompletion=sweeps_here)
    ] = None,
    profile: Profile = None,
    keep: Annotated[
        Literal["average", "resumable"] | None,
        typer.Option(help="Of finished trials: the moving average alone, or one checkpoint too. Default: as their sweeps say."),
    ] = None,
    unnamed: Annotated[bool, typer.Option("--unnamed", help="Delete trials that no sweep names, with their results.")] = False,
    yes: Confirmed = False,
) -> None:
    """Say which files nobody needs and how large they are; with --yes, remove them. What runs, and what another sweep needs, stays."""
    request = PruneRequest(sweep_name(sweep), profile, keep, unnamed)
    settings, console = Settings(), Console(highlight=False, soft_wrap=True)
    found = run_prune(settings, request) if yes else what_goes(settings, request)
    for line in _lines(found, yes):
        console.print(Text(visible(line)))
    if found.failed:
        raise SweeperError(
            f"{len(found.failed)} could not be removed: {'; '.join(found.failed[:3])}; fix that, and run the same command again"
        )


def _lines(found: Pruning, done: bool) -> list[str]:
    by_kind = {kind: [removal for removal in found.removals if removal.kind == kind] for kind in KINDS}
    said = [f"{_counted(removals)}: {KINDS[kind]}" for kind, removals in by_kind.items() if removals]
    trials: Counter[str] = Counter()
    for removal in found.removals:
        trials[removal.fingerprint] += removal.size
    if len(trials) <= LISTED:
        said += [f"  trial {name[:8]}  {bytes_in_words(size)}" for name, size in sorted(trials.items())]
    if found.live:
        said.append(
            f"left alone, since an attempt runs: {_number(len(found.live), 'trial')}: {', '.join(name[:8] for name in found.live[:5])}"
        )
    if found.unnamed:
        said.append(f"left alone: {_counted(found.unnamed)}: {KINDS['trials']}; --unnamed deletes them")
    if found.strangers:
        first = found.strangers[0]
        said.append(
            f"left alone: {_number(len(found.strangers), 'folder')} under {first.parent} that this store does not know, such as"
            f" {first.name[:16]}: another store may; what none knows, delete by hand"
        )
    if not found.removals:
        return [*said, "there is nothing to remove"]
    total = bytes_in_words(found.size)
    return [*said, f"{total} removed" if done else f"{total} in all; nothing was removed: the same command with --yes does it"]


def _counted(removals: list[Removal]) -> str:
    size = bytes_in_words(sum(removal.size for removal in removals))
    files = _number(sum(removal.files for removal in removals), "file")
    return f"{size} in {files} of {_number(len({one.fingerprint for one in removals}), 'trial')}"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
