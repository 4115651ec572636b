"""`sweeper delete`: take a sweep away, after showing what goes with it."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sweeper.cli.arguments import Confirmed, Profile, sweep_name, sweeps_here
from sweeper.cli.waiting_events import waiting_events
from sweeper.errors import RequestError, SweeperError
from sweeper.plan.cost import bytes_in_words
from sweeper.settings import Settings
from sweeper.visible import one_line, visible


def delete(
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="The sweep's name or file.", autocompletion=sweeps_here)],
    profile: Profile = None,
    yes: Confirmed = False,
    weights: Annotated[bool, typer.Option("--weights", help="SWEEP is a name of weights that `sweeper evaluate` measured.")] = False,
) -> None:
    """Say what goes with a sweep: its versions, the trials that no other sweep names, their results and files; with --yes, delete it."""
    if weights:
        _delete_weights(sweep, profile, yes=yes)
        return
    from sweeper.service.delete_sweep import delete_sweep, what_goes_with

    settings, console = Settings(), Console(highlight=False, soft_wrap=True)
    parts, size = what_goes_with(settings, sweep_name(sweep) or "", profile)
    who = f"sweep {parts.name} (profile {parts.profile})"
    console.print(Text(one_line(f"{who}: {_number(parts.versions, 'version')}, {_number(len(parts.alone) + len(parts.shared), 'trial')}")))
    if parts.alone:
        console.print(f"  {_number(len(parts.alone), 'trial')} that no other sweep names, with results and files ({bytes_in_words(size)})")
    if parts.shared:
        others = sorted({wish.sweep for use in parts.shared for wish in use.wishes} - {parts.name}) or [parts.name]
        names = "names" if len(others) == 1 else "name"
        console.print(Text(visible(f"  {_number(len(parts.shared), 'trial')} that stay, since {', '.join(others)} {names} them")))
    console.print("  its runs in MLflow, which keeps deleted runs until `mlflow gc`")
    if parts.live:
        run = "trial of it runs" if len(parts.live) == 1 else "trials of it run"
        raise RequestError(f"{len(parts.live)} {run}, such as {parts.live[0].fingerprint[:8]}; stop that run first (Ctrl-C there)")
    if not yes:
        again = f" --profile {parts.profile}" if profile else ""
        console.print(f"nothing was deleted; `sweeper delete {one_line(sweep)}{again} --yes` does it", markup=False)
        return
    removed, failed, behind = delete_sweep(settings, parts.name, parts.profile)
    console.print(
        Text(one_line(f"{who} is deleted, with {_number(len(removed), 'folder')} ({bytes_in_words(sum(r.size for r in removed))})"))
    )
    for line in waiting_events(behind):
        console.print(Text(line))
    if failed:
        raise SweeperError(f"{len(failed)} files could not be removed: {'; '.join(failed[:3])}; fix that, then: sweeper prune --yes")


def _delete_weights(name: str, profile: str | None, *, yes: bool) -> None:
    from sweeper.removal import size_of
    from sweeper.service.measured_weights import forget_weights

    if profile is not None:
        raise RequestError("--profile is of a sweep, and weights have none; leave it out")
    found, folder = forget_weights(Settings(), name, dry_run=True)
    size = bytes_in_words(size_of(folder))
    print(one_line(f"weights {found.name}: what was measured of them on {found.measured:%Y-%m-%d}, and {folder} ({size})"))
    if not yes:
        print(one_line(f"nothing was deleted; `sweeper delete {name} --weights --yes` does it"))
        return
    forget_weights(Settings(), name, dry_run=False)
    print(one_line(f"weights {found.name} are forgotten; a sweep whose `report.published` names them has no report until that is changed"))


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
