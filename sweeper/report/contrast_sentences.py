"""What a contrast compares, what a claim says of it, and what came out, in words."""

import math
from collections.abc import Mapping, Sequence

from sweeper.metrics import MetricInfo
from sweeper.records import Variant
from sweeper.report import numbers
from sweeper.report.earlier_versions import EarlierTest
from sweeper.report.sweep_trials import ContrastData
from sweeper.spec.factors import Cell, level_name
from sweeper.spec.sweep_spec import Contrast, SweepSpec
from sweeper.stats.claims import Answer, ClaimData, Decision
from sweeper.stats.estimates import ByVariant, Estimate
from sweeper.stats.sample_size import AdditionalSeeds, SeedCount
from sweeper.stats.summaries import CONFIDENCE, MIN_SEEDS, Interval, Summary
from sweeper.stats.verdicts import LOST_DEVIATIONS

_ANSWERS: Mapping[Answer, str] = {
    "superior": "superior",
    "superior_negligible": "better, but by less than the smallest effect of interest, {size}",
    "equivalent": "equivalent, the effect is smaller than the smallest effect of interest, {size}",
    "inferior_negligible": "worse, but by less than the smallest effect of interest, {size}",
    "inferior": "inferior",
    "inconclusive": "none of superior, equivalent and inferior is shown, the smallest effect of interest being {size}",
}

DIVERGENCE_CLAIMED = (
    "Whether trials finish can be claimed itself: `kind: finishes_more`, declared before results, on seeds that no report has shown."
)
FRESH_SEEDS = (
    "A test of its own needs seeds that none of these has seen, in a new sweep with other `seeds`; several looks need `sequential` there,"
    " before its first result."
)
_FINE = 0.01
"""On the log: intervals narrower than this are printed in hundredths of a percent."""


class Amounts:
    """How values on a claim's scale are written: in units of the metric, or as a change in %."""

    def __init__(self, log: bool, decimals: int, interval: Interval | None) -> None:
        self.log, self.decimals = log, decimals
        if log:
            self.decimals = 2 if interval is not None and interval.high - interval.low < _FINE else 1
        elif interval is not None and not interval.holds(0):
            self.decimals = numbers.enough_decimals((interval.low, interval.high), decimals)

    def one(self, value: float) -> str:
        return f"{numbers.fixed(100 * math.expm1(min(value, 50.0)), self.decimals)}%" if self.log else numbers.fixed(value, self.decimals)

    def both(self, interval: Interval | None) -> str:
        return numbers.MISSING if interval is None else f"[{self.one(interval.low)}, {self.one(interval.high)}]"


class Points:
    """How differences in share are written: in percentage points."""

    log = False

    def __init__(self, interval: Interval | None) -> None:
        ends = None if interval is None or interval.holds(0) else (100 * interval.low, 100 * interval.high)
        self.decimals = 0 if ends is None else numbers.enough_decimals(ends, 0)

    def one(self, value: float) -> str:
        return f"{self.number(value)} points"

    def both(self, interval: Interval | None) -> str:
        return numbers.MISSING if interval is None else f"[{self.number(interval.low)}, {self.number(interval.high)}]"

    def number(self, value: float) -> str:
        return numbers.fixed(100 * value, self.decimals)


def finishing_text(estimate: Estimate, amounts: Points, interval: Interval | None, level: str) -> str:
    """'10 of 10 against 3 of 10, a difference of 70 percentage points [31, 93] (95% interval, Barnard's exact test)'."""
    counts = estimate.counts
    assert counts is not None, "of a claim of this kind"
    shares = f"{counts.of_finished} of {counts.of_trials} against {counts.to_finished} of {counts.to_trials}"
    how = "Barnard's exact test" if counts.exact else "score test by its normal law"
    difference = f"{amounts.number(estimate.value)} percentage points {amounts.both(interval)}"
    return f"{shares}, a difference of {difference} ({level} interval, {how})"


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


