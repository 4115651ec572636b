"""What a planned sweep will not show, known before anything runs."""

from collections.abc import Iterable

from sweeper.report.comparability import EVALUATOR_FIELD
from sweeper.report.shared_trials import compares_with_itself
from sweeper.service.plan_sweep import PlannedSweep
from sweeper.spec.comparisons import caveats
from sweeper.spec.designs import cells_of, contrast_weights
from sweeper.spec.sweep_spec import Contrast

LISTED = 5
"""Variants named one by one."""


def doubts(planned: PlannedSweep) -> dict[str, tuple[str, ...]]:
    """Contrast name -> a sentence for each reason; every contrast is there."""
    spec, variants = planned.sweep.spec, [variant for variant, _ in planned.sweep.configs]
    firsts: dict[tuple[str, int, str], str] = {}
    folded = {}
    for trial in planned.trials[: len(variants)]:  # one seed is as good as another
        folded[trial.variant] = firsts.setdefault((trial.fingerprint, trial.steps, trial.evaluation_fingerprint), trial.variant)
    sentences = {}
    for contrast in spec.contrasts:
        weights = contrast_weights(contrast, variants)
        itself = compares_with_itself(weights, folded)
        separate = apart(planned, contrast)
        sentences[contrast.name] = (*caveats(contrast, spec, variants), *filter(None, (itself, separate)))
    return sentences


def not_comparable(planned: PlannedSweep) -> str | None:
    """What will not compare between the variants since their data differ, in a sentence; None where all have the same data."""
    groups = _by_data(planned)
    if len(groups) < 2 or EVALUATOR_FIELD in planned.allow_mixed:
        return None
    named = " | ".join(f"{content[:8]}: {', '.join(_some(names))}" for content, names in groups.items())
    return (
        f"not comparable between variants with different data ({named}): losses, distances and accuracies, since each data set has its own"
        " held-out images and its own classifier; only times and memory compare, and all metrics within one data set"
    )


def _by_data(planned: PlannedSweep) -> dict[str, list[str]]:
    """Content of a data set -> the variants on it."""
    groups: dict[str, list[str]] = {}
    for variant, _ in planned.sweep.configs:
        groups.setdefault(planned.facts[variant.name].content_hash, []).append(variant.name)
    return groups


def apart(planned: PlannedSweep, contrast: Contrast) -> str | None:
    """Why the contrast's metric will not compare between its variants, in a sentence; None where it will."""
    spec, variants = planned.sweep.spec, [variant for variant, _ in planned.sweep.configs]
    metric = spec.metric_of(contrast)
    if compare(planned, cells_of(contrast, variants), metric):
        return None
    return (
        f"Without an estimate: {metric} does not compare between different data sets; compare variants on one, or choose a metric that"
        " compares, such as steps_per_second."
    )


def compare(planned: PlannedSweep, variants: Iterable[str], metric: str) -> bool:
    """Whether values of the metric will compare between these variants: those on one data set, and all of a machine's own."""
    contents = {planned.facts[name].content_hash for name in variants}
    return len(contents) < 2 or not planned.sweep.spec.metrics.info(metric).by_data or EVALUATOR_FIELD in planned.allow_mixed


def _some(names: list[str]) -> list[str]:
    return names if len(names) <= LISTED else [*names[:LISTED], f"{len(names) - LISTED:,} more"]
