"""Second opinions without a law: a bootstrap interval over seeds, and a sign-flip test over pairs; the same draws every time."""

from collections.abc import Mapping, Sequence

from sweeper.spec.claims import ClaimKind
from sweeper.stats.summaries import Interval

DRAWS = 10_000
FEWEST = 5
"""Seeds below which the percentiles of a bootstrap are far too narrow."""


def bootstrap_mean(values: Sequence[float], level: float) -> Interval | None:
    """Of the mean of one value per seed; None with fewer than 5."""
    return bootstrap_sum({"": list(values)}, {"": 1.0}, level)


def bootstrap_sum(cells: Mapping[str, Sequence[float]], weights: Mapping[str, float], level: float) -> Interval | None:
    """Of the weighted sum of the means of cells that are drawn independently; None when one has fewer than 5 values."""
    import numpy as np

    used = {name: weight for name, weight in weights.items() if weight}
    if not used or any(len(cells[name]) < FEWEST for name in used):
        return None
    generator = np.random.default_rng(0)
    total = np.zeros(DRAWS)
    for name, weight in used.items():
        values = np.asarray(cells[name], dtype=np.float64)
        chosen = (generator.random((DRAWS, len(values))) * len(values)).astype(np.int64)
        total += weight * values[chosen].mean(axis=1)
    low, high = np.quantile(total, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


FEWEST = 6
"""Pairs: with five, the smallest two-sided p is 6%."""
_ALL_SIGNS = 14
"""Pairs up to which every choice of signs is counted; beyond, so many are drawn, the same every time."""
_DRAWS = 2**_ALL_SIGNS


def sign_flip_p(kind: ClaimKind, effects: Sequence[float], margin: float) -> float | None:
    """p of the claim; None with fewer than 6 pairs. It is exact where differences lie symmetrically about the bound of the null.

    Args:
        kind: Of the claim; `superior` is two-sided, as its t test.
        effects: The weighted sum at every seed, positive where it is better.
        margin: On the same scale; 0 without one.
    """
    if len(effects) < FEWEST:
        return None
    match kind:
        case "superior":
            return min(1.0, 2 * _one_sided([effect - margin for effect in effects]))
        case "non_inferior":
            return _one_sided([effect + margin for effect in effects])
        case _:
            return max(_one_sided([effect + margin for effect in effects]), _one_sided([margin - effect for effect in effects]))


def _one_sided(values: Sequence[float]) -> float:
    """Share of the choices of signs whose sum is at least that of the values as they are, which is one of the choices."""
    import numpy as np

    sizes = np.abs(np.asarray(values, dtype=np.float64))
    number = len(sizes)
    if number <= _ALL_SIGNS:
        negative = (np.arange(2**number)[:, None] >> np.arange(number)) & 1
        extra = 0
    else:
        negative = np.random.default_rng(0).integers(0, 2, (_DRAWS - 1, number))
        extra = 1
    # Sums of the sizes with a minus, which are equal where the sums of all are: smaller is more.
    against = negative @ sizes
    own = float(sizes[np.asarray(values) < 0].sum())
    as_far = int((against <= own + 1e-12 * float(sizes.sum())).sum())
    return (as_far + extra) / (len(against) + extra)
