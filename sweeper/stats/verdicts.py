"""From the claims of a sweep and the values of its cells to verdicts: tests at every look, Holm over the claims, seeds that are missing.

When there is a verdict at all:
- at a fixed number of seeds, when every trial of the claim has ended, and not before: a look at fewer seeds would be a second test;
- with `sequential`, at every look whose trials have all ended, alpha being spent over the looks (`sweeper.stats.sequential`);
- never from fewer than 3 measured seeds a cell, whatever spread is assumed, and never where trials of the claim diverged, unless the claim
  is on that (`finishes_more`);
- where a failed trial is missing from some cells and not from others, only if the verdict also holds when each lost trial counts as
  `LOST_DEVIATIONS` standard deviations worse (or better) than its cell;
- not where an earlier version of the claim was tested on some of the same trials at all of alpha: that test has spent it.

A superior claim with a smallest effect of interest has one of three answers, and one interval gives them: superior where it lies above 0,
inferior where it lies below, equivalent where it lies within the smallest effect to both sides. Their error is at most alpha together, over
all claims. Holm's procedure runs once in each direction, at alpha / 2: it rejects "not above 0" (superior) or "not below 0" (inferior).
"Not above minus the smallest effect" is implied by the first and "not below the smallest effect" by the second, so to reject them at no
more than the levels of the claim in its direction costs nothing more; equivalent is to reject both.

The interval of a claim is the one that its verdict goes by: at the level that Holm's procedure tests the claim at, and at the level of its
look. So an interval that excludes the margin and "inconclusive" never stand side by side.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sweeper.spec.sweep_spec import Sequential
from sweeper.stats.claims import Answer, ClaimData, Decision, Verdict
from sweeper.stats.estimates import ByVariant, Estimate, estimate, finishing_estimate
from sweeper.stats.hypothesis_tests import UNTESTED, PValues, holm, p_values, two_sided
from sweeper.stats.summaries import MIN_SEEDS, mean, sample_sd, usable
from sweeper.stats.two_way import BlockDesign

LOST_DEVIATIONS = 3.0
"""How far from its cell's mean a lost trial is taken to have come out, in standard deviations over that cell's seeds."""


@dataclass(frozen=True)
class _Reading:
    """One claim at its whole looks."""

    looks: tuple[int, ...]
    estimates: tuple[Estimate | None, ...]
    tests: tuple[PValues, ...]


def decide(
    claims: Sequence[ClaimData],
    seeds: Sequence[int],
    looks: Sequence[int],
    *,
    sequential: Sequential | None,
    assumed_cv: float | None = None,
) -> list[Decision]:
    """Verdicts on all claims of a sweep together.

    Args:
        claims: The claims; all have the same alpha.
        seeds: Of the sweep, in its order.
        looks: Numbers of seeds at which the claims are looked at, the present one last.
        sequential: The spending rule, where there are several looks.
        assumed_cv: Spread over seeds as a share of the mean, for an interval (and no verdict) where too few seeds are measured.
    """
    if not claims:
        return []
    alpha = claims[0].contrast.alpha
    assert alpha is not None, "a claim has one"
    read = [_read(data, seeds, looks) for data in claims]
    support = [_by_looks(data, one, "supporting", sequential) for data, one in zip(claims, read, strict=True)]
    contrary = [_by_looks(data, one, "refuting", sequential) for data, one in zip(claims, read, strict=True)]
    supporting, refuting = (holm([p for p, _ in each]) for each in (support, contrary))
    levels = [_holm_levels([p for p, _ in each], adjusted, alpha) for each, adjusted in ((support, supporting), (contrary, refuting))]
    decisions = []
    for index, (data, one) in enumerate(zip(claims, read, strict=True)):
        verdict = _verdict(supporting[index], refuting[index], alpha)
        small, small_at = _by_looks(data, one, "equivalent", sequential)
        negligible = small <= min(level[index] for level in levels)
        answer = _answer(data, verdict, negligible)
        decisive = (support if verdict == "supported" else contrary)[index][1]
        by_size = answer == "equivalent"
        if by_size:
            verdict, decisive = "refuted", small_at
        place = decisive if verdict != "inconclusive" else len(one.looks) - 1
        if verdict == "inconclusive" and (not one.looks or one.looks[-1] < looks[-1]):
            verdict = "interim"
        if data.spent:
            verdict = "exploratory" if verdict != "interim" else verdict
        two_way = verdict not in ("supported", "refuted") or by_size
        family = min(level[index] for level in levels) if two_way else levels[verdict == "refuted"][index]
        estimated = one.estimates[place] if one.looks else None
        if estimated is None:  # too few for a test, or a look that is not whole: a number to look at all the same
            estimated = _estimate(data, data.values, seeds, assumed_cv=assumed_cv, least=1)
        if estimated is not None and estimated.rule == "assumed":
            family = alpha
        silent = estimated is None or not one.looks or one.tests[place] is UNTESTED or verdict in ("interim", "exploratory")
        p, after, against = (None if silent else _rounded(value) for value in (support[index][0], supporting[index], refuting[index]))
        within = None if silent or data.smallest_effect is None else _rounded(small)
        # The contrary of an equivalence is shown by a test to each side, so unless it is supported the interval has half the level.
        one_tail = data.kind == "non_inferior" or verdict == "supported" or (estimated is not None and estimated.rule == "assumed")
        one_sided = family if one_tail and not two_sided(data.kind) else family / 2
        until = one.looks[: place + 1] if one.looks else ()
        at_look = _nominal(one_sided, until, sequential) if sequential is not None and until else one_sided
        decisions.append(
            Decision(verdict, estimated, p, after, against, at_look, one_sided, until, None if silent and not by_size else answer, within)
        )
    return decisions


def _read(data: ClaimData, seeds: Sequence[int], looks: Sequence[int]) -> _Reading:
    """At every look whose trials have all ended: the first so many seeds, in the order of the sweep."""
    whole = tuple(number for number in looks if not set(seeds[:number]) & set(data.waiting))
    estimates = tuple(_estimate(data, data.values, seeds[:number]) for number in whole)
    tests = tuple(_test(data, one, seeds[:number]) for one, number in zip(estimates, whole, strict=True))
    return _Reading(whole, estimates, tests)


def _estimate(
    data: ClaimData, values: ByVariant, seeds: Sequence[int], *, assumed_cv: float | None = None, least: int = MIN_SEEDS
) -> Estimate | None:
    if data.kind == "finishes_more":
        return finishing_estimate(values, data.weights, seeds, least)
    block_design = (
        data.block_design if data.block_design is None or values is data.values else BlockDesign(values, data.block_design.diverged)
    )
    return estimate(values, data.weights, seeds, scale=data.scale, paired=data.paired, assumed_cv=assumed_cv, block_design=block_design)


def _test(data: ClaimData, estimated: Estimate | None, seeds: Sequence[int]) -> PValues:
    if any(data.diverged.values()) and data.kind != "finishes_more":
        return UNTESTED
    tested = _p_values(data, estimated)
    if not data.lost_unequally or estimated is None:
        return tested
    bounds = [tested] + [_with_losses(data, seeds, sign) for sign in (-1, 1)]
    return PValues(*(max(getattr(one, side) for one in bounds) for side in ("supporting", "refuting", "equivalent")))


def _p_values(data: ClaimData, estimated: Estimate | None) -> PValues:
    return p_values(data.kind, estimated, margin=data.margin, better=data.better, smallest_effect=data.smallest_effect)


def _with_losses(data: ClaimData, seeds: Sequence[int], sign: int) -> PValues:
    """The test with every lost trial as far out as it may have been: all moving the claim's effect down (`sign` -1) or up (1).

    On the share of trials that finish, each of them diverged or finished.
    """
    filled: dict[str, Mapping[int, float]] = {}
    for name, by_seed in data.tested.items():
        if data.kind == "finishes_more":
            worst = float(sign * data.weights.get(name, 0.0) > 0)
            filled[name] = {**{seed: worst for seed in data.lost.get(name, ()) if seed in seeds}, **by_seed}
            continue
        kept = [value for value in by_seed.values() if usable(value)]
        center, spread = mean(kept), sample_sd(kept)
        if center is None or spread is None:
            return UNTESTED
        toward = sign * data.better * (1 if data.weights.get(name, 0.0) >= 0 else -1)
        value = center + toward * LOST_DEVIATIONS * spread
        if data.scale.log and value <= 0:
            return UNTESTED
        filled[name] = {**{seed: value for seed in data.lost.get(name, ()) if seed in seeds}, **by_seed}
    return _p_values(data, _estimate(data, filled, seeds))


Side = Literal["supporting", "refuting", "equivalent"]


def _by_looks(data: ClaimData, read: _Reading, side: Side, sequential: Sequential | None) -> tuple[float, int]:
    """p by all whole looks, and the place of the look that it comes from; 1 where an earlier test has spent alpha."""
    p = [float(getattr(tested, side)) for tested in read.tests]
    if not p or data.spent:
        return 1.0, len(p) - 1
    counted = [(place, number, value) for place, (number, value) in enumerate(zip(read.looks, p, strict=True)) if number >= MIN_SEEDS]
    if sequential is None or not counted:
        return p[-1], len(p) - 1
    from sweeper.stats.sequential import repeated_p

    factor = 2 if (two_sided(data.kind) if side == "supporting" else data.kind != "non_inferior") else 1
    places, numbers, values = zip(*counted, strict=True)
    one_sided = [value / factor for value in values]
    repeated, at = repeated_p(one_sided, numbers, sequential.max_seeds, sequential.spending)
    return min(1.0, factor * repeated), places[at]


def _holm_levels(p: Sequence[float], adjusted: Sequence[float], alpha: float) -> list[float]:
    """The level that each claim is tested at: alpha over the claims not rejected before it.

    Those that are not rejected are all held against the first of them, so an interval at this level excludes a claim's margin exactly
    where its adjusted p is not above alpha.
    """
    order = sorted(range(len(p)), key=lambda index: p[index])
    rank = {index: place for place, index in enumerate(order)}
    rejected = sum(value <= alpha for value in adjusted)
    return [alpha / (len(p) - min(rank[index], rejected)) for index in range(len(p))]


def _nominal(one_sided: float, looks: Sequence[int], sequential: Sequential) -> float:
    """One-sided level of the t test at the last of the looks, for a family level."""
    from sweeper.stats.sequential import nominal_levels

    counted = [number for number in looks if number >= MIN_SEEDS]
    if looks[-1] < MIN_SEEDS:
        return one_sided
    return nominal_levels(one_sided, counted, sequential.max_seeds, sequential.spending)[-1]


def without_stopping_bias(data: ClaimData, decision: Decision, sequential: Sequential | None) -> float | None:
    """The estimate corrected for having stopped where it decided; None with one look, and where nothing is known of its spread."""
    estimated, counted = decision.estimate, [number for number in decision.looks if number >= MIN_SEEDS]
    if sequential is None or estimated is None or estimated.error == 0 or not counted or counted == [sequential.max_seeds]:
        return None
    if estimated.counts is not None:
        return None  # the correction is for normal estimates
    from sweeper.stats.sequential import unbiased_estimate

    return data.better * unbiased_estimate(
        data.better * estimated.value,
        estimated.error * math.sqrt(estimated.seeds),
        counted,
        kind=data.kind,
        margin=data.margin,
        one_sided=decision.family,
        most=sequential.max_seeds,
        spending=sequential.spending,
        smallest_effect=data.smallest_effect,
    )


def _answer(data: ClaimData, verdict: Verdict, negligible: bool) -> Answer | None:
    if data.smallest_effect is None:
        return None
    match verdict:
        case "supported":
            return "superior_negligible" if negligible else "superior"
        case "refuted":
            return "inferior_negligible" if negligible else "inferior"
        case _:
            return "equivalent" if negligible else "inconclusive"


def _verdict(adjusted: float, refuting: float, alpha: float) -> Verdict:
    if adjusted <= alpha:
        return "supported"
    return "refuted" if refuting <= alpha else "inconclusive"


def _rounded(p: float) -> float:
    """To six digits: the ones after them depend on the release of a library."""
    return float(f"{p:.6g}")


def decide_after_fixed_look(
    first: Sequence[ClaimData],
    claims: Sequence[ClaimData],
    seeds: Sequence[int],
    looks: Sequence[int],
    *,
    at: int,
    sequential: Sequential,
    assumed_cv: float | None = None,
) -> list[Decision]:
    """Verdicts of a sweep that was tested at all of alpha first, and was given a spending rule afterwards.

    That test has spent all of alpha, and no rule takes it back: counted as a look of O'Brien and Fleming's rule, it makes the looks
    together wrong in 9% instead of 5%. So a verdict that it gave stands, whatever later looks say, and no later look gives one.

    Args:
        first: The claims as that test had them, over its seeds alone.
        claims: The same claims over all seeds.
        seeds: Of the sweep, in its order.
        looks: Numbers of seeds, the present one last.
        at: Number of seeds of the fixed look: the first so many.
        sequential: The rule that was declared after it.
        assumed_cv: As in `decide`.
    """
    fixed = decide([replace(data, spent=False) for data in first], seeds[:at], (at,), sequential=None, assumed_cv=assumed_cv)
    later = decide([replace(data, spent=True) for data in claims], seeds, looks, sequential=sequential, assumed_cv=assumed_cv)
    decided = [then.verdict in ("supported", "refuted") for then in fixed]
    return [replace(then, at_fixed_look=True) if stands else now for then, now, stands in zip(fixed, later, decided, strict=True)]
