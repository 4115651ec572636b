"""How many seeds an undecided claim lacks, and how well that is known."""

import math
from dataclasses import dataclass, replace

from sweeper.plan.power import seeds_to_decide
from sweeper.report.cases import Case, Judged


@dataclass(frozen=True)
class More:
    """Seeds per cell that are missing for power .8, from an estimated spread.

    Attributes:
        number: At the spread found; None where no number up to 100,000 is enough.
        low, high: At the ends of the 80% interval of that spread: a spread from three seeds is known to a factor of four.
    """

    number: int | None
    low: int | None
    high: int | None


@dataclass(frozen=True)
class Missing:
    """Seeds per cell that an undecided claim lacks for power .8; None where it is decided, or nothing is known of its spread."""

    if_zero: More | None = None
    """Where the true effect is zero."""
    if_estimate: More | None = None
    """Where the true effect is the estimate."""


def missing_seeds(case: Case, judged: Judged, *, undecided: int) -> Missing:
    """By the noise found, at the level that Holm's procedure leaves to the first of so many undecided claims."""
    from scipy.special import chdtri

    found, alpha = judged.found, case.contrast.alpha
    if judged.verdict != "inconclusive" or found is None or found.noise.sd == 0 or alpha is None:
        return Missing()
    degrees = found.degrees
    tails = () if math.isinf(degrees) else (0.1, 0.9)  # an assumed spread is taken as known
    spreads = [1.0, *(math.sqrt(degrees / float(chdtri(degrees, tail))) for tail in tails)]

    def more(effect: float) -> More:
        wanted = [
            seeds_to_decide(
                case.kind,
                effect=effect,
                margin=case.margin,
                alpha=alpha / undecided,
                noise=replace(found.noise, sd=spread * found.noise.sd),
                smallest_effect=case.smallest_effect,
            )
            for spread in spreads
        ]
        numbers = [None if one is None else max(1, one - found.seeds) for one in wanted]
        return More(numbers[0], numbers[1 % len(numbers)], numbers[2 % len(numbers)])

    return Missing(more(0.0), more(case.better * found.value))
