"""The statistics of a report, on plain numbers: mean, standard deviation, t intervals over seeds, seed-paired contrasts."""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sweeper.compact import Shared

CONFIDENCE = 0.95
NORMAL_QUANTILE = 1.959963984540054
"""Two-sided, of CONFIDENCE."""
MIN_SEEDS = 3
"""Fewer seeds give no interval: with two, the t quantile is 12.7 and the spread is one number."""

_LARGEST = 1e100
"""Beyond this a square overflows; such a value is no more a measurement than infinity is."""
_SHARED = Shared()  # most summaries of a report are over the same seeds
_ROUNDING = 1e-12
"""A weighted sum smaller than this share of its terms is rounding error of the weights, not a difference."""


@dataclass(frozen=True)
class Interval:
    """A 95% interval, ends included."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


Rule = Literal["t", "paired", "welch", "block", "assumed", "exact", "score"]
"""What made an interval: Student's t over seeds, or over the sums of pairs; Welch's t over cells whose seeds are no pairs; t with the
residual variance of all variants; a normal law with an assumed spread. Of two proportions: Barnard's exact test, or its statistic taken as
normal."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Values over seeds and what they come to; None where there are too few."""

    by_seed: Mapping[int, float]
    mean: float | None
    sd: float | None
    """Sample standard deviation (n - 1); None with fewer than 2 values."""
    half_width: float | None
    """Of the 95% interval around the mean; None with fewer than 3 values, unless a spread is assumed."""
    rule: Rule = "t"
    cells: int | None = None
    """Seeds in the cell with fewest, for a weighted sum whose seeds are no pairs, or blocks."""

    @property
    def n(self) -> int:
        return len(self.by_seed) if self.cells is None else self.cells

    @property
    def interval(self) -> Interval | None:
        if self.mean is None or self.half_width is None:
            return None
        return Interval(self.mean - self.half_width, self.mean + self.half_width)


def usable(value: float) -> bool:
    """Whether a value is finite, and small enough to be squared."""
    return math.isfinite(value) and abs(value) < _LARGEST


def all_usable(values: Iterable[float]) -> bool:
    """Whether each of them is, in one call: no value is larger than the length of the vector of all, and NaN and infinity are in it."""
    return math.hypot(*values) < _LARGEST


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean; the sum is rounded once, so that it does not depend on the order; None of nothing."""
    if values and min(values) == max(values):
        return float(values[0])  # rounding would give equal values a spread
    return math.fsum(values) / len(values) if values else None


def sample_sd(values: Sequence[float]) -> float | None:
    """Sample standard deviation (n - 1); None with fewer than 2 values. It does not depend on the order either."""
    return _spread(values, mean(values))


def _spread(values: Sequence[float], center: float | None) -> float | None:
    if center is None or len(values) < 2:
        return None
    return math.sqrt(math.fsum([(value - center) ** 2 for value in values]) / (len(values) - 1))


@functools.cache
def t_quantile(degrees: int) -> float:
    """The two-sided 95% quantile of Student's t, right to 12 digits.

    For whole degrees of freedom the probability is a finite sum, so no library is needed: scipy.special takes half a second to load,
    and older releases of it were off in the eleventh digit (4.302652729911 for 2 degrees), which a report with equal bytes would show.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(64):
        middle = (low + high) / 2
        low, high = (middle, high) if _central_probability(middle, degrees) < CONFIDENCE else (low, middle)
    return float(f"{math.sqrt(degrees) * math.tan(low):.13g}")  # the digits after these depend on the platform's sine


def _central_probability(angle: float, degrees: int) -> float:
    """P(|T| < sqrt(degrees) tan(angle)): Abramowitz and Stegun, equations 26.7.3 and 26.7.4."""
    odd = degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for power in range(2 + odd, degrees + 1, 2):
        total += term
        term *= math.cos(angle) ** 2 * (power - 1) / power
    if odd:
        return (angle + math.sin(angle) * total) * 2 / math.pi
    return math.sin(angle) * total


def half_width(values: Sequence[float]) -> float | None:
    """Half the width of the 95% t interval of the mean; None with fewer than 3 values."""
    sd = sample_sd(values)
    return None if sd is None else _half_width(sd, len(values))


def _half_width(sd: float, n: int) -> float | None:
    return t_quantile(n - 1) * sd / math.sqrt(n) if n >= MIN_SEEDS else None


def summarise(by_seed: Mapping[int, float], assumed_cv: float | None = None) -> Summary:
    """Summary of the usable values, by ascending seed; the others are left out.

    `assumed_cv`: standard deviation as a share of the mean, assumed where there are too few values for an interval of their own.
    """
    finite = {seed: float(by_seed[seed]) for seed in sorted(by_seed)}
    if not all_usable(finite.values()):
        finite = {seed: value for seed, value in finite.items() if usable(value)}
    kept, values = _SHARED.numbers(finite), list(finite.values())
    center = mean(values)
    sd = _spread(values, center)
    width = None if sd is None else _half_width(sd, len(values))
    if width is None and center is not None and assumed_cv is not None:
        return Summary(kept, center, sd, NORMAL_QUANTILE * assumed_cv * abs(center) / math.sqrt(len(values)), "assumed")
    return Summary(kept, center, sd, width)


def paired_contrast(by_variant: Mapping[str, Mapping[int, float]], weights: Mapping[str, float], seeds: Iterable[int]) -> Summary:
    """The weighted sum of the variants, seed by seed, over the seeds where every variant with a nonzero weight has a usable value.

    `by_variant` is variant name -> seed -> value. A variant that is not in it has no value at any seed.
    """
    used = {name: weight for name, weight in weights.items() if weight}
    sums: dict[int, float] = {}
    for seed in seeds:
        values = [by_variant.get(name, {}).get(seed, math.nan) for name in used]
        if used and all(usable(value) for value in values):
            sums[seed] = _weighted_sum(list(used.values()), values)
    return summarise(sums)


def _weighted_sum(weights: Sequence[float], values: Sequence[float]) -> float:
    terms = [weight * value for weight, value in zip(weights, values, strict=True)]
    total = math.fsum(terms)
    return 0.0 if abs(total) <= _ROUNDING * math.fsum(map(abs, terms)) else total