def contrast_sentences(
    data: ContrastData,
    spec: SweepSpec,
    variants: Sequence[Variant],
    summary: Summary,
    decimals: int,
    dropped: Mapping[int, str],
    *,
    waits: bool,
) -> tuple[list[str], list[str]]:
    """What came out in units of the metric, a sentence each; and those of them that say what is left out."""
    contrast, metric = data.contrast, data.metric
    if data.not_comparable is not None:
        return [f"{definition_of(contrast, variants)}: no estimate, since {metric.name} does not compare here: {data.not_comparable}."], []
    if data.on_finishing:
        return [], []
    margin = contrast.margin if isinstance(contrast.margin, float) and contrast.kind is None else None
    weighed = {name: data.values[name] for name in data.weights}
    left_out = _left_out(dropped, len(spec.seeds)) if data.pairing.paired else _fewer(weighed, len(spec.seeds))
    sentences = [
        _finding(contrast, metric, summary, decimals, variants, spec),
        _without_width(summary.interval),
        _against_margin(margin, summary.interval),
        left_out,
        "Interim: trials are still missing, and the numbers will change." if waits and summary.interval is not None else "",
    ]
    return [sentence for sentence in sentences if sentence], [left_out] if left_out else []


def _finding(contrast: Contrast, metric: MetricInfo, summary: Summary, decimals: int, variants: Sequence[Variant], spec: SweepSpec) -> str:
    apart = "block analysis" if summary.rule == "block" else "not paired"
    pairs = numbers.plural(summary.n, "paired seed") if summary.cells is None else f"{numbers.plural(summary.n, 'seed')} a cell, {apart}"
    definition = definition_of(contrast, variants)
    if summary.mean is None:
        return f"{definition}: {pairs}, no estimate and no interval, {MIN_SEEDS} are needed."
    estimate = numbers.fixed(summary.mean, decimals)
    if summary.interval is None:
        return f"{definition}: {metric.name} {estimate}; {pairs}: no interval, {MIN_SEEDS} are needed."
    difference = f"{estimate} {numbers.interval((summary.interval.low, summary.interval.high), decimals)}"
    rule = f"{CONFIDENCE:.0%} unadjusted, {pairs}" + (f", assumed CV of {spec.metric.assumed_cv}" if summary.rule == "assumed" else "")
    held = "the interval holds 0" if summary.interval.holds(0) else "the interval excludes 0"
    if contrast.weights is not None:
        return f"The weighted sum of {metric.name}, {definition}, is {difference} ({rule}); {held}."
    return f"{definition}: {metric.name} differs by {difference} ({rule}; {metric.direction} is better); {held}."


def _without_width(interval: Interval | None) -> str:
    if interval is None or interval.low < interval.high:
        return ""
    return "Every seed gave the same value, so the interval has no width; that is not certainty."


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


def size_text(size: float | str) -> str:
    """A margin or an effect as the sweep gives it."""
    return size if isinstance(size, str) else f"{size:g}"


def statement(claim: Contrast, variants: Sequence[Variant]) -> str:
    """What the claim says of its cells, in words."""
    margin = "" if claim.margin is None else size_text(claim.margin) + (f" of {claim.relative_to}" if claim.relative_to else "")
    if claim.weights is not None:
        sum_ = f"the weighted sum {definition_of(claim, variants)}"
        return {
            "superior": f"{sum_} is better than 0" + (f" by more than {margin}" if margin else ""),
            "non_inferior": f"{sum_} is not worse than 0 by more than {margin}",
            "equivalent": f"{sum_} is less than {margin} from 0",
            "no_interaction": f"the interaction {definition_of(claim, variants)} is less than {margin}",
        }[str(claim.kind)]
    of, to, context = cell_text(claim.of), cell_text(claim.to), context_text(claim, variants)
    return {
        "finishes_more": f"trials of {of} finish more often than those of {to}{context}",
        "superior": f"{of} is better than {to}{context}" + (f" by more than {margin}" if margin else ""),
        "non_inferior": f"{of} is not worse than {to}{context} by more than {margin}",
        "equivalent": f"{of} and {to}{context} differ by less than {margin}",
    }[str(claim.kind)]


