"""`sweeper extend`: more seeds, until the claims are decided, at the error that was promised."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sweeper.cli.arguments import AllowMixed, MaxConcurrent, Overrides, Profile, SpecPath, mixed_fields
from sweeper.cli.live import shown
from sweeper.errors import RequestError
from sweeper.records import SweepSnapshot
from sweeper.settings import Settings
from sweeper.visible import visible

if TYPE_CHECKING:
    from sweeper.service.plan_sweep import SweepRequest
    from sweeper.service.run_sweep import RunOutcome


def extend(
    spec: SpecPath,
    max_seeds: Annotated[int, typer.Option(min=3, help="Seeds per cell at which all of alpha is spent; the same in every later call.")],
    until_decided: Annotated[
        bool, typer.Option("--until-decided", help="Go on until every claim is supported or refuted; else take one look.")
    ] = False,
    add: Annotated[int, typer.Option(min=1, help="Seeds per cell between two looks.")] = 1,
    spending: Annotated[
        str, typer.Option(help="obrien_fleming (little at early looks) or pocock (about the same at each).")
    ] = "obrien_fleming",
    profile: Profile = None,
    overrides: Overrides = None,
    max_concurrent: MaxConcurrent = None,
    allow_mixed: AllowMixed = None,
) -> int:
    """Add whole seed blocks and test the claims at each look by an alpha-spending rule, so that looking often costs no error."""
    from sweeper.report.build import build_report
    from sweeper.report.render.formats import render
    from sweeper.service.extend_sweep import Extension, Standings, extend_sweep
    from sweeper.service.plan_sweep import SweepRequest
    from sweeper.service.run_sweep import run_sweep

    if spending not in ("obrien_fleming", "pocock"):
        raise RequestError(f"--spending {spending}: there is no such rule; valid here: obrien_fleming, pocock")
    console = Console(highlight=False)
    request = SweepRequest(spec, profile, tuple(overrides or ()), mixed_fields(allow_mixed), max_concurrent=max_concurrent)

    def say(line: str) -> None:
        console.print(visible(line), markup=False, soft_wrap=True)

    def run(at_look: "SweepRequest") -> "RunOutcome":
        return run_sweep(at_look, Settings(), say=say, show=shown(console))

    def standing(snapshot: SweepSnapshot) -> "Standings":
        claims = build_report(snapshot, allow_mixed=request.allow_mixed).claims
        open_ = [claim for claim in claims if claim.verdict == "inconclusive" and claim.not_comparable is None]
        left = [claim.name for claim in open_ if claim.kind == "finishes_more" or not any(claim.diverged.values())]
        decided = sum(claim.verdict in ("supported", "refuted") for claim in claims)
        return Standings(left, decided, [claim.name for claim in claims if claim.verdict == "exploratory"])

    outcome = extend_sweep(request, Extension(max_seeds, until_decided, add, spending), Settings(), run=run, standing=standing, say=say)
    table = build_report(outcome.snapshot, allow_mixed=request.allow_mixed)
    print(render(table, "terminal", width=console.width, colour=console.is_terminal), end="")
    return outcome.exit_code
