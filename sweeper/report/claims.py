"""The claims of a report: what each says, its numbers as they are printed, and its verdict in a sentence."""

import math
from collections import Counter
from collections.abc import Sequence

from sweeper.metrics import MetricInfo, metric_info
from sweeper.records import Variant
from sweeper.report import numbers
from sweeper.report.bootstrap import bootstrap_mean, bootstrap_sum
from sweeper.report.contrasts import Outcomes, cell_text, context_text, definition_of, values_of
from sweeper.report.estimates import Estimate
from sweeper.report.hypotheses import claim_interval, interval_level
from sweeper.report.pairing import pairing_of
from sweeper.report.rows import ClaimRow
from sweeper.report.statistics import MIN_SEEDS, Interval
from sweeper.report.verdicts import Case, Judged, Missing, judge, missing_seeds
from sweeper.spec.designs import contrast_weights
from sweeper.spec.sweep_spec import Contrast, SweepSpec

_FINE = 0.01
"""On the log: intervals narrower than this are printed in hundredths of a percent."""


def claim_rows(spec: SweepSpec, variants: Sequence[Variant], outcomes: Outcomes) -> tuple[ClaimRow, ...]:
    """One row per claim, judged together."""
    metric = metric_info(spec.metric.primary)
    cases = [_case(claim, spec, variants, outcomes) for claim in spec.claims]
    better = -1 if spec.metric.direction == "lower" else 1
    spread = spec.metric.assumed_spread
    judged = judge(cases, spec.seeds, spec.looks, better=better, assumed_cv=spread, sequential=spec.sequential)
    undecided = sum(each.verdict == "inconclusive" for each in judged)
    rows = []
    for case, each in zip(cases, judged, strict=True):
        missing = missing_seeds(case, each, undecided=undecided, better=better)
        rows.append(_row(case, each, missing, spec, metric, variants))
    return tuple(rows)


def _case(claim: Contrast, spec: SweepSpec, variants: Sequence[Variant], outcomes: Outcomes) -> Case:
    weights = contrast_weights(claim, variants)
    cells = [*weights, *({claim.relative_to} - weights.keys() if claim.relative_to else ())]
    states = {(name, seed): outcomes[name, seed].state for name in cells for seed in spec.seeds if (name, seed) in outcomes}
    diverged = Counter(name for (name, _), state in states.items() if state == "diverged")
    return Case(claim, weights, values_of(cells, spec, outcomes), pairing_of(cells, spec.seeds, outcomes).paired, diverged)


def _row(case: Case, judged: Judged, missing: Missing, spec: SweepSpec, metric: MetricInfo, variants: Sequence[Variant]) -> ClaimRow:
    claim, found = case.contrast, judged.found
    assert claim.alpha is not None, "a claim has one"
    level = interval_level(case.kind, claim.alpha)
    interval = None if found is None or found.error == 0 else claim_interval(found, level)
    amounts = _Amounts(case.scale.log, metric.decimals, interval)
    says = _statement(claim, variants)
    return ClaimRow(
        name=claim.name,
        kind=case.kind,
        says=says,
        metric=metric.name,
        alpha=claim.alpha,
        margin=None if claim.margin is None else _margin(claim),
        margin_value=None if claim.margin is None else case.margin,
        on_log=case.scale.log,
        relative_to=claim.relative_to,
        rule=None if found is None else found.rule,
        seeds=0 if found is None else found.seeds,
        estimate=None if found is None else found.value,
        level=level,
        interval=interval,
        bootstrap=_bootstrap(case, found, level),
        p=judged.p,
        p_adjusted=judged.p_adjusted,
        refuting_p=judged.refuting,
        verdict=judged.verdict,
        more_if_zero=missing.if_zero,
        more_if_estimate=missing.if_estimate,
        diverged=dict(case.diverged),
        estimate_text=amounts.one(found.value) if found else numbers.MISSING,
        interval_text=amounts.both(interval),
        sentence=_sentence(case, judged, missing, says, amounts, interval, level, spec),
    )


class _Amounts:
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


def _margin(claim: Contrast) -> str:
    return claim.margin if isinstance(claim.margin, str) else f"{claim.margin:g}"


