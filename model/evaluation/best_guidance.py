"""The guidance scale of a network, chosen among some by a metric of samples that nothing else is measured on.

A cell of 2606.20536 is one trained network, and each has its own best scale there. So a trial chooses for itself: it sees no other
trial, and a scale chosen for a variant as a whole would make the number of one training seed depend on which others there are. The samples
that choose have a generation seed of their own, so that the metrics, which are of others, are not the best of several draws.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from model.config.evaluation import BY_NEIGHBOURS, HIGHER_IS_BETTER, NAMED_BY_FEATURES, EvaluationConfig, ExtraMetric, GuidanceConfig
from model.config.extractor import named_by_features
from model.errors import Diverged
from model.evaluation.measured_samples import Blocks
from model.evaluation.reference import Reference

CHOSEN = "guidance_scale"
"""Name of the choice among the metrics."""


@dataclass(frozen=True)
class Choice:
    """How samples are guided, and why."""

    evaluation: EvaluationConfig
    """With the one scale."""
    drawn_as: str = ""
    """What tells its samples from those of another scale with the same seed; empty where there was no choice."""
    details: Mapping[str, Any] | None = None
    """`chosen`, `by`, `seed`, and the `values` of each scale (None for one that is not finite); None where there was no choice, and in
    processes that only take part."""


@dataclass(frozen=True)
class Narrowed:
    """What one metric alone needs."""

    extra_metrics: tuple[ExtraMetric, ...]
    reference: Reference


def narrowed(evaluation: EvaluationConfig, by: str, distance: str, reference: Reference) -> Narrowed:
    """What of the evaluation the metric `by` needs: samples that only choose are measured in nothing else."""
    named = {name: named_by_features(name, distance) if name in NAMED_BY_FEATURES else name for name in evaluation.extra_metrics}
    needed = tuple(name for name in evaluation.extra_metrics if named[name] == by)
    return Narrowed(
        needed,
        replace(
            reference,
            neighbours=reference.neighbours if set(needed) & set(BY_NEIGHBOURS) else None,
            features=reference.features if "kid" in needed else None,
            spatial=reference.spatial if "sfid" in needed else None,
            embeddings=reference.embeddings if "cmmd" in needed else None,
        ),
    )


Measure = Callable[[EvaluationConfig, str], float | None]
"""(one scale and seed, what names the draws) -> the metric of samples drawn so; None in a process that only takes part."""


def choose_guidance(evaluation: EvaluationConfig, distance: str, measure: Measure, blocks: Blocks, step: int) -> Choice:
    """The scale of `evaluation.guidance.best_of` at which `measure` finds the best value, the smallest of several; without a list, its own.

    All processes of a trial call it, and get the same evaluation. `distance`: name of the Fréchet distance, by which is chosen where the
    config names no metric. Raises Diverged where no scale has a finite value.
    """
    asked = evaluation.guidance
    if not asked.best_of:
        return Choice(evaluation)
    assert asked.seed is not None, "a list has a seed"
    by = asked.by or distance
    values: dict[float, float | None] = {}
    for scale in asked.best_of:
        tried = _at(evaluation, scale).model_copy(update={"seed": asked.seed, "more_seeds": ()})
        try:
            values[scale] = measure(tried, f" chooses, guidance {scale:g}")
        except Diverged:  # in every process: samples at this scale are not finite, and another may be chosen
            values[scale] = math.nan
    finite = {scale: value for scale, value in values.items() if value is not None and math.isfinite(value)}
    own = evaluation.own_metric(by)
    sign = -1 if by in HIGHER_IS_BETTER or (own is not None and own.direction == "higher") else 1
    best = min(finite, key=lambda scale: (sign * finite[scale], scale), default=None)
    chosen = blocks.agreed(best)
    if chosen is None:
        raise Diverged(step, by, math.nan)
    details = None
    if None not in values.values():
        details = {"chosen": chosen, "by": by, "seed": asked.seed, "values": {f"{scale:g}": finite.get(scale) for scale in values}}
    return Choice(_at(evaluation, chosen), f" at guidance {chosen:g}", details)


def _at(evaluation: EvaluationConfig, scale: float) -> EvaluationConfig:
    asked = evaluation.guidance
    return evaluation.model_copy(update={"guidance": GuidanceConfig(scale=scale, interval=asked.interval, channels=asked.channels)})
