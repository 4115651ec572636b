"""A two-way additive layout by least squares: value = variant + seed + residual, over all variants of a sweep, some cells empty.

Variants are eliminated first, so that a system with one unknown per seed is left. With n_v values of variant v, N_vs = 1 where it has a
value at seed s, and A = diag(values per seed) - sum_v N_v N_v' / n_v, the seeds are A b = sum_v (y_v - mean_v), a variant is mean_v - mean
of b over its seeds, and the variance of sum_v w_v variant_v is that of the residuals times sum_v w_v^2 / n_v + q' A^- q, with
q_s = sum_v w_v N_vs / n_v (Searle, Linear Models, 1971, section 7.1). Degrees of freedom of the residuals: values - variants - seeds +
parts, where a part is what seeds and variants connect; a sum whose weights do not add up to 0 within each part is no difference that the
values show.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.stats.summaries import mean, usable

Values = Mapping[str, Mapping[int, float]]
"""Variant -> seed -> value."""

_NO_SPREAD = 1e-12
"""Residuals smaller than this share of the largest value are rounding error."""
_ROUNDING = 1e-9
_DIGITS = 13
"""Kept of what comes out of an incomplete layout: sums of products end in digits that depend on the processor."""


class BlockDesign:
    """Values of all variants whose residuals make the error of a claim, and those trials that diverged.

    A variant that diverged in some of the seeds asked for is left out of the residuals: its other values are no sample of it. So is one
    with a single value, which has no residual.
    """

    def __init__(self, values: Values, diverged: Mapping[str, Collection[int]] | None = None) -> None:
        self.values, self.diverged = values, diverged or {}
        self._sampled: dict[tuple[tuple[int, ...], bool], dict[str, dict[int, float]]] = {}
        self._fits: dict[tuple[tuple[int, ...], bool, frozenset[str]], TwoWay | None] = {}

    def fit(self, seeds: Sequence[int], weighed: Collection[str], *, log: bool) -> "TwoWay | None":
        """Over these seeds; `weighed` variants are always in it. None where it has no residual."""
        at = tuple(seeds)
        sampled = self._sampled.get((at, log))
        if sampled is None:
            sampled_at = {name: self._read(name, at, log) for name in self.values if not set(self.diverged.get(name, ())) & set(at)}
            whole = {name: one for name, one in sampled_at.items() if len(one) == len(self._read(name, at, log=False))}
            sampled = self._sampled[at, log] = {name: one for name, one in whole.items() if len(one) > 1}
        extra = [name for name in weighed if name not in sampled]
        key = (at, log, frozenset(extra))
        if key not in self._fits:
            self._fits[key] = TwoWay.of({**sampled, **{name: self._read(name, at, log) for name in extra}})
        return self._fits[key]

    def within(self, seeds: Collection[int]) -> "BlockDesign":
        """As it was when only these seeds had been run."""
        values = {name: {seed: value for seed, value in by_seed.items() if seed in seeds} for name, by_seed in self.values.items()}
        diverged = {name: [seed for seed in at if seed in seeds] for name, at in self.diverged.items()}
        return BlockDesign(values, {name: at for name, at in diverged.items() if at})

    def _read(self, name: str, seeds: Sequence[int], log: bool) -> dict[int, float]:
        mine = self.values.get(name, {})
        usable_values = {seed: mine[seed] for seed in seeds if seed in mine and usable(mine[seed])}
        return {seed: math.log(value) for seed, value in usable_values.items() if value > 0} if log else usable_values


@dataclass(frozen=True)
class TwoWay:
    """The layout fitted."""

    levels: Mapping[str, float]
    """Of each variant, up to a constant that is the same in a connected part."""
    values: Values
    deviation: float
    """Standard deviation of the residuals; 0 where they are rounding error."""
    degrees: int
    """Of freedom, of the residuals."""
    part: Mapping[str, int]
    """Number of the connected part that each variant is in."""
    inverse: Any
    """Of the system of the seeds, on what adds up to 0 in each part; None of a complete layout, which needs none."""
    place: Mapping[int, int]
    """Of each seed in that system."""

    @classmethod
    def of(cls, values: Values) -> "TwoWay | None":
        """None where no degree of freedom is left for the residuals. Values are usable ones."""
        values = {name: by_seed for name, by_seed in values.items() if by_seed}
        seeds = sorted({seed for by_seed in values.values() for seed in by_seed})
        number = sum(map(len, values.values()))
        part, parts = _parts(values)
        degrees = number - len(values) - len(seeds) + parts
        if degrees < 1:
            return None
        means = {name: mean(list(by_seed.values())) or 0.0 for name, by_seed in values.items()}
        largest = max(abs(value) for by_seed in values.values() for value in by_seed.values())
        if number == len(values) * len(seeds):
            # Without a system, so that a complete layout has the same digits everywhere.
            shift = {seed: math.fsum(by_seed[seed] - means[name] for name, by_seed in values.items()) / len(values) for seed in seeds}
            return cls(means, values, _deviation(values, means, shift, degrees, largest), degrees, part, None, {})
        place = {seed: index for index, seed in enumerate(seeds)}
        inverse = _inverse(values, part, place)
        right = [0.0] * len(seeds)
        for name, by_seed in values.items():
            for seed, value in by_seed.items():
                right[place[seed]] += value - means[name]
        solved = _times(inverse, right)
        shift = {seed: solved[place[seed]] for seed in seeds}
        levels = {name: means[name] - math.fsum(shift[seed] for seed in by_seed) / len(by_seed) for name, by_seed in values.items()}
        return cls(levels, values, _deviation(values, levels, shift, degrees, largest), degrees, part, inverse, place)

    def weighs(self, weights: Mapping[str, float]) -> bool:
        """Whether the values show the weighted sum: not where its variants have no seed in common, also not by way of others."""
        sums: dict[int, float] = {}
        for name, weight in weights.items():
            if name not in self.part:
                return False
            sums[self.part[name]] = sums.get(self.part[name], 0.0) + weight
        return all(abs(total) <= _ROUNDING for total in sums.values())

    def sum(self, weights: Mapping[str, float]) -> float:
        total = math.fsum(weight * self.levels[name] for name, weight in weights.items())
        return total if self.inverse is None else _rounded(total)

    def factor(self, weights: Mapping[str, float]) -> float:
        """Variance of the weighted sum over that of a residual."""
        own = math.fsum(weight**2 / len(self.values[name]) for name, weight in weights.items())
        if self.inverse is None:
            return own
        shared = [0.0] * len(self.place)
        for name, weight in weights.items():
            for seed in self.values[name]:
                shared[self.place[seed]] += weight / len(self.values[name])
        return _rounded(own + math.fsum(one * other for one, other in zip(shared, _times(self.inverse, shared), strict=True)))


def _parts(values: Values) -> tuple[dict[str, int], int]:
    """Number of the connected part of each variant, and how many there are."""
    part: dict[str, int] = {}
    at: dict[int, list[str]] = {}
    for name, by_seed in values.items():
        for seed in by_seed:
            at.setdefault(seed, []).append(name)
    parts = 0
    for first in values:
        if first in part:
            continue
        waiting, part[first] = [first], parts
        seen: set[int] = set()
        while waiting:
            for seed in values[waiting.pop()].keys() - seen:
                seen.add(seed)
                fresh = [name for name in at[seed] if name not in part]
                part.update(dict.fromkeys(fresh, parts))
                waiting += fresh
        parts += 1
    return part, parts


def _deviation(values: Values, levels: Mapping[str, float], shift: Mapping[int, float], degrees: int, largest: float) -> float:
    residuals = [value - levels[name] - shift[seed] for name, by_seed in values.items() for seed, value in by_seed.items()]
    if max(map(abs, residuals)) <= _NO_SPREAD * largest:
        return 0.0
    return _rounded(math.sqrt(math.fsum(residual**2 for residual in residuals) / degrees))


def _inverse(values: Values, part: Mapping[str, int], place: Mapping[int, int]) -> Any:
    """(seeds, seeds): of A plus ones within each part, which makes it regular and changes nothing for what adds up to 0 there.

    By elimination in whole rows, without a library for matrices: their sums are in an order that depends on the processor.
    """
    import numpy as np

    number = len(place)
    system = np.zeros((number, number))
    of_seed = {seed: part[name] for name, by_seed in values.items() for seed in by_seed}
    parts = np.array([of_seed[seed] for seed in place])
    system += parts[:, None] == parts[None, :]
    for by_seed in values.values():
        at = [place[seed] for seed in by_seed]
        system[at, at] += 1.0
        system[np.ix_(at, at)] -= 1 / len(at)
    both = np.hstack([system, np.eye(number)])
    for row in range(number):  # positive definite, so no rows change places
        both[row] /= both[row, row]
        factors = both[:, row].copy()
        factors[row] = 0.0
        both -= factors[:, None] * both[row][None, :]
    return both[:, number:]


def _times(matrix: Any, vector: Sequence[float]) -> list[float]:
    return [math.fsum(row) for row in (matrix * vector).tolist()]


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