def claim_sentence(
    data: ClaimData,
    decision: Decision,
    missing: AdditionalSeeds,
    says: str,
    amounts: Amounts | Points,
    interval: Interval | None,
    level: float,
    spec: SweepSpec,
    tests: Sequence[EarlierTest],
    unbiased: float | None,
    flipped: float | None,
) -> str:
    estimate = decision.estimate
    parts = [f"{_headline(data, decision, spec)}: {says}.", *_answer(data, decision)]
    hidden = sum(data.diverged.values()) > 0 and data.kind != "finishes_more"
    if hidden:
        counts = ", ".join(f"{data.diverged.get(name, 0)} of {len(spec.seeds)} of {name}" for name in data.values)
        parts.append(f"Diverged: {counts}; a mean over the others would hide it, so nothing is concluded. {DIVERGENCE_CLAIMED}")
    if isinstance(amounts, Points) and estimate is not None:
        parts[0] = f"{parts[0].removesuffix('.')}: {finishing_text(estimate, amounts, interval, _level(level))}."
        parts += _about_trials(data, estimate)
    elif estimate is None:
        parts.append(_too_few(data, len(spec.seeds)))
        return " ".join(parts)
    else:
        what = f"{'Relative change' if amounts.log else 'Difference'} of {spec.metric_of(data.contrast)}"
        if interval is None:
            parts.append(f"{what}: {amounts.one(estimate.value)}; every seed gave the same value, which says nothing of the error.")
            return " ".join(parts)
        parts.append(f"{what}: {amounts.one(estimate.value)} {amounts.both(interval)} ({_level(level)} interval, {basis(estimate, spec)}).")
    if unbiased is not None:
        parts.append(f"Corrected for stopping early: {amounts.one(unbiased)}.")
    if decision.p is not None and decision.p_adjusted is not None:
        many = len(spec.claims) > 1
        adjusted = f", {numbers.p_value(decision.p_adjusted)} after Holm over {len(spec.claims)} claims" if many else ""
        contrary = ""
        if decision.verdict == "refuted" and decision.refuting is not None:
            contrary = f", of the contrary {numbers.p_value(decision.refuting)}"
        if decision.equivalent is not None and data.contrast.smallest_effect is not None:
            contrary += f", of an effect below {size_text(data.contrast.smallest_effect)} {numbers.p_value(decision.equivalent)}"
        parts.append(f"p = {numbers.p_value(decision.p)}{adjusted}{contrary}{_looks(spec, decision)}; alpha is {data.contrast.alpha:g}.")
    if flipped is not None:
        parts.append(f"Without a law (exact sign-flip test, unadjusted; it decides nothing): p = {numbers.p_value(flipped)}.")
    parts += _about_losses(data)
    parts += [f"{test.sentence}{_left(decision)}" for test in tests]
    if decision.verdict == "exploratory":
        parts.append(FRESH_SEEDS)
    if decision.verdict == "inconclusive" and not hidden:
        parts.append(_more(missing, estimate.seeds, spec))
    return " ".join(filter(None, parts))


def _answer(data: ClaimData, decision: Decision) -> list[str]:
    if decision.answer is None or data.contrast.smallest_effect is None:
        return []
    return [f"Answer: {_ANSWERS[decision.answer].format(size=size_text(data.contrast.smallest_effect))}."]


def _headline(data: ClaimData, decision: Decision, spec: SweepSpec) -> str:
    if decision.at_fixed_look:
        return f"{decision.verdict.capitalize()} at {numbers.plural(decision.looks[-1], 'seed')}"
    if decision.verdict != "interim":
        return decision.verdict.capitalize()
    there = len(spec.seeds) - len(data.waiting)
    return f"Interim, {there} of {numbers.plural(len(spec.seeds), 'seed')}, no verdict yet"


def _left(decision: Decision) -> str:
    """Of alpha, after an earlier test."""
    if decision.at_fixed_look:
        return ": that verdict stands, and a look at more seeds gives no other."
    return ", so no alpha is left for a verdict here."


