"""From an estimate to the p-values of a claim: one for it, one against it, and its interval at the level of the test.

superior       H: effect <= margin (0 without one), two-sided; interval of 1 - alpha
    with a smallest effect of interest also |effect| >= it, by two one-sided tests at alpha / 2 each: the same interval answers both
finishes_more  H: no larger share of trials finishes, two-sided, by counts (`sweeper.stats.two_proportions`); interval of 1 - alpha
non_inferior   H: effect <= -margin, one-sided; interval of 1 - 2 alpha
equivalent, no_interaction   H: |effect| >= margin, two one-sided tests; interval of 1 - 2 alpha
An effect is positive where it is better. A claim is refuted by the same kind of test in the other direction.
"""

import math
from dataclasses import dataclass

from sweeper.spec.claims import ClaimKind
from sweeper.stats.estimates import Estimate
from sweeper.stats.two_proportions import p_above, p_below


@dataclass(frozen=True)
class PValues:
    """What one look says of a claim."""

    supporting: float
    """p of the claim."""
    refuting: float
    """p of its contrary."""
    equivalent: float = 1.0
    """p of: the effect is smaller than the smallest effect of interest to both sides; 1 without one."""


UNTESTED = PValues(1.0, 1.0)
"""Of too few seeds, and of seeds that all gave the same."""


def two_sided(kind: ClaimKind) -> bool:
    """Whether the test of the kind shares alpha between two directions, one of which alone supports it."""
    return kind in ("superior", "finishes_more")


def interval_level(kind: ClaimKind, alpha: float) -> float:
    """Confidence level of the interval that the test of the kind goes by."""
    return 1 - alpha if two_sided(kind) else 1 - 2 * alpha


def p_values(kind: ClaimKind, estimate: Estimate | None, *, margin: float, better: int, smallest_effect: float | None = None) -> PValues:
    """`better`: -1 where lower values are better, else 1. `smallest_effect` of interest, of a superior claim."""
    if estimate is None or estimate.error == 0:
        return UNTESTED
    if estimate.counts is not None:
        return PValues(*(min(1.0, 2 * p(estimate.counts)) for p in (p_above, p_below)))
    effect = better * estimate.value

    def above(bound: float) -> float:
        """p of: the effect is not above the bound."""
        return _below((bound - effect) / estimate.error, estimate.degrees)

    def below(bound: float) -> float:
        return _below((effect - bound) / estimate.error, estimate.degrees)

    match kind:
        case "superior":
            small = None if smallest_effect is None else 2 * max(above(-smallest_effect), below(smallest_effect))
            return PValues(min(1.0, 2 * above(margin)), min(1.0, 2 * below(margin)), 1.0 if small is None else min(1.0, small))
        case "non_inferior":
            return PValues(above(-margin), below(-margin))
        case _:
            return PValues(max(above(-margin), below(margin)), min(1.0, 2 * min(above(margin), below(-margin))))


def holm(p: list[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given."""
    order = sorted(range(len(p)), key=lambda index: p[index])
    adjusted = [0.0] * len(p)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = largest
    return adjusted


def _below(t: float, degrees: float) -> float:
    from scipy.special import ndtr, stdtr

    return float(ndtr(t) if math.isinf(degrees) else stdtr(degrees, t))
