"""`sweeper plan`: what a run would do, and what it needs, before anything starts."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from sweeper.cli.arguments import AllowMixed, MaxConcurrent, Overrides, Profile, SpecPath, mixed_fields
from sweeper.cli.collecting import no_collecting
from sweeper.cli.plan_claims import claims_as_mapping, print_claims
from sweeper.cli.plan_text import print_plan
from sweeper.service.opening import look_up_in, timings_in
from sweeper.service.plan_claims import plan_claims
from sweeper.service.plan_doubts import doubts
from sweeper.service.plan_sweep import PlannedSweep, SweepRequest, plan_sweep
from sweeper.settings import Settings
from sweeper.spec.design_kinds import FractionalDesign


@no_collecting()
def plan(
    spec: SpecPath,
    profile: Profile = None,
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
    request = SweepRequest(spec, profile, tuple(overrides or ()), mixed_fields(allow_mixed), fresh, max_concurrent, retry_failed)
    planned = plan_sweep(request, look_up_in(Settings()), timings_in(Settings()), refuse_missing=False)
    checked: dict[str, str] = {}
    if preflight:
        from sweeper.service.preflight import preflight as run_preflight

        done = run_preflight(planned)
        planned, checked = done.planned, done.checked
    claims = plan_claims(planned, Settings())
    if as_json:
        print(json.dumps(as_mapping(planned, checked) | {"claims": claims_as_mapping(claims)}, indent=2, sort_keys=True))
        return
    console = Console(highlight=False)
    print_plan(planned, checked, console)
    print_claims(claims, console)


def as_mapping(planned: PlannedSweep, checked: dict[str, str]) -> dict[str, Any]:
    """The plan as `--json` prints it; `checked`: what a preflight did, by variant."""
    sweep, design = planned.sweep, planned.sweep.spec.design
    return {
        "sweep": {"name": sweep.spec.name, "profile": sweep.profile, "version": sweep.version, "question": sweep.spec.question},
        "trials": [
            {
                "variant": d.trial.variant,
                "seed": d.trial.seed,
                "fingerprint": d.trial.fingerprint,
                "steps": d.trial.steps,
                "action": d.action,
                "reason": d.reason,
            }
            for d in planned.plan.decisions
        ],
        "counts": dict(planned.plan.count()),
        "resources": {
            "cpus": planned.allotment.cpus,
            "gpus": planned.allotment.gpus,
            "processes": planned.allotment.processes,
            "concurrent": planned.allotment.concurrent,
            "device": planned.allotment.device,
        },
        "time": {
            "trial_seconds": planned.time.trial_seconds,
            "wall_seconds": planned.time.wall_seconds,
            "gpu_hours": planned.time.trial_seconds * planned.allotment.gpus / 3600,
            "core_hours": planned.time.trial_seconds * planned.allotment.cpus / 3600,
            "variants": {
                name: {
                    "seconds_per_step": pace.seconds_per_step,
                    "other_seconds": pace.other_seconds,
                    "source": pace.source,
                    "how": pace.how,
                }
                for name, pace in planned.time.paces.items()
            },
        },
        "contrasts": [{"name": name, "caveats": list(reasons)} for name, reasons in doubts(planned).items()],
        "aliases": [list(map(list, row.effects)) for row in design.aliases()] if isinstance(design, FractionalDesign) else [],
        "preflight": checked,
        "disk_bytes": planned.disk_bytes,
    }
