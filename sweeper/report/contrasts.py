"""The contrasts of a sweep: each is estimated once, and tested where it claims something; all claims are decided together."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sweeper.metrics import FINISHING, is_of_analysis
from sweeper.records import EarlierVersion
from sweeper.report import numbers
from sweeper.report.contrast_sentences import Amounts, Points, claim_sentence, contrast_sentences, definition_of, size_text, statement
from sweeper.report.earlier_versions import EarlierTest, earlier_tests, fixed_look
from sweeper.report.results import ClaimResult, ContrastResult
from sweeper.report.shared_trials import compares_with_itself
from sweeper.report.sweep_trials import ContrastData, SweepTrials, contrast_data
from sweeper.spec.comparisons import caveats
from sweeper.stats.claims import ClaimData, Decision
from sweeper.stats.estimates import Estimate, summarise_contrast
from sweeper.stats.hypothesis_tests import interval_level
from sweeper.stats.pairing import pairing_efficiency
from sweeper.stats.resampling import bootstrap_mean, bootstrap_sum, sign_flip_p
from sweeper.stats.sample_size import AdditionalSeeds, additional_seeds
from sweeper.stats.summaries import Interval
from sweeper.stats.verdicts import decide, decide_after_fixed_look, without_stopping_bias


def contrast_results(trials: SweepTrials, shared: Mapping[str, str], earlier: Sequence[EarlierVersion] = ()) -> tuple[ContrastResult, ...]:
    """Every declared contrast, in the order of the sweep.

    Args:
        trials: Of the version that is reported.
        shared: Variants that are another's trials, with that other.
        earlier: Other stored versions that tested some of the same trials.

    Raises:
        SpecError: A contrast names no variant of the design.
    """
    read = [contrast_data(contrast, trials) for contrast in trials.spec.contrasts]
    claims = _claims([data for data in read if data.contrast.kind is not None], trials, earlier)
    return tuple(_contrast(data, trials, shared, claims.get(data.contrast.name)) for data in read)


def _contrast(data: ContrastData, trials: SweepTrials, shared: Mapping[str, str], claim: ClaimResult | None) -> ContrastResult:
    contrast, metric, spec, pairing = data.contrast, data.metric, trials.spec, data.pairing
    spread = spec.metric.assumed_spread if metric.name == spec.metric.primary else None
    # How trials ended is no value that has a mean over seeds.
    values = {} if data.on_finishing else data.values
    summary, bootstrap = summarise_contrast(values, data.weights, spec.seeds, pairing.paired, spread, data.block_design)
    compares = data.not_comparable is None and not data.on_finishing
    dropped = {seed: _why_dropped(seed, data, trials) for seed in spec.seeds if compares and pairing.paired and seed not in summary.by_seed}
    if is_of_analysis(metric.name):  # variants that share a trial may ask different things of it
        shared = {name: first for name, first in shared.items() if values.get(name) and values[name] == values.get(first)}
    itself = compares_with_itself(data.weights, shared)
    doubts = (*caveats(contrast, spec, trials.variants), *([itself] if itself else []))
    counted = (
        [variant.name for variant in trials.variants] if summary.rule == "block" else [n for n, weight in data.weights.items() if weight]
    )
    waits = any(not trials.state(name, seed).has_ended for name in counted for seed in spec.seeds)
    decimals = numbers.decimals_of(summary.interval, metric.decimals)
    sentences, left_out = contrast_sentences(data, spec, trials.variants, summary, decimals, dropped, waits=waits)
    return ContrastResult(
        name=contrast.name,
        question=contrast.question,
        definition=definition_of(contrast, trials.variants),
        metric=metric.name,
        direction=metric.direction,
        weights=data.weights,
        summary=summary,
        dropped=dropped,
        margin=contrast.margin if isinstance(contrast.margin, float) else None,
        pairing=pairing,
        pairing_efficiency=pairing_efficiency(values, data.weights, spec.seeds) if pairing.paired else None,
        bootstrap=bootstrap,
        decimals=decimals,
        caveats=doubts,
        remarks=(*left_out, *doubts),
        sentence=" ".join((*sentences, *doubts)),
        claim=claim,
    )


def _why_dropped(seed: int, data: ContrastData, trials: SweepTrials) -> str:
    for name, weight in data.weights.items():
        state = trials.state(name, seed)
        if weight and not state.has_result:
            return f"{name} {state.reads_as}"
    if is_of_analysis(data.metric.name):
        return f"no {data.metric.name} of a finished trial (`sweeper analyse` computes it)"
    return f"no usable {data.metric.name} in a finished trial"


def _claims(claims: Sequence[ContrastData], trials: SweepTrials, earlier: Sequence[EarlierVersion]) -> dict[str, ClaimResult]:
    """By name. Holm's procedure is over all of them, so they are decided together."""
    spec = trials.spec
    tests = [earlier_tests(data.contrast, spec, trials.variants, trials.outcomes, earlier) for data in claims]

    def over(seeds: Sequence[int]) -> list[ClaimData]:
        return [_claim_data(data, trials, seeds, spent=bool(before)) for data, before in zip(claims, tests, strict=True)]

    over_all, spread, at = over(spec.seeds), spec.metric.assumed_spread, fixed_look(tests, spec)
    if at is not None and spec.sequential is not None:
        first = over(spec.seeds[:at])
        decisions = decide_after_fixed_look(first, over_all, spec.seeds, spec.looks, at=at, sequential=spec.sequential, assumed_cv=spread)
        decided = [then if decision.at_fixed_look else now for then, now, decision in zip(first, over_all, decisions, strict=True)]
    else:
        decided, decisions = over_all, decide(over_all, spec.seeds, spec.looks, sequential=spec.sequential, assumed_cv=spread)
    undecided = sum(decision.verdict == "inconclusive" for decision in decisions)
    results: dict[str, ClaimResult] = {}
    for data, whole, claim, decision, before in zip(claims, over_all, decided, decisions, tests, strict=True):
        lacking = additional_seeds(claim, decision, undecided=undecided) if data.not_comparable is None else AdditionalSeeds()
        result = _claim(data, claim, decision, lacking, trials, before, len(spec.seeds) - len(whole.waiting))
        if data.not_comparable is not None:
            why = f"Nothing is concluded, since {data.metric.name} does not compare here: {data.not_comparable}."
            result = replace(result, sentence=f"Inconclusive: {result.says}. {why}", not_comparable=data.not_comparable)
        results[result.name] = result
    return results


