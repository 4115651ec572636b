"""`sweeper run`: train what is missing, then print the table."""

from typing import Annotated

import typer
from rich.console import Console

from sweeper.cli.arguments import AllowMixed, MaxConcurrent, Overrides, Profile, SpecPath, mixed_fields
from sweeper.cli.live import shown
from sweeper.service.plan_sweep import SweepRequest
from sweeper.settings import Settings
from sweeper.visible import visible


def run(
    spec: SpecPath,
    profile: Profile = None,
    overrides: Overrides = None,
    max_concurrent: MaxConcurrent = None,
    allow_mixed: AllowMixed = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train every trial again, in new attempts.")] = False,
) -> int:
    """Run a sweep: finished trials are reused, half-done ones resumed, and the same command run again does no more than that."""
    from sweeper.report.render import render
    from sweeper.report.table import build_report
    from sweeper.service.run_sweep import INTERRUPTED, SOME_FAILED, run_sweep

    console = Console(highlight=False)
    request = SweepRequest(spec, profile, tuple(overrides or ()), mixed_fields(allow_mixed), fresh, max_concurrent)
    outcome = run_sweep(
        request, Settings(), say=lambda line: console.print(visible(line), markup=False, soft_wrap=True), show=shown(console)
    )
    table = build_report(outcome.snapshot, allow_mixed=request.allow_mixed)
    print(render(table, "terminal", width=console.width, colour=console.is_terminal), end="")
    if outcome.behind:
        console.print(f"MLflow has yet to hear of {outcome.behind} events; the next run tells it (see mirror.log under SWEEPER_HOME).")
    if outcome.exit_code == INTERRUPTED:
        console.print("interrupted; what is finished is kept, run the same command again to resume")
    elif outcome.exit_code == SOME_FAILED:
        console.print("some trials failed or diverged; `sweeper status` says which and why")
    return outcome.exit_code
