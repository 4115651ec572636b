"""What a claim on the share of trials that finish costs: exact power of its test for stated shares."""

import math
from collections.abc import Callable, Mapping

from sweeper.metrics import FINISHING
from sweeper.plan.power import FEWEST_SEEDS, POWER, fewest_seeds, sign_flip_floor
from sweeper.plan.promises import PowerAnalysis
from sweeper.plan.two_shares import power
from sweeper.spec.claims import percent
from sweeper.spec.sweep_spec import Contrast

FINISHING_SHARE = 0.95
"""Of the trials of `of`, of which few diverge; those of `to` finish less often by the difference that is expected."""
DEFAULT_DIFFERENCE = "50%"


def finishing_promise(claim: Contrast, weights: Mapping[str, float], *, seeds: int, claims: int) -> PowerAnalysis:
    """Of a claim that is one of so many. A side's trials are those of all its cells."""
    assert claim.alpha is not None, "a claim"
    sides = [sum(sign * weight > 0 for weight in weights.values()) for sign in (1, -1)]
    expected = str(claim.expected or DEFAULT_DIFFERENCE)
    difference = (percent(expected) or 0.0) / 100

    def reached(number: int, difference: float, alpha: float) -> float:
        to = max(FINISHING_SHARE - difference, 0.0)
        return power(sides[0] * number, sides[1] * number, to + difference, to, alpha / 2)

    def needed(alpha: float) -> int | None:
        return fewest_seeds(lambda number: reached(number, difference, alpha) >= POWER)

    strictest, enough = claim.alpha / claims, seeds >= FEWEST_SEEDS
    to = max(FINISHING_SHARE - difference, 0.0)
    return PowerAnalysis(
        claim.name,
        FINISHING.name,
        "finishes_more",
        None,
        f"{to + difference:.0%} of the trials of one side finishing, and {to:.0%} of those of the other",
        paired=False,
        given=seeds,
        needed=needed(strictest),
        needed_alone=needed(claim.alpha),
        power=reached(seeds, difference, strictest) if enough else None,
        claimable=_smallest(lambda one: reached(seeds, one, strictest) >= POWER) if enough else None,
        sign_flip_floor=sign_flip_floor(seeds),
    )


def _smallest(enough: Callable[[float], bool]) -> float | None:
    """Difference in share, as the logarithm of one more, as other claims have it; None where not even 100% is enough."""
    if not enough(1.0):
        return None
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return round(math.log1p(high), 6)