def _statement(claim: Contrast, variants: Sequence[Variant]) -> str:
    """What the claim says of its cells, in words."""
    margin = "" if claim.margin is None else _margin(claim) + (f" of {claim.relative_to}" if claim.relative_to else "")
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
        "superior": f"{of} is better than {to}{context}" + (f" by more than {margin}" if margin else ""),
        "non_inferior": f"{of} is not worse than {to}{context} by more than {margin}",
        "equivalent": f"{of} and {to}{context} differ by less than {margin}",
    }[str(claim.kind)]


def _bootstrap(case: Case, found: Estimate | None, level: float) -> Interval | None:
    if found is None or found.rule == "assumed":
        return None
    if found.rule == "paired":
        return bootstrap_mean(list(found.by_seed.values()), level)
    if case.scale.relative_to is not None:
        return None
    logs = case.scale.log
    read = {name: [math.log(value) if logs else value for value in case.values[name].values()] for name in case.weights}
    return bootstrap_sum(read, case.weights, level)


def _sentence(
    case: Case, judged: Judged, missing: Missing, says: str, amounts: _Amounts, interval: Interval | None, level: float, spec: SweepSpec
) -> str:
    found = judged.found
    parts = [f"{judged.verdict.capitalize()}: {says}."]
    if sum(case.diverged.values()):
        counts = ", ".join(f"{case.diverged.get(name, 0)} of {len(spec.seeds)} of {name}" for name in case.values)
        parts.append(f"Diverged: {counts}; a mean over the others would hide it, so nothing is concluded.")
    if found is None:
        parts.append(_too_few(case, len(spec.seeds)))
        return " ".join(parts)
    what = f"{'Relative change' if amounts.log else 'Difference'} of {spec.metric.primary}"
    if interval is None:
        parts.append(f"{what}: {amounts.one(found.value)}; every seed gave the same value, which says nothing of the error.")
        return " ".join(parts)
    parts.append(f"{what}: {amounts.one(found.value)} {amounts.both(interval)} ({100 * level:.3g}% interval, {basis(found, spec)}).")
    if judged.p is not None and judged.p_adjusted is not None:
        many = len(spec.claims) > 1
        adjusted = f", {numbers.p_value(judged.p_adjusted)} after Holm over {len(spec.claims)} claims" if many else ""
        contrary = ""
        if judged.verdict == "refuted" and judged.refuting is not None:
            contrary = f", of the contrary {numbers.p_value(judged.refuting)}"
        parts.append(f"p = {numbers.p_value(judged.p)}{adjusted}{contrary}{_looks(spec)}; alpha is {case.contrast.alpha:g}.")
    if judged.verdict == "inconclusive" and not sum(case.diverged.values()):
        parts.append(_more(missing))
    return " ".join(parts)


def basis(found: Estimate, spec: SweepSpec) -> str:
    """The rule behind an interval, and how many seeds."""
    match found.rule:
        case "paired":
            return f"t over {numbers.plural(found.seeds, 'paired seed')}"
        case "welch":
            return f"Welch's t, {numbers.plural(found.seeds, 'seed')} a cell"
        case _:
            return f"normal with an assumed CV of {spec.metric.assumed_cv}, {numbers.plural(found.seeds, 'seed')} a cell"


def _looks(spec: SweepSpec) -> str:
    if spec.sequential is None:
        return ""
    rule = {"obrien_fleming": "O'Brien-Fleming", "pocock": "Pocock"}[spec.sequential.spending]
    return f" and {rule} spending, look {len(spec.looks)} of a sweep of at most {spec.sequential.max_seeds} seeds"


def _too_few(case: Case, planned: int) -> str:
    there = min((len(found) for found in case.values.values()), default=0)
    return f"{there} of {numbers.plural(planned, 'seed')} a cell have a value, {MIN_SEEDS} are needed for an interval."


def _more(missing: Missing) -> str:
    """How many seeds more, under two assumptions where they are not the same."""
    zero, estimate = missing.if_zero, missing.if_estimate
    if zero is None and estimate is None:
        return "No number of seeds would be likely to decide it, were the true effect zero or the estimate."

    def said(number: int | None) -> str:
        return "no number of seeds" if number is None else f"about {number:,} more {'seed' if number == 1 else 'seeds'} per cell"

    if zero == estimate:
        return f"{said(zero).capitalize()} would decide it (power .8), were the true effect zero or the estimate."
    first, second = said(zero), said(estimate)
    return f"{first.capitalize()} would decide it (power .8) if the true effect is zero, {second} if it is the estimate."
