"""`sweeper plan`: what a run would do, and what it needs, before anything starts."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeper.cli.arguments import AllowMixed, MaxConcurrent, Overrides, Profile, SpecPath, mixed_fields
from sweeper.service.opening import look_up_in
from sweeper.service.plan_sweep import PlannedSweep, SweepRequest, plan_sweep
from sweeper.settings import Settings
from sweeper.visible import lines, one_line

LISTED = 40
"""Trials listed one by one; a larger sweep shows its counts."""


def plan(
    spec: SpecPath,
    profile: Profile = None,
    overrides: Overrides = None,
    max_concurrent: MaxConcurrent = None,
    allow_mixed: AllowMixed = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Plan to train every trial again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Say which trials would run, resume or be reused and why, and the disk they need; starts nothing."""
    request = SweepRequest(spec, profile, tuple(overrides or ()), mixed_fields(allow_mixed), fresh, max_concurrent)
    planned = plan_sweep(request, look_up_in(Settings()), refuse_missing=False)
    if as_json:
        print(json.dumps(as_mapping(planned), indent=2, sort_keys=True))
        return
    _print(planned, Console(highlight=False))


def as_mapping(planned: PlannedSweep) -> dict[str, Any]:
    """The plan as `--json` prints it."""
    sweep = planned.sweep
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
        "disk_bytes": planned.disk_bytes,
    }


def _print(planned: PlannedSweep, console: Console) -> None:
    sweep, decisions = planned.sweep, planned.plan.decisions
    console.print(Text(f"{sweep.spec.name} (profile {sweep.profile}, version {sweep.version})", style="bold"))
    console.print(Text(lines(sweep.spec.question)))
    counts = ", ".join(f"{n} {action}" for action, n in planned.plan.count().items())
    console.print(f"\n{len(sweep.configs)} variants x {len(sweep.spec.seeds)} seeds = {len(decisions)} trials: {counts}")
    allotment = planned.allotment
    place = allotment.device or "a device that is not on this machine"
    gpus = f", {allotment.gpus:g} GPU" if allotment.gpus else ""
    processes = f"in {allotment.processes} processes of " if allotment.processes > 1 else ""
    threads = f"{processes}{allotment.threads} torch threads"
    console.print(f"each on {place}: {allotment.cpus:g} CPU{gpus}, {threads}; {_at_once(planned)}")
    for facts in dict.fromkeys(planned.facts.values()):
        console.print(
            f"data {facts.content_hash}: {facts.train:,} images to train on, {facts.held_out:,} held out,"
            f" {facts.channels} x {facts.resolution} x {facts.resolution}, {facts.classes} classes"
        )
    console.print(f"disk for checkpoints: about {_size(planned.disk_bytes)}\n")
    if len(decisions) > LISTED:
        console.print(f"(more than {LISTED} trials: --json lists every one)")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("trial", "variant", "seed", "steps", "action", "reason"):
        table.add_column(column, justify="right" if column in ("seed", "steps") else "left")
    for d in decisions:
        row = (d.trial.fingerprint[:8], d.trial.variant, str(d.trial.seed), f"{d.trial.steps:,}", d.action, d.reason)
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(table)


def _at_once(planned: PlannedSweep) -> str:
    return "as many at once as the cluster holds" if planned.allotment.device is None else f"{planned.allotment.concurrent} at once"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