def _claim_data(data: ContrastData, trials: SweepTrials, seeds: Sequence[int], *, spent: bool) -> ClaimData:
    spec, design = trials.spec, data.block_design
    # The error may rest on the trials of others: then a look without them is none, as they would change its verdict when they come.
    tested = dict.fromkeys([*data.cells, *(design.values if design is not None else ())])
    states = {(name, seed): trials.state(name, seed) for name in tested for seed in seeds}
    diverged = Counter(name for (name, _), state in states.items() if state.refutes_means and name in data.cells)
    waiting = {seed for (_, seed), state in states.items() if not state.has_ended}
    if is_of_analysis(data.metric.name):  # `sweeper analyse` comes after the trials, and fewer of them would be another look
        waiting |= {seed for (name, seed), state in states.items() if state.has_result and seed not in data.values.get(name, {})}
    lost: dict[str, set[int]] = {name: set() for name in tested}
    for (name, seed), state in states.items():
        # Ended without a value, and not by divergence, which is a result.
        if seed not in waiting and not state.has_result and not state.refutes_means:
            lost[name].add(seed)
    values = data.values
    if len(seeds) < len(spec.seeds):
        values = {name: {seed: value for seed, value in by_seed.items() if seed in seeds} for name, by_seed in values.items()}
        design = None if design is None else design.within(seeds)
    return ClaimData(
        data.contrast,
        data.weights,
        values,
        data.pairing.paired,
        diverged,
        waiting,
        lost,
        better=-1 if data.metric.direction == "lower" else 1,
        spent=spent,
        log=spec.on_log(data.contrast),
        block_design=design,
    )


