"""`sweeper plan`: what a run would do, and what it needs, before anything starts."""

import json
import shlex
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sweeper.cli.arguments import AllowMixed, MaxConcurrent, Overrides, Pilot, Profile, SpecPath, mixed_fields
from sweeper.cli.collecting import no_collecting
from sweeper.settings import Settings


@no_collecting()
def plan(
    spec: SpecPath,
    profile: Profile = None,
    pilot: Pilot = False,
    overrides: Overrides = None,
    max_concurrent: MaxConcurrent = None,
    allow_mixed: AllowMixed = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Plan to train every trial again.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Plan to try failed trials again, whatever their failure was.")
    ] = False,
    preflight: Annotated[
        bool, typer.Option("--preflight", help="Try one step of each new shape of cell on the CPU, as a run on GPUs does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Say which trials would run, resume or be reused and why, and the time and disk they need; starts nothing."""
    from sweeper.cli.plan_claims import claims_as_mapping, print_claims
    from sweeper.cli.plan_json import as_mapping
    from sweeper.cli.plan_text import print_plan
    from sweeper.service.disk_space import disk_space
    from sweeper.service.kept_files import kept_in
    from sweeper.service.measured_weights import measured_names_in
    from sweeper.service.open_store import cache_in, look_up_in, placed_in, timings_in
    from sweeper.service.plan_claims import plan_claims
    from sweeper.service.plan_sweep import SweepRequest, plan_sweep

    request = SweepRequest(spec, profile, tuple(overrides or ()), mixed_fields(allow_mixed), fresh, max_concurrent, retry_failed, pilot)
    store = Settings()
    asked = (look_up_in(store), timings_in(store), kept_in(store))
    placed, measured = placed_in(store), measured_names_in(store)
    planned = plan_sweep(request, *asked, placed=placed, measured=measured, refuse_missing=False, cache=cache_in(store))
    checked: dict[str, str] = {}
    if preflight:
        from sweeper.service.preflight import preflight as run_preflight

        done = run_preflight(planned)
        planned, checked = done.planned, done.checked
    space = disk_space(planned, store)
    claims = plan_claims(planned, store)
    if as_json:
        print(json.dumps(as_mapping(planned, checked, space) | {"claims": claims_as_mapping(claims)}, indent=2, sort_keys=True))
        return
    console = Console(highlight=False)
    print_plan(planned, checked, space, console)
    print_claims(claims, replace(request, pilot=True).command, console)
    if pilot:
        said = "the pilot has run" if not planned.plan.to_run() else f"when `{request.command}` has run the pilot"
        console.print(Text(f"\n{said}, `sweeper plan {shlex.quote(str(spec))}` counts seeds with its spread"), soft_wrap=True)
