"""`sweeper plan --json`: the plan as a mapping."""

from typing import Any

from sweeper.service.plan_doubts import doubts
from sweeper.service.plan_sweep import PlannedSweep
from sweeper.spec.design_kinds import FractionalDesign


def as_mapping(planned: PlannedSweep, checked: dict[str, str]) -> dict[str, Any]:
    """What is printed, but for the claims; `checked`: what a preflight did, by variant."""
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