def _claim(
    data: ContrastData,
    claim: ClaimData,
    decision: Decision,
    missing: AdditionalSeeds,
    trials: SweepTrials,
    tests: Sequence[EarlierTest],
    whole: int,
) -> ClaimResult:
    contrast, estimate, spec, metric = data.contrast, decision.estimate, trials.spec, data.metric
    assert contrast.alpha is not None, "a claim has one"
    level = 1 - 2 * decision.alpha
    interval = None if estimate is None or estimate.error == 0 else estimate.interval(level)
    unbiased = without_stopping_bias(claim, decision, None if decision.at_fixed_look else spec.sequential)
    unadjusted_level = interval_level(claim.kind, contrast.alpha)
    unadjusted = None if interval is None or estimate is None else estimate.interval(unadjusted_level)
    amounts = Points(interval) if metric == FINISHING else Amounts(claim.scale.log, metric.decimals, interval)
    says = statement(contrast, trials.variants)
    flipped = None
    if decision.p is not None and estimate is not None and estimate.rule == "paired":
        flipped = sign_flip_p(claim.kind, [claim.better * value for value in estimate.by_seed.values()], claim.margin)
    return ClaimResult(
        name=contrast.name,
        kind=claim.kind,
        says=says,
        metric=metric.name,
        alpha=contrast.alpha,
        margin=None if contrast.margin is None else size_text(contrast.margin),
        margin_value=None if contrast.margin is None else claim.margin,
        on_log=claim.scale.log,
        relative_to=contrast.relative_to,
        rule=None if estimate is None else estimate.rule,
        seeds=0 if estimate is None else estimate.seeds,
        estimate=None if estimate is None else estimate.value,
        level=level,
        interval=interval,
        bootstrap=_bootstrap(claim, estimate, level),
        p=decision.p,
        p_adjusted=decision.p_adjusted,
        refuting_p=decision.refuting,
        sign_flip_p=flipped,
        verdict=decision.verdict,
        smallest_effect=None if contrast.smallest_effect is None else size_text(contrast.smallest_effect),
        smallest_effect_value=claim.smallest_effect,
        answer=decision.answer,
        equivalent_p=decision.equivalent,
        unadjusted=unadjusted,
        unadjusted_level=unadjusted_level,
        unbiased=unbiased,
        planned=len(spec.seeds),
        whole=whole,
        more_if_zero=missing.if_zero,
        more_if_estimate=missing.if_estimate,
        diverged=dict(claim.diverged),
        not_comparable=None,
        estimate_text=amounts.one(estimate.value) if estimate else numbers.MISSING,
        interval_text=amounts.both(interval),
        sentence=claim_sentence(claim, decision, missing, says, amounts, interval, level, spec, tests, unbiased, flipped),
    )


def _bootstrap(claim: ClaimData, estimate: Estimate | None, level: float) -> Interval | None:
    if estimate is None or estimate.rule in ("assumed", "block") or estimate.counts is not None:
        return None  # of blocks it would draw whole ones, with other variants' trials
    if estimate.rule == "paired":
        return bootstrap_mean(list(estimate.by_seed.values()), level)
    if claim.scale.relative_to is not None:
        return None
    read = {name: list(claim.values[name].values()) for name in claim.weights}
    if claim.scale.log:
        if any(value <= 0 for values in read.values() for value in values):
            return None  # a value that has no log, of a metric that was taken to be above 0
        read = {name: list(map(math.log, values)) for name, values in read.items()}
    return bootstrap_sum(read, claim.weights, level)
