"""Two shares of trials that finish, compared exactly: tests by score statistic, the interval that they make, and their power.

Each side is a binomial count. The statistic at a difference d is (share of one - share of the other - d) over its standard error under d
(Farrington and Manning 1990). p of "the difference is not above d" is the largest probability, over all shares that differ by d, of a
statistic at least as large (Barnard 1945 at d = 0, Chan and Zhang 1999 at others). As d falls that p may rise again here and there (Röhmel
2005), so the p of a test is the largest over d and all smaller differences on a grid, and the lower end of an interval is where this one
first passes the level: a test and an interval by the same curve never disagree.

The score statistic rather than Boschloo's p of Fisher's test, since it alone is defined at every difference, so that it has an interval.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

EXACT_UP_TO = 60
"""Trials a side; with more, the score statistic is taken as normal, and its tables would take many seconds."""
_GRID = 25
"""Differences from 0 to 1 at which a curve of p-values is known."""
_SHARES, _FINER = 81, 21
"""Shares at which a probability is looked at, and then closer around the largest, twice."""
_ROUNDS = 2
_HALVINGS = 24
"""Of a distance between two differences of the grid."""
_DOUBLINGS = 40
"""Of the precision of the likeliest shares."""
_TIED = 1e-7
"""Statistics closer than that are equal."""


@dataclass(frozen=True)
class Counts:
    """Trials that finished, of those that finished or diverged, on the two sides of a claim."""

    of_finished: int
    of_trials: int
    to_finished: int
    to_trials: int

    @property
    def difference(self) -> float:
        return self.of_finished / self.of_trials - self.to_finished / self.to_trials

    @property
    def turned(self) -> "Counts":
        return Counts(self.to_finished, self.to_trials, self.of_finished, self.of_trials)

    @property
    def exact(self) -> bool:
        return max(self.of_trials, self.to_trials) <= EXACT_UP_TO


def p_above(counts: Counts) -> float:
    """One-sided p of: trials of the first side finish more often."""
    return max(_p_at(counts, _difference(place)) for place in range(_GRID + 1))


def p_below(counts: Counts) -> float:
    return p_above(counts.turned)


def lower_end(counts: Counts, one_sided: float) -> float:
    """Of the difference; above 0 exactly where the p of `p_above` is not above the level."""
    first = next((place for place in range(2 * _GRID + 1) if _p_at(counts, _difference(place)) > one_sided), None)
    if first is None or first == 0:
        return -1.0 if first == 0 else 1.0
    low, high = _difference(first - 1), _difference(first)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _p_at(counts, middle) > one_sided else (middle, high)
    # To six places, since sums end in digits that depend on the processor; an end above 0 stays there.
    end = round(high, 6) + 0.0
    return max(end, 1e-6) if high > 0 else end


def upper_end(counts: Counts, one_sided: float) -> float:
    return -lower_end(counts.turned, one_sided)


def power(of_trials: int, to_trials: int, of_share: float, to_share: float, one_sided: float) -> float:
    """Probability that the p of `p_above` is not above the level: exact up to `EXACT_UP_TO` trials a side, else of the normal law."""
    import numpy as np

    if max(of_trials, to_trials) > EXACT_UP_TO:
        from scipy.special import ndtr, ndtri

        pooled = (of_trials * of_share + to_trials * to_share) / (of_trials + to_trials)
        null = math.sqrt(pooled * (1 - pooled) * (1 / of_trials + 1 / to_trials))
        own = math.sqrt(of_share * (1 - of_share) / of_trials + to_share * (1 - to_share) / to_trials)
        return float(ndtr((of_share - to_share + ndtri(one_sided) * null) / own)) if own else float(of_share > to_share)
    statistic = _statistics(of_trials, to_trials, 0)
    rejected = statistic >= _critical(of_trials, to_trials, one_sided) - _TIED
    one, other = (_law(trials, np.array([share]))[0] for trials, share in ((of_trials, of_share), (to_trials, to_share)))
    return min(1.0, float((one[:, None] * other[None, :] * rejected).sum()))


@functools.lru_cache(maxsize=512)
def _critical(of_trials: int, to_trials: int, one_sided: float) -> float:
    """Smallest statistic at a difference of 0 that rejects; infinite where none does. The p falls as it grows.

    By the p at 0 alone: at levels of 2.5% and below, those of smaller differences were below it in every table that was looked at.
    """
    import numpy as np

    statistic = _statistics(of_trials, to_trials, 0)
    known = np.unique(np.round(statistic, 9))
    low, high = 0, len(known)
    while low < high:
        middle = (low + high) // 2
        x, y = np.unravel_index(int(np.argmin(np.abs(statistic - known[middle]))), statistic.shape)
        enough = _p_at(Counts(int(x), of_trials, int(y), to_trials), 0.0) <= one_sided
        low, high = (low, middle) if enough else (middle + 1, high)
    return math.inf if low == len(known) else float(known[low])


def _difference(place: int) -> float:
    return place / _GRID - 1


@functools.lru_cache(maxsize=65_536)
def _p_at(counts: Counts, difference: float) -> float:
    """p of "the difference is not above this one", before the largest over all smaller ones is taken."""
    import numpy as np

    if not counts.exact:
        from scipy.special import ndtr

        return float(ndtr(-_one_statistic(counts, difference)))
    statistic = _statistics(counts.of_trials, counts.to_trials, difference)
    as_far = (statistic >= statistic[counts.of_finished, counts.to_finished] - _TIED).astype(np.float64)
    least, most = max(0.0, -difference), min(1.0, 1.0 - difference)
    low, high, number, largest = least, most, _SHARES, 0.0
    for _ in range(1 + _ROUNDS):
        share = np.linspace(low, high, number)
        one, other = _law(counts.of_trials, np.clip(share + difference, 0.0, 1.0)), _law(counts.to_trials, share)
        probability = ((one @ as_far) * other).sum(axis=1)
        best = int(probability.argmax())
        largest = max(largest, float(probability[best]))
        step = (high - low) / (number - 1)
        low, high, number = max(least, share[best] - step), min(most, share[best] + step), _FINER
    return min(1.0, largest)


def _law(trials: int, shares: Any) -> Any:
    """(shares, trials + 1): binomial probabilities."""
    import numpy as np
    from scipy.special import gammaln, xlog1py, xlogy

    count = np.arange(trials + 1)
    ways = gammaln(trials + 1) - gammaln(count + 1) - gammaln(trials - count + 1)
    return np.exp(ways + xlogy(count, shares[:, None]) + xlog1py(trials - count, -shares[:, None]))


@functools.lru_cache(maxsize=1024)
def _statistics(of_trials: int, to_trials: int, difference: float) -> Any:
    """(of_trials + 1, to_trials + 1): of every pair of counts."""
    import numpy as np

    return _score(np.arange(of_trials + 1.0)[:, None], of_trials, np.arange(to_trials + 1.0)[None, :], to_trials, difference)


def _one_statistic(counts: Counts, difference: float) -> float:
    import numpy as np

    one, other = np.array([[float(counts.of_finished)]]), np.array([[float(counts.to_finished)]])
    return float(_score(one, counts.of_trials, other, counts.to_trials, difference)[0, 0])


def _score(one: Any, of_trials: int, other: Any, to_trials: int, difference: float) -> Any:
    """The standard error is at the likeliest shares that differ so; their likelihood has one top, found by halving."""
    import numpy as np

    shape = np.broadcast_shapes(one.shape, other.shape)
    low, high = np.full(shape, max(0.0, -difference)), np.full(shape, min(1.0, 1.0 - difference))
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(_DOUBLINGS):
            share = (low + high) / 2
            moved = share + difference
            slope = one / moved - (of_trials - one) / (1 - moved) + other / share - (to_trials - other) / (1 - share)
            low, high = np.where(slope > 0, share, low), np.where(slope > 0, high, share)
    share = (low + high) / 2
    moved = share + difference
    variance = np.maximum(moved * (1 - moved) / of_trials + share * (1 - share) / to_trials, 1e-12)
    distance = one / of_trials - other / to_trials - difference
    return np.where(np.abs(distance) < 1e-9, 0.0, distance / np.sqrt(variance))
