"""The claims of a report, judged together, with their numbers as they are printed."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sweeper.metrics import FINISHING, MetricInfo, metric_info
from sweeper.records import EarlierVersion, Variant
from sweeper.report import numbers
from sweeper.report.claim_sentences import Amounts, Points, claim_sentence, size_text, statement
from sweeper.report.comparability import Comparability
from sweeper.report.earlier_versions import EarlierTest, earlier_tests, fixed_look
from sweeper.report.results import ClaimResult
from sweeper.report.trial_values import BlockDesigns, Outcomes, ends_of, values_of, within
from sweeper.spec.designs import cells_of, contrast_weights
from sweeper.spec.sweep_spec import Contrast, SweepSpec
from sweeper.states import TRIAL_STATES, TrialState
from sweeper.stats.claims import ClaimData, Decision
from sweeper.stats.estimates import Estimate
from sweeper.stats.hypothesis_tests import interval_level
from sweeper.stats.pairing import pairing_of
from sweeper.stats.resampling import bootstrap_mean, bootstrap_sum, sign_flip_p
from sweeper.stats.sample_size import AdditionalSeeds, additional_seeds
from sweeper.stats.summaries import Interval
from sweeper.stats.verdicts import decide, decide_after_fixed_look, without_stopping_bias


def claim_rows(
    spec: SweepSpec,
    variants: Sequence[Variant],
    outcomes: Outcomes,
    comparability: Comparability,
    block_designs: BlockDesigns,
    earlier: Sequence[EarlierVersion] = (),
) -> tuple[ClaimResult, ...]:
    """One row per claim, judged together; `earlier` are the other stored versions that judged some of the same trials."""
    why_not = [comparability.separates(spec.metric_of(claim), cells_of(claim, variants)) for claim in spec.claims]
    tests = [earlier_tests(claim, spec, variants, outcomes, earlier) for claim in spec.claims]

    def cases_over(seeds: Sequence[int]) -> list[ClaimData]:
        return [
            _case(claim, spec, variants, outcomes, block_designs, seeds, spent=bool(found), comparable=why is None)
            for claim, found, why in zip(spec.claims, tests, why_not, strict=True)
        ]

    over_all, spread, at = cases_over(spec.seeds), spec.metric.assumed_spread, fixed_look(tests, spec)
    if at is not None and spec.sequential is not None:
        first = cases_over(spec.seeds[:at])
        decision = decide_after_fixed_look(first, over_all, spec.seeds, spec.looks, at=at, sequential=spec.sequential, assumed_cv=spread)
        cases = [then if each.at_fixed_look else now for then, now, each in zip(first, over_all, decision, strict=True)]
    else:
        cases, decision = over_all, decide(over_all, spec.seeds, spec.looks, sequential=spec.sequential, assumed_cv=spread)
    whole = [len(spec.seeds) - len(data.waiting) for data in over_all]
    undecided = sum(each.verdict == "inconclusive" for each in decision)
    rows = []
    for data, each, found, why, ended in zip(cases, decision, tests, why_not, whole, strict=True):
        missing = additional_seeds(data, each, undecided=undecided) if why is None else AdditionalSeeds()
        metric = metric_info(spec.metric_of(data.contrast))
        row = _row(data, each, missing, spec, metric, variants, found, ended)
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
    block_designs: BlockDesigns,
    seeds: Sequence[int],
    *,
    spent: bool,
    comparable: bool,
) -> ClaimData:
    weights, cells = contrast_weights(claim, variants), cells_of(claim, variants)
    block_design = block_designs.of(cells, spec.metric_of(claim)) if comparable and spec.metric_of(claim) != FINISHING.name else None
    # The error may rest on the trials of others: then a look without them is none, as they would change its verdict when they come.
    tested = dict.fromkeys([*cells, *(block_design.values if block_design is not None else ())])
    states = {(name, seed): outcomes[name, seed].state if (name, seed) in outcomes else "pending" for name in tested for seed in seeds}
    diverged = Counter(name for (name, _), state in states.items() if TRIAL_STATES[state].refutes_means and name in cells)
    waiting = {seed for (_, seed), state in states.items() if not TRIAL_STATES[state].has_ended}
    metric = metric_info(spec.metric_of(claim))
    compared = outcomes if comparable else {}
    values = ends_of(cells, spec, compared) if metric == FINISHING else values_of(cells, spec, compared, metric.name)
    lost: dict[str, set[int]] = {name: set() for name in tested}
    for (name, seed), state in states.items():
        if seed not in waiting and _is_lost(state):
            lost[name].add(seed)
    paired, better = pairing_of(cells, spec.seeds, outcomes, spec.analysis).paired, -1 if metric.direction == "lower" else 1
    if len(seeds) < len(spec.seeds):
        values, block_design = within(values, seeds), None if block_design is None else block_design.within(seeds)
    return ClaimData(claim, weights, values, paired, diverged, waiting, lost, better, spent, spec.on_log(claim), block_design)


def _is_lost(state: TrialState) -> bool:
    """Whether a trial has ended without a value, and not by divergence, which is a result."""
    known = TRIAL_STATES[state]
    return known.has_ended and not known.has_result and not known.refutes_means


def _row(
    data: ClaimData,
    decision: Decision,
    missing: AdditionalSeeds,
    spec: SweepSpec,
    metric: MetricInfo,
    variants: Sequence[Variant],
    tests: Sequence[EarlierTest],
    whole: int,
) -> ClaimResult:
    claim, found = data.contrast, decision.estimate
    assert claim.alpha is not None, "a claim has one"
    level = 1 - 2 * decision.alpha
    interval = None if found is None or found.error == 0 else found.interval(level)
    unbiased = without_stopping_bias(data, decision, None if decision.at_fixed_look else spec.sequential)
    unadjusted_level = interval_level(data.kind, claim.alpha)
    unadjusted = None if interval is None or found is None else found.interval(unadjusted_level)
    amounts = Points(interval) if metric == FINISHING else Amounts(data.scale.log, metric.decimals, interval)
    says = statement(claim, variants)
    flipped = None
    if decision.p is not None and found is not None and found.rule == "paired":
        flipped = sign_flip_p(data.kind, [data.better * value for value in found.by_seed.values()], data.margin)
    return ClaimResult(
        name=claim.name,
        kind=data.kind,
        says=says,
        metric=metric.name,
        alpha=claim.alpha,
        margin=None if claim.margin is None else size_text(claim.margin),
        margin_value=None if claim.margin is None else data.margin,
        on_log=data.scale.log,
        relative_to=claim.relative_to,
        rule=None if found is None else found.rule,
        seeds=0 if found is None else found.seeds,
        estimate=None if found is None else found.value,
        level=level,
        interval=interval,
        bootstrap=_bootstrap(data, found, level),
        p=decision.p,
        p_adjusted=decision.p_adjusted,
        refuting_p=decision.refuting,
        sign_flip_p=flipped,
        verdict=decision.verdict,
        smallest_effect=None if claim.smallest_effect is None else size_text(claim.smallest_effect),
        smallest_effect_value=data.smallest_effect,
        answer=decision.answer,
        equivalent_p=decision.equivalent,
        unadjusted=unadjusted,
        unadjusted_level=unadjusted_level,
        unbiased=unbiased,
        planned=len(spec.seeds),
        whole=whole,
        more_if_zero=missing.if_zero,
        more_if_estimate=missing.if_estimate,
        diverged=dict(data.diverged),
        not_comparable=None,
        estimate_text=amounts.one(found.value) if found else numbers.MISSING,
        interval_text=amounts.both(interval),
        sentence=claim_sentence(data, decision, missing, says, amounts, interval, level, spec, tests, unbiased, flipped),
    )


def _bootstrap(data: ClaimData, found: Estimate | None, level: float) -> Interval | None:
    if found is None or found.rule in ("assumed", "block") or found.counts is not None:
        return None  # of blocks it would draw whole ones, with other variants' trials
    if found.rule == "paired":
        return bootstrap_mean(list(found.by_seed.values()), level)
    if data.scale.relative_to is not None:
        return None
    logs = data.scale.log
    read = {name: [math.log(value) if logs else value for value in data.values[name].values()] for name in data.weights}
    return bootstrap_sum(read, data.weights, level)
