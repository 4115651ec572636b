"""A small search and what a store could say of it, made up from a function of its values."""

import copy
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sweeper.records import SweepSnapshot, TrialCurves, TrialOutcome
from sweeper.spec.factors import Level
from sweeper.spec.load import sweep_from
from sweeper.spec.search_design import SearchDesign
from sweeper.spec.sweep_spec import SweepSpec
from sweeper.states import TrialState

SEARCH: dict[str, Any] = {
    "question": "Which alignment is best?",
    "name": "small-search",
    "base": {"preset": "nano", "steps": 80, "held_out_every": 10, "timesteps": {"kind": "dual"}},
    "design": {
        "kind": "search",
        "space": {
            "weight": {"path": "alignment.weight", "low": 0.1, "high": 2.0, "log": True},
            "layer": {"path": "alignment.teacher.layer", "low": 1, "high": 3, "step": 1},
            "ratio": {"path": "partition.ratio", "low": 0.1, "high": 0.5, "step": 0.05},
            "separation": {
                "levels": {
                    "none": {"attention.separation": "none", "alignment.teacher.separated": False},
                    "full": {"attention.separation": "full", "alignment.teacher.separated": True},
                }
            },
        },
        "sampler": "tpe",
        "trials": 20,
        "stopping": {"kind": "asha", "first_step": 10, "reduction": 2},
        "confirm": {"top": 2, "seeds": [100, 101, 102]},
    },
    "seeds": [0],
    "metric": {"primary": "held_out_loss", "direction": "lower"},
}


def changed(**paths: Any) -> dict[str, Any]:
    """SEARCH with fields of its design replaced; None takes one out."""
    raw = copy.deepcopy(SEARCH)
    for name, value in paths.items():
        if value is None:
            raw["design"].pop(name)
        else:
            raw["design"][name] = value
    return raw


def spec_of(**paths: Any) -> tuple[SweepSpec, SearchDesign]:
    spec = sweep_from(changed(**paths), "small.yaml").spec
    assert isinstance(spec.design, SearchDesign)
    return spec, spec.design


def loss(chosen: Mapping[str, Level]) -> float:
    """Best at weight 0.5, layer 2, full separation."""
    weight, layer = float(chosen["weight"]), float(chosen["layer"])
    return 0.5 + 0.05 * math.log(weight / 0.5) ** 2 + 0.02 * (layer - 2) ** 2 + 0.03 * (chosen["separation"] == "none")


def outcome(variant: str, levels: Mapping[str, str], seed: int, state: TrialState, value: float | None, step: int = 80) -> TrialOutcome:
    metrics = {} if value is None else {"held_out_loss": value}
    return TrialOutcome(variant, levels, seed, f"{variant}@{seed}", 80, state, metrics, step=step, seconds=36.0)


def snapshot_of(
    spec: SweepSpec, choices: list[Mapping[str, Level]], stopped: Mapping[int, int] | None = None, value: Callable[..., float] = loss
) -> tuple[SweepSnapshot, dict[str, TrialCurves]]:
    """A search whose proposals made these choices; some of them (by number) were stopped early at a step."""
    design = spec.design
    assert isinstance(design, SearchDesign)
    outcomes, curves = [], {}
    for number, chosen in enumerate(choices):
        variant, found = design.variant(chosen), value(chosen)
        step = (stopped or {}).get(number)
        made = outcome(
            variant.name, variant.levels, 0, "finished" if step is None else "stopped early", None if step else found, step or 80
        )
        points = {at: found + 1 / at for at in range(10, step or 80, 10)} | ({step: found + 1 / step} if step else {})
        curves[made.fingerprint] = TrialCurves({"held_out_loss": points}, {})
        outcomes.append(made)
    return snapshot(spec, outcomes), curves


def snapshot(spec: SweepSpec, outcomes: list[TrialOutcome]) -> SweepSnapshot:
    return SweepSnapshot(spec.name, "default", "abc", spec.model_dump(mode="json"), datetime(2026, 11, 26, tzinfo=UTC), tuple(outcomes))
