"""How many seeds an undecided claim lacks, and how well that is known."""

import math
from dataclasses import dataclass, replace

from sweeper.stats.claims import ClaimData, Decision
from sweeper.stats.power import seeds_to_decide


@dataclass(frozen=True)
class SeedCount:
    """Seeds per cell that are missing for power .8, from an estimated spread.

    Attributes:
        number: At the spread found; None where no number up to 100,000 is enough.
        low, high: At the ends of the 80% interval of that spread: a spread from three seeds is known to a factor of four.
    """

    number: int | None
    low: int | None
    high: int | None


@dataclass(frozen=True)
class AdditionalSeeds:
    """Seeds per cell that an undecided claim lacks for power .8; None where it is decided, or nothing is known of its spread."""

    if_zero: SeedCount | None = None
    """Where the true effect is zero."""
    if_estimate: SeedCount | None = None
    """Where the true effect is the estimate."""


def additional_seeds(data: ClaimData, decision: Decision, *, undecided: int) -> AdditionalSeeds:
    """By the noise found, at the level that Holm's procedure leaves to the first of so many undecided claims."""
    from scipy.special import chdtri

    estimate, alpha = decision.estimate, data.contrast.alpha
    if decision.verdict != "inconclusive" or estimate is None or estimate.noise.sd == 0 or alpha is None:
        return AdditionalSeeds()
    degrees = estimate.degrees
    tails = () if math.isinf(degrees) else (0.1, 0.9)  # an assumed spread is taken as known
    spreads = [1.0, *(math.sqrt(degrees / float(chdtri(degrees, tail))) for tail in tails)]

    def more(effect: float) -> SeedCount:
        needed = [
            seeds_to_decide(
                data.kind,
                effect=effect,
                margin=data.margin,
                alpha=alpha / undecided,
                noise=replace(estimate.noise, sd=spread * estimate.noise.sd),
                smallest_effect=data.smallest_effect,
            )
            for spread in spreads
        ]
        numbers = [None if one is None else max(1, one - estimate.seeds) for one in needed]
        return SeedCount(numbers[0], numbers[1 % len(numbers)], numbers[2 % len(numbers)])

    return AdditionalSeeds(more(0.0), more(data.better * estimate.value))
