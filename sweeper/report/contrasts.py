"""A declared contrast, computed on the primary metric and put into a plain sentence.

Only the primary metric: it was declared before the run, and a margin is in its units.
"""

from collections.abc import Mapping, Sequence

from sweeper.records import MetricInfo, TrialOutcome, Variant, metric_info
from sweeper.report import numbers
from sweeper.report.folded import compares_with_itself
from sweeper.report.rows import ContrastRow
from sweeper.report.statistics import CONFIDENCE, MIN_SEEDS, Interval, Summary, paired_contrast
from sweeper.spec.comparisons import caveats
from sweeper.spec.designs import contrast_weights
from sweeper.spec.factors import Cell, level_name
from sweeper.spec.sweep_spec import Contrast, SweepSpec

Outcomes = Mapping[tuple[str, int], TrialOutcome]
"""By (variant, seed)."""


def contrast_row(
    contrast: Contrast, spec: SweepSpec, variants: Sequence[Variant], outcomes: Outcomes, folded: Mapping[str, str]
) -> ContrastRow:
    """The contrast over the seeds of the spec; `folded` are variants that are another's trials. Raises SpecError when it names no variant
    of the design.
    """
    metric = metric_info(spec.metric.primary)
    weights = contrast_weights(contrast, variants)
    by_variant: dict[str, dict[int, float]] = {name: {} for name in weights}
    for (name, seed), outcome in outcomes.items():
        if name in by_variant and outcome.state == "finished" and metric.name in outcome.metrics:
            by_variant[name][seed] = outcome.metrics[metric.name]
    summary = paired_contrast(by_variant, weights, spec.seeds)
    dropped = {seed: _why_dropped(seed, weights, metric.name, outcomes) for seed in spec.seeds if seed not in summary.by_seed}
    decimals = metric.decimals
    if summary.interval is not None and not summary.interval.holds(0):
        decimals = numbers.enough_decimals((summary.interval.low, summary.interval.high), decimals)
    itself = compares_with_itself(weights, folded)
    doubts = (*caveats(contrast, spec, variants), *([itself] if itself else []))
    return ContrastRow(
        name=contrast.name,
        question=contrast.question,
        definition=_definition(contrast, variants),
        metric=metric.name,
        direction=metric.direction,
        weights=weights,
        summary=summary,
        dropped=dropped,
        margin=_in_units(contrast),
        decimals=decimals,
        caveats=doubts,
        sentence=" ".join(
            part
            for part in (
                _finding(contrast, metric, summary, decimals, variants),
                _without_width(summary.interval),
                _against_margin(_in_units(contrast), summary.interval),
                _left_out(dropped, len(spec.seeds)),
                *doubts,
            )
            if part
        ),
    )


def _why_dropped(seed: int, weights: Mapping[str, float], metric: str, outcomes: Outcomes) -> str:
    for name, weight in weights.items():
        outcome = outcomes.get((name, seed))
        state = "pending" if outcome is None else outcome.state
        if weight and state != "finished":
            return f"{name} {'is ' if state in ('pending', 'running') else ''}{state}"
    return f"no usable {metric} in a finished trial"


def _definition(contrast: Contrast, variants: Sequence[Variant]) -> str:
    if contrast.weights is not None:
        return " ".join(f"{weight:+g}*{name}" for name, weight in contrast.weights.items())
    return f"{_cell(contrast.of)} minus {_cell(contrast.to)}{_context(contrast, variants)}"


def _cell(cell: Cell | str | None) -> str:
    if isinstance(cell, dict):
        return ", ".join(f"{factor}={level_name(level)}" for factor, level in cell.items())
    return str(cell)


def _context(contrast: Contrast, variants: Sequence[Variant]) -> str:
    """' at separation=full' for levels that are held, ' (averaged over gap)' for factors that nobody names."""
    held = f" at {_cell(contrast.holding)}" if contrast.holding else ""
    if not isinstance(contrast.of, dict) or not isinstance(contrast.to, dict):
        return held
    free = [factor for factor in variants[0].levels if factor not in contrast.holding | contrast.of | contrast.to]
    return held + (f" (averaged over {' and '.join(free)})" if free else "")


def _finding(contrast: Contrast, metric: MetricInfo, summary: Summary, decimals: int, variants: Sequence[Variant]) -> str:
    pairs = numbers.plural(summary.n, "paired seed")
    definition = _definition(contrast, variants)
    if summary.mean is None:
        return f"{definition}: {pairs}, no estimate and no interval, {MIN_SEEDS} are needed."
    estimate = numbers.fixed(summary.mean, decimals)
    if summary.interval is None:
        return f"{definition}: {metric.name} {estimate}; {pairs}: no interval, {MIN_SEEDS} are needed."
    found = f"{estimate} {numbers.interval((summary.interval.low, summary.interval.high), decimals)}"
    rule = f"{CONFIDENCE:.0%}, {pairs}"
    if contrast.weights is not None:
        sign = "not distinguished from 0" if summary.interval.holds(0) else "positive" if summary.mean > 0 else "negative"
        held = ", the interval holds 0" if summary.interval.holds(0) else ""
        return f"The weighted sum of {metric.name}, {definition}, is {sign}: {found} ({rule}){held}."
    of, to, context = _cell(contrast.of), _cell(contrast.to), _context(contrast, variants)
    differs = f"{metric.name} differs by {found} ({rule}; {metric.direction} is better)"
    if summary.interval.holds(0):
        return f"No difference shown between {of} and {to}{context}: {differs}, the interval holds 0."
    verdict = "better" if (summary.mean < 0) == (metric.direction == "lower") else "worse"
    return f"{of} is {verdict} than {to}{context} by {numbers.fixed(abs(summary.mean), decimals)}: {differs}."


def _without_width(interval: Interval | None) -> str:
    if interval is None or interval.low < interval.high:
        return ""
    return "Every seed gave the same value, so the interval has no width; that is not certainty."


def _in_units(contrast: Contrast) -> float | None:
    """The margin, unless it is a share."""
    return contrast.margin if isinstance(contrast.margin, float) else None


def _against_margin(margin: float | None, interval: Interval | None) -> str:
    if margin is None:
        return ""
    if interval is None:
        return f"Without an interval nothing is said about the margin of ±{margin:g}."
    if -margin < interval.low and interval.high < margin:
        return f"The whole interval lies within the margin of ±{margin:g}."
    if interval.low > margin or interval.high < -margin:
        return f"The whole interval lies beyond the margin of ±{margin:g}."
    return f"The interval lies neither wholly within nor wholly beyond the margin of ±{margin:g}."


def _left_out(dropped: Mapping[int, str], planned: int) -> str:
    if not dropped:
        return ""
    seeds: dict[str, list[int]] = {}
    for seed, reason in dropped.items():
        seeds.setdefault(reason, []).append(seed)
    reasons = "; ".join(f"{numbers.listed('seed', alike)}: {reason}" for reason, alike in seeds.items())
    return f"Left out {len(dropped)} of {numbers.plural(planned, 'seed')} ({reasons})."
