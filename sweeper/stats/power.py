"""How many seeds a claim needs, and what the seeds given can claim: power of the tests that the report makes.

An effect is positive where it is better; sizes are in units of the metric, or on its log where a margin is in %. Sources: the noncentral t
of the paired and of the unpaired t test; two one-sided tests by integrating over the estimated standard deviation (Phillips 1990).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sweeper.spec.claims import ClaimKind

POWER = 0.8
STATED_CV = 0.013
"""Standard deviation of a metric over training seeds as a share of its mean: 1-2% for the FID of a SiT (2606.20536)."""
FEWEST_SEEDS = 3
"""Below it the report gives no interval."""
MOST_SEEDS = 100_000
LARGEST_SIZE = math.log(1000)
"""Of an effect or a margin, on the log of the metric: what is larger is nothing that anybody claims."""
_NODES = 400
_NEARLY_NORMAL = 5_000
"""Degrees of freedom from which the noncentral t is taken as normal."""


@dataclass(frozen=True)
class Noise:
    """What an estimate from n seeds varies by: its standard error is sd / sqrt(n), with df_per_seed * (n - 1) degrees of freedom."""

    sd: float
    df_per_seed: float = 1.0
    """1 where seeds are paired; one less than there are variants where they are blocks."""

    def error(self, seeds: int) -> float:
        return self.sd / math.sqrt(seeds)

    def degrees(self, seeds: int) -> float:
        return self.df_per_seed * (seeds - 1)


def noise_of(weights: Mapping[str, float], sd: float, correlation: float | None, *, variants: int = 2) -> Noise:
    """Of the weighted sum of cells that all have this standard deviation over seeds.

    `correlation`: between the cells of one seed, where they are paired; None is the unpaired test (Satterthwaite's degrees of freedom).
    `variants`: in the layout whose residuals make the error, where seeds are blocks; two of them are pairs.
    """
    squares = [weight**2 for weight in weights.values() if weight]
    if correlation is None:
        return Noise(sd * math.sqrt(sum(squares)), sum(squares) ** 2 / sum(square**2 for square in squares))
    return Noise(sd * math.sqrt((1 - correlation) * sum(squares) + correlation * sum(weights.values()) ** 2), variants - 1.0)


def power(kind: ClaimKind, seeds: int, *, effect: float, margin: float, alpha: float, noise: Noise) -> float:
    """Probability that the claim comes out supported when this is the true effect. A `superior` claim without a margin has margin 0."""
    match kind:
        case "superior":
            return _beyond(effect - margin, seeds, alpha / 2, noise)
        case "non_inferior":
            return _beyond(effect + margin, seeds, alpha, noise)
        case _:
            return _within(effect, margin, seeds, alpha, noise)


def refuting_power(kind: ClaimKind, seeds: int, *, effect: float, margin: float, alpha: float, noise: Noise) -> float:
    """Probability that the claim comes out refuted when this is the true effect."""
    match kind:
        case "superior":
            return _beyond(margin - effect, seeds, alpha / 2, noise)
        case "non_inferior":
            return _beyond(-margin - effect, seeds, alpha, noise)
        case _:
            return _beyond(abs(effect) - margin, seeds, alpha / 2, noise)


def equivalence_power(seeds: int, *, effect: float, smallest_effect: float, alpha: float, noise: Noise) -> float:
    """Probability that a superior claim answers that the effect is smaller than the smallest effect of interest, to both sides."""
    return _within(effect, smallest_effect, seeds, alpha / 2, noise)


def seeds_for_equivalence(*, effect: float, smallest_effect: float, alpha: float, noise: Noise, target: float = POWER) -> int | None:
    """Fewest seeds (3 or more) at which it does with the wanted power; None where no number up to 100,000 is enough."""
    return fewest_seeds(lambda n: equivalence_power(n, effect=effect, smallest_effect=smallest_effect, alpha=alpha, noise=noise) >= target)


def seeds_needed(kind: ClaimKind, *, effect: float, margin: float, alpha: float, noise: Noise, target: float = POWER) -> int | None:
    """Fewest seeds (3 or more) at which the claim is supported with the wanted power; None where no number up to 100,000 is enough."""
    return fewest_seeds(lambda seeds: power(kind, seeds, effect=effect, margin=margin, alpha=alpha, noise=noise) >= target)


def seeds_to_decide(
    kind: ClaimKind,
    *,
    effect: float,
    margin: float,
    alpha: float,
    noise: Noise,
    target: float = POWER,
    smallest_effect: float | None = None,
) -> int | None:
    """Fewest seeds at which the claim is supported, or is refuted (also by an effect smaller than the smallest one of interest), with the
    wanted power; None where no number up to 100,000 is enough."""

    def enough(seeds: int) -> bool:
        given = {"effect": effect, "margin": margin, "alpha": alpha}
        reached = max(power(kind, seeds, **given, noise=noise), refuting_power(kind, seeds, **given, noise=noise))
        if smallest_effect is not None:
            small = equivalence_power(seeds, effect=effect, smallest_effect=smallest_effect, alpha=alpha, noise=noise)
            reached = max(reached, small)
        return reached >= target

    return fewest_seeds(enough)


def smallest_size(kind: ClaimKind, seeds: int, *, alpha: float, noise: Noise, margin: float = 0.0, target: float = POWER) -> float | None:
    """What so many seeds can claim with the wanted power: the smallest true effect shown (`superior`), or, at a true effect of zero, the
    smallest margin kept. None where nothing up to `LARGEST_SIZE` is enough."""

    def enough(size: float) -> bool:
        if kind == "superior":
            return power(kind, seeds, effect=size, margin=margin, alpha=alpha, noise=noise) >= target
        return power(kind, seeds, effect=0.0, margin=size, alpha=alpha, noise=noise) >= target

    if not enough(LARGEST_SIZE):
        return None
    low, high = 0.0, LARGEST_SIZE
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def sign_flip_floor(seeds: int) -> float:
    """Smallest two-sided p that a sign-flip test of so many paired seeds can give, whatever they say."""
    return 2.0 ** (1 - seeds)


def _beyond(distance: float, seeds: int, alpha: float, noise: Noise) -> float:
    """Power of the one-sided t test against a bound that the truth lies `distance` beyond."""
    from scipy.special import chdtr, nctdtr, ndtr, stdtrit

    if noise.sd == 0:
        return float(distance > 0)
    degrees, shift = noise.degrees(seeds), distance / noise.error(seeds)
    critical = stdtrit(degrees, 1 - alpha)
    if degrees > _NEARLY_NORMAL:
        return float(ndtr(shift - critical))
    reached = float(1 - nctdtr(degrees, shift, critical))
    if math.isnan(reached):  # so far from the bound, the statistic varies by the estimated standard deviation alone
        return float(chdtr(degrees, degrees * min(max(shift / critical, 0.0), 1e6) ** 2))
    return reached


def _within(effect: float, margin: float, seeds: int, alpha: float, noise: Noise) -> float:
    """Power of two one-sided t tests; over quantiles of the estimated standard error, the estimate is normal."""
    import numpy as np
    from scipy.special import chdtri, ndtr, stdtrit

    if noise.sd == 0:
        return float(abs(effect) < margin)
    degrees, error = noise.degrees(seeds), noise.error(seeds)
    upper_tail = (np.arange(_NODES) + 0.5) / _NODES
    room = margin - stdtrit(degrees, 1 - alpha) * error * np.sqrt(chdtri(degrees, upper_tail) / degrees)
    kept = ndtr((room - effect) / error) - ndtr((-room - effect) / error)
    return float(np.mean(np.where(room > 0, kept, 0.0)))


def fewest_seeds(enough: Callable[[int], bool]) -> int | None:
    """3 or more; None where no number up to 100,000 is enough."""
    low, high = FEWEST_SEEDS - 1, FEWEST_SEEDS
    while not enough(high):
        if high >= MOST_SEEDS:
            return None
        low, high = high, min(2 * high, MOST_SEEDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
