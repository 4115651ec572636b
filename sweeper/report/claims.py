"""The claims of a report, judged together, with their numbers as they are printed."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sweeper.metrics import MetricInfo, metric_info
from sweeper.records import EarlierVersion, Variant
from sweeper.report import numbers
from sweeper.report.bootstrap import bootstrap_mean, bootstrap_sum
from sweeper.report.cases import Case, Judged
from sweeper.report.claim_sentences import Amounts, claim_sentence, size_text, statement
from sweeper.report.comparability import Comparability
from sweeper.report.earlier_tests import EarlierTest, earlier_tests, fixed_look
from sweeper.report.estimates import Estimate
from sweeper.report.finishing import Points, ends_of, is_finishing
from sweeper.report.fixed_look import judge_after_fixed_look
from sweeper.report.hypotheses import claim_interval, interval_level
from sweeper.report.missing_seeds import Missing, missing_seeds
from sweeper.report.pairing import pairing_of
from sweeper.report.pools import Pools
from sweeper.report.rows import ClaimRow
from sweeper.report.sign_flip import sign_flip_p
from sweeper.report.statistics import Interval
from sweeper.report.trial_values import Outcomes, values_of, within
from sweeper.report.verdicts import judge, without_stopping_bias
from sweeper.spec.designs import cells_of, contrast_weights
from sweeper.spec.sweep_spec import Contrast, SweepSpec
from sweeper.states import TRIAL_STATES, TrialState


def claim_rows(
    spec: SweepSpec,
    variants: Sequence[Variant],
    outcomes: Outcomes,
    comparability: Comparability,
    pools: Pools,
    earlier: Sequence[EarlierVersion] = (),
) -> tuple[ClaimRow, ...]:
    """One row per claim, judged together; `earlier` are the other stored versions that judged some of the same trials."""
    why_not = [comparability.separates(spec.metric_of(claim), cells_of(claim, variants)) for claim in spec.claims]
    tests = [earlier_tests(claim, spec, variants, outcomes, earlier) for claim in spec.claims]

    def cases_over(seeds: Sequence[int]) -> list[Case]:
        return [
            _case(claim, spec, variants, outcomes, pools, seeds, spent=bool(found), comparable=why is None)
            for claim, found, why in zip(spec.claims, tests, why_not, strict=True)
        ]

    over_all, spread, at = cases_over(spec.seeds), spec.metric.assumed_spread, fixed_look(tests, spec)
    if at is not None and spec.sequential is not None:
        first = cases_over(spec.seeds[:at])
        judged = judge_after_fixed_look(first, over_all, spec.seeds, spec.looks, at=at, sequential=spec.sequential, assumed_cv=spread)
        cases = [then if each.at_fixed_look else now for then, now, each in zip(first, over_all, judged, strict=True)]
    else:
        cases, judged = over_all, judge(over_all, spec.seeds, spec.looks, sequential=spec.sequential, assumed_cv=spread)
    whole = [len(spec.seeds) - len(case.waiting) for case in over_all]
    undecided = sum(each.verdict == "inconclusive" for each in judged)
    rows = []
    for case, each, found, why, ended in zip(cases, judged, tests, why_not, whole, strict=True):
        missing = missing_seeds(case, each, undecided=undecided) if why is None else Missing()
        metric = metric_info(spec.metric_of(case.contrast))
        row = _row(case, each, missing, spec, metric, variants, found, ended)
        if why is not None:
            said = f"Inconclusive: {row.says}. Nothing is concluded, since {metric.name} does not compare here: {why}."
            row = replace(row, sentence=said, not_comparable=why)
        rows.append(row)
    return tuple(rows)


def _case(
    claim: Contrast,
    spec: SweepSpec,
    variants: Sequence[Variant],
    outcomes: Outcomes,
    pools: Pools,
    seeds: Sequence[int],
    *,
    spent: bool,
    comparable: bool,
) -> Case:
    weights, cells = contrast_weights(claim, variants), cells_of(claim, variants)
    pool = pools.of(cells, spec.metric_of(claim)) if comparable and not is_finishing(spec.metric_of(claim)) else None
    # The error may rest on the trials of others: then a look without them is none, as they would change its verdict when they come.
    tested = dict.fromkeys([*cells, *(pool.values if pool is not None else ())])
    states = {(name, seed): outcomes[name, seed].state if (name, seed) in outcomes else "pending" for name in tested for seed in seeds}
    diverged = Counter(name for (name, _), state in states.items() if TRIAL_STATES[state].refutes_means and name in cells)
    waiting = {seed for (_, seed), state in states.items() if not TRIAL_STATES[state].has_ended}
    metric = metric_info(spec.metric_of(claim))
    compared = outcomes if comparable else {}
    values = ends_of(cells, spec, compared) if is_finishing(metric.name) else values_of(cells, spec, compared, metric.name)
    lost: dict[str, set[int]] = {name: set() for name in tested}
    for (name, seed), state in states.items():
        if seed not in waiting and _is_lost(state):
            lost[name].add(seed)
    paired, better = pairing_of(cells, spec.seeds, outcomes, spec.analysis).paired, -1 if metric.direction == "lower" else 1
    if len(seeds) < len(spec.seeds):
        values, pool = within(values, seeds), None if pool is None else pool.within(seeds)
    return Case(claim, weights, values, paired, diverged, waiting, lost, better, spent, spec.on_log(claim), pool)


def _is_lost(state: TrialState) -> bool:
    """Whether a trial has ended without a value, and not by divergence, which is a result."""
    known = TRIAL_STATES[state]
    return known.has_ended and not known.has_result and not known.refutes_means


def _row(
    case: Case,
    judged: Judged,
    missing: Missing,
    spec: SweepSpec,
    metric: MetricInfo,
    variants: Sequence[Variant],
    tests: Sequence[EarlierTest],
    whole: int,
) -> ClaimRow:
    claim, found = case.contrast, judged.found
    assert claim.alpha is not None, "a claim has one"
    level = 1 - 2 * judged.alpha
    interval = None if found is None or found.error == 0 else claim_interval(found, level)
    unbiased = without_stopping_bias(case, judged, None if judged.at_fixed_look else spec.sequential)
    unadjusted_level = interval_level(case.kind, claim.alpha)
    unadjusted = None if interval is None or found is None else claim_interval(found, unadjusted_level)
    amounts = Points(interval) if is_finishing(metric.name) else Amounts(case.scale.log, metric.decimals, interval)
    says = statement(claim, variants)
    flipped = None
    if judged.p is not None and found is not None and found.rule == "paired":
        flipped = sign_flip_p(case.kind, [case.better * value for value in found.by_seed.values()], case.margin)
    return ClaimRow(
        name=claim.name,
        kind=case.kind,
        says=says,
        metric=metric.name,
        alpha=claim.alpha,
        margin=None if claim.margin is None else size_text(claim.margin),
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
        sign_flip_p=flipped,
        verdict=judged.verdict,
        smallest_effect=None if claim.smallest_effect is None else size_text(claim.smallest_effect),
        smallest_effect_value=case.smallest_effect,
        answer=judged.answer,
        equivalent_p=judged.equivalent,
        unadjusted=unadjusted,
        unadjusted_level=unadjusted_level,
        unbiased=unbiased,
        planned=len(spec.seeds),
        whole=whole,
        more_if_zero=missing.if_zero,
        more_if_estimate=missing.if_estimate,
        diverged=dict(case.diverged),
        not_comparable=None,
        estimate_text=amounts.one(found.value) if found else numbers.MISSING,
        interval_text=amounts.both(interval),
        sentence=claim_sentence(case, judged, missing, says, amounts, interval, level, spec, tests, unbiased, flipped),
    )


def _bootstrap(case: Case, found: Estimate | None, level: float) -> Interval | None:
    if found is None or found.rule in ("assumed", "block") or found.counts is not None:
        return None  # of blocks it would draw whole ones, with other variants' trials
    if found.rule == "paired":
        return bootstrap_mean(list(found.by_seed.values()), level)
    if case.scale.relative_to is not None:
        return None
    logs = case.scale.log
    read = {name: [math.log(value) if logs else value for value in case.values[name].values()] for name in case.weights}
    return bootstrap_sum(read, case.weights, level)
