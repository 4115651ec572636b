"""`sweeper run`: train what is missing, then print the table."""

from typing import Annotated

import typer
from rich.console import Console

from sweeper.cli.arguments import AllowMixed, MaxConcurrent, Overrides, Pilot, Profile, SpecPath, gpu_seconds_of, mixed_fields, seconds_of
from sweeper.cli.live import shown
from sweeper.cli.waiting_events import waiting_events
from sweeper.settings import Settings
from sweeper.visible import visible


def run(
    spec: SpecPath,
    profile: Profile = None,
    pilot: Pilot = False,
    overrides: Overrides = None,
    max_concurrent: MaxConcurrent = None,
    allow_mixed: AllowMixed = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train every trial again, in new attempts.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try failed trials again, those with config errors or out of memory too.")
    ] = False,
    deadline: Annotated[
        str | None, typer.Option(metavar="TIME", help="Such as 6h or 90m: start nothing that cannot finish by then, no seed in part.")
    ] = None,
    gpu_hours: Annotated[
        float | None, typer.Option(metavar="HOURS", help="As --deadline, for the GPU time of all trials together.")
    ] = None,
) -> int:
    """Run a sweep: finished trials are reused, half-done ones resumed, and the same command run again does no more than that."""
    from sweeper.driver.budget import Limits
    from sweeper.report.render.formats import render
    from sweeper.service.plan_sweep import SweepRequest
    from sweeper.service.report_sweep import report_of
    from sweeper.service.run_sweep import INTERRUPTED, SOME_FAILED, run_sweep

    console = Console(highlight=False)
    overridden, mixed = tuple(overrides or ()), mixed_fields(allow_mixed)
    request = SweepRequest(spec, profile, overridden, mixed, fresh, max_concurrent, retry_failed, pilot)
    limits = Limits(seconds_of(deadline), gpu_seconds_of(gpu_hours))

    def say(line: str) -> None:
        console.print(visible(line), markup=False, soft_wrap=True)

    outcome = run_sweep(request, Settings(), say=say, show=shown(console), limits=limits)
    table = report_of(outcome.snapshot, request.allow_mixed, outcome.curves, random=outcome.random, analyses=outcome.analyses)
    print(render(table, "terminal", width=console.width, colour=console.is_terminal), end="")
    for line in waiting_events(outcome.behind):
        console.print(f"{line}; mirror.log under SWEEPER_HOME says why", markup=False, soft_wrap=True)
    if outcome.exit_code == INTERRUPTED:
        console.print("interrupted; what is finished is kept, run the same command again to resume")
    elif outcome.left_out:
        console.print(
            f"{outcome.left_out} trials are not done: {outcome.why_left_out}; run the same command again to go on", soft_wrap=True
        )
    elif outcome.exit_code == SOME_FAILED:
        console.print("some trials failed, diverged or were cancelled; `sweeper status` says which, `sweeper why TRIAL` why and what to do")
    return outcome.exit_code
