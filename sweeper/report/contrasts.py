"""A declared contrast, computed on the metric that it was declared for and put into a plain sentence."""

from collections.abc import Mapping, Sequence

from sweeper.metrics import MetricInfo, metric_info
from sweeper.records import Variant
from sweeper.report import numbers
from sweeper.report.comparability import Comparability
from sweeper.report.results import ContrastResult
from sweeper.report.shared_trials import compares_with_itself
from sweeper.report.trial_values import BlockDesigns, Outcomes, values_of
from sweeper.spec.comparisons import caveats
from sweeper.spec.designs import cells_of, contrast_weights
from sweeper.spec.factors import Cell, level_name
from sweeper.spec.sweep_spec import Contrast, SweepSpec
from sweeper.states import TRIAL_STATES, TrialProperties
from sweeper.stats.estimates import ByVariant, summarise_contrast
from sweeper.stats.pairing import Pairing, pairing_efficiency, pairing_of
from sweeper.stats.summaries import CONFIDENCE, MIN_SEEDS, Interval, Summary


def contrast_result(
    contrast: Contrast,
    spec: SweepSpec,
    variants: Sequence[Variant],
    outcomes: Outcomes,
    shared: Mapping[str, str],
    comparability: Comparability,
    block_designs: BlockDesigns,
) -> ContrastResult:
    """The contrast over the seeds of the spec; `shared` are variants that are another's trials. Raises SpecError when it names no variant
    of the design.
    """
    metric = metric_info(spec.metric_of(contrast))
    spread = spec.metric.assumed_spread if metric.name == spec.metric.primary else None
    weights = contrast_weights(contrast, variants)
    why_not = comparability.separates(metric.name, cells_of(contrast, variants))
    by_variant = values_of(weights, spec, outcomes, metric.name) if why_not is None else {}
    pairing = pairing_of(weights, spec.seeds, outcomes, spec.analysis)
    block_design = block_designs.of(weights, metric.name) if why_not is None else None
    summary, bootstrap = summarise_contrast(by_variant, weights, spec.seeds, pairing.paired, spread, block_design)
    without = [seed for seed in spec.seeds if pairing.paired and seed not in summary.by_seed and why_not is None]
    dropped = {seed: _why_dropped(seed, weights, metric.name, outcomes) for seed in without}
    decimals = metric.decimals
    if summary.interval is not None and not summary.interval.holds(0):
        decimals = numbers.enough_decimals((summary.interval.low, summary.interval.high), decimals)
    itself = compares_with_itself(weights, shared)
    doubts = (*caveats(contrast, spec, variants), *([itself] if itself else []))
    finding = f"{definition_of(contrast, variants)}: no estimate, since {metric.name} does not compare here: {why_not}."
    said = _sayings(contrast, spec, variants, summary, decimals, dropped, by_variant, pairing) if why_not is None else [finding]
    counted = [variant.name for variant in variants] if summary.rule == "block" else [name for name, weight in weights.items() if weight]
    if summary.interval is not None and any(_waits(outcomes, name, seed) for name in counted for seed in spec.seeds):
        said = [*said, "Interim: trials are still missing, and the numbers will change."]
    return ContrastResult(
        name=contrast.name,
        question=contrast.question,
        definition=definition_of(contrast, variants),
        metric=metric.name,
        direction=metric.direction,
        weights=weights,
        summary=summary,
        dropped=dropped,
        margin=_in_units(contrast),
        pairing=pairing,
        pairing_efficiency=pairing_efficiency(by_variant, weights, spec.seeds) if pairing.paired else None,
        bootstrap=bootstrap,
        decimals=decimals,
        caveats=doubts,
        sentence=" ".join(part for part in (*said, *doubts) if part),
    )


def _sayings(
    contrast: Contrast,
    spec: SweepSpec,
    variants: Sequence[Variant],
    summary: Summary,
    decimals: int,
    dropped: Mapping[int, str],
    by_variant: ByVariant,
    pairing: Pairing,
) -> list[str]:
    """What came out; empty where there is nothing to say."""
    return [
        _finding(contrast, metric_info(spec.metric_of(contrast)), summary, decimals, variants, spec),
        _without_width(summary.interval),
        "" if contrast.kind else _against_margin(_in_units(contrast), summary.interval),
        _left_out(dropped, len(spec.seeds)),
        "" if pairing.paired else _fewer(by_variant, len(spec.seeds)),
    ]


