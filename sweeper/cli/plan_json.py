"""`sweeper plan --json`: the plan as a mapping."""

import dataclasses
from typing import Any

from sweeper.service.contrast_warnings import doubts, not_comparable
from sweeper.service.disk_space import DiskSpace
from sweeper.service.plan_sweep import PlannedSweep, passes_by_variant
from sweeper.spec.design_kinds import FractionalDesign


def as_mapping(planned: PlannedSweep, checked: dict[str, str], space: DiskSpace) -> dict[str, Any]:
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
        "data": [
            {
                "content_hash": facts.content_hash,
                "train": facts.train,
                "left_out": facts.left_out,
                "held_out": facts.held_out,
                "channels": facts.channels,
                "resolution": facts.resolution,
                "classes": facts.classes,
                "class_names": list(facts.class_names),
                "remarks": list(facts.remarks),
            }
            for facts in dict.fromkeys(planned.facts.values())
        ],
        "passes": passes_by_variant(planned),
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
        "not_comparable": not_comparable(planned),
        "aliases": [list(map(list, row.effects)) for row in design.aliases()] if isinstance(design, FractionalDesign) else [],
        "search": dataclasses.asdict(planned.search) if planned.search is not None else None,
        "preflight": checked,
        "disk_bytes": space.need.meanwhile,
        "disk": {
            "at_end_bytes": space.need.at_end,
            "meanwhile_bytes": space.need.meanwhile,
            "there_bytes": space.there,
            "free_bytes": space.free,
            "missing_bytes": space.missing,
        },
    }