def _about_losses(data: ClaimData) -> list[str]:
    if not data.lost_unequally:
        return []
    counts = ", ".join(f"{len(data.lost.get(name, ()))} of {name}" for name in data.tested)
    if data.kind == "finishes_more":
        return [
            f"Lost trials, which neither finished nor diverged: {counts}. A verdict is given only if it also holds with each of them"
            " counted as finished or as diverged, whichever is worse for the verdict."
        ]
    return [
        f"Lost trials: {counts}. A cell that loses seeds another one keeps is no fair sample, so a verdict is given only if it also holds"
        f" with each lost trial {LOST_DEVIATIONS:g} standard deviations from its cell's mean, whichever way is worse for the verdict."
    ]


def _about_trials(data: ClaimData, estimate: Estimate) -> list[str]:
    """What stands behind the counts."""
    sentences = []
    if len(data.weights) > 2:
        of, to = (" and ".join(name for name, weight in data.weights.items() if sign * weight > 0) for sign in (1, -1))
        sentences.append(f"Counted together: trials of {of}, against trials of {to}.")
    if estimate.seeds < MIN_SEEDS:
        sentences.append(f"{MIN_SEEDS} seeds a cell are needed for a verdict.")
    return sentences


def _level(level: float) -> str:
    return f"{numbers.fixed(100 * level, 2 if level > 0.99 else 1).rstrip('0').rstrip('.')}%"


def basis(estimate: Estimate, spec: SweepSpec) -> str:
    """The rule behind an interval, and how many seeds."""
    match estimate.rule:
        case "paired":
            return f"t over {numbers.plural(estimate.seeds, 'paired seed')}"
        case "block":
            return f"block analysis, t with {estimate.degrees:g} degrees of freedom, {numbers.plural(estimate.seeds, 'seed')} a cell"
        case "welch":
            return f"Welch's t, {numbers.plural(estimate.seeds, 'seed')} a cell"
        case _:
            return f"normal with an assumed CV of {spec.metric.assumed_cv}, {numbers.plural(estimate.seeds, 'seed')} a cell"


def _looks(spec: SweepSpec, decision: Decision) -> str:
    if spec.sequential is None or decision.at_fixed_look:
        return ""
    rule = {"obrien_fleming": "O'Brien-Fleming", "pocock": "Pocock"}[spec.sequential.spending]
    return f" and {rule} spending, look {len(decision.looks)} of a sweep of at most {spec.sequential.max_seeds} seeds"


def _too_few(data: ClaimData, planned: int) -> str:
    there = min((len(by_seed) for by_seed in data.values.values()), default=0)
    return f"{there} of {numbers.plural(planned, 'seed')} a cell have a value, {MIN_SEEDS} are needed for an interval."


def _more(missing: AdditionalSeeds, seeds: int, spec: SweepSpec) -> str:
    """How many seeds more, under two assumptions where they are not the same; each from a spread that is itself an estimate."""
    zero, estimate = missing.if_zero, missing.if_estimate
    if zero is None or estimate is None:
        return ""
    if zero.low is None and estimate.low is None:
        return "No number of seeds would be likely to decide it, were the true effect zero or the estimate."
    left = None if spec.sequential is None else spec.sequential.max_seeds - seeds

    def phrase(more: SeedCount) -> str:
        if more.number is None:
            return "no number of seeds" if more.low is None else f"at least {more.low:,} more seeds per cell"
        span = "" if (more.low, more.high) == (more.number, more.number) else f" ({_count(more.low)} to {_count(more.high)})"
        beyond = f", beyond the {left} that max_seeds leaves" if left is not None and more.number > left else ""
        return f"about {more.number:,}{span} more {'seed' if more.number == 1 and not span else 'seeds'} per cell{beyond}"

    if zero.number == estimate.number:
        both = SeedCount(zero.number, min(zero.low or 0, estimate.low or 0) or None, _largest(zero.high, estimate.high))
        return f"{phrase(both).capitalize()} would decide it (power .8), were the true effect zero or the estimate."
    first, second = phrase(zero), phrase(estimate)
    return f"{first.capitalize()} would decide it (power .8) if the true effect is zero, {second} if it is the estimate."


def _largest(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def _count(number: int | None) -> str:
    return "any number" if number is None else f"{number:,}"