def _waits(outcomes: Outcomes, name: str, seed: int) -> bool:
    return not _state(outcomes, name, seed).has_ended


def _state(outcomes: Outcomes, name: str, seed: int) -> TrialProperties:
    outcome = outcomes.get((name, seed))
    return TRIAL_STATES["pending" if outcome is None else outcome.state]


def _why_dropped(seed: int, weights: Mapping[str, float], metric: str, outcomes: Outcomes) -> str:
    for name, weight in weights.items():
        state = _state(outcomes, name, seed)
        if weight and not state.has_result:
            return f"{name} {state.reads_as}"
    return f"no usable {metric} in a finished trial"


def definition_of(contrast: Contrast, variants: Sequence[Variant]) -> str:
    if contrast.weights is not None:
        return " ".join(f"{weight:+g}*{name}" for name, weight in contrast.weights.items())
    return f"{cell_text(contrast.of)} minus {cell_text(contrast.to)}{context_text(contrast, variants)}"


def cell_text(cell: Cell | str | None) -> str:
    if isinstance(cell, dict):
        return ", ".join(f"{factor}={level_name(level)}" for factor, level in cell.items())
    return str(cell)


def context_text(contrast: Contrast, variants: Sequence[Variant]) -> str:
    """' at separation=full' for levels that are held, ' (averaged over gap)' for factors that nobody names."""
    held = f" at {cell_text(contrast.holding)}" if contrast.holding else ""
    if not isinstance(contrast.of, dict) or not isinstance(contrast.to, dict):
        return held
    free = [factor for factor in variants[0].levels if factor not in contrast.holding | contrast.of | contrast.to]
    return held + (f" (averaged over {' and '.join(free)})" if free else "")


def _finding(contrast: Contrast, metric: MetricInfo, summary: Summary, decimals: int, variants: Sequence[Variant], spec: SweepSpec) -> str:
    apart = "block analysis" if summary.rule == "block" else "not paired"
    pairs = numbers.plural(summary.n, "paired seed") if summary.cells is None else f"{numbers.plural(summary.n, 'seed')} a cell, {apart}"
    definition = definition_of(contrast, variants)
    if summary.mean is None:
        return f"{definition}: {pairs}, no estimate and no interval, {MIN_SEEDS} are needed."
    estimate = numbers.fixed(summary.mean, decimals)
    if summary.interval is None:
        return f"{definition}: {metric.name} {estimate}; {pairs}: no interval, {MIN_SEEDS} are needed."
    found = f"{estimate} {numbers.interval((summary.interval.low, summary.interval.high), decimals)}"
    rule = f"{CONFIDENCE:.0%} unadjusted, {pairs}" + (f", assumed CV of {spec.metric.assumed_cv}" if summary.rule == "assumed" else "")
    held = "the interval holds 0" if summary.interval.holds(0) else "the interval excludes 0"
    if contrast.weights is not None:
        return f"The weighted sum of {metric.name}, {definition}, is {found} ({rule}); {held}."
    return f"{definition}: {metric.name} differs by {found} ({rule}; {metric.direction} is better); {held}."


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


def _fewer(by_variant: ByVariant, planned: int) -> str:
    short = [f"{name} {len(values)} of {planned}" for name, values in by_variant.items() if len(values) < planned]
    return f"Seeds with a value: {', '.join(short)}." if short else ""


def _left_out(dropped: Mapping[int, str], planned: int) -> str:
    if not dropped:
        return ""
    seeds: dict[str, list[int]] = {}
    for seed, reason in dropped.items():
        seeds.setdefault(reason, []).append(seed)
    reasons = "; ".join(f"{numbers.listed('seed', alike)}: {reason}" for reason, alike in seeds.items())
    return f"Left out {len(dropped)} of {numbers.plural(planned, 'seed')} ({reasons})."
