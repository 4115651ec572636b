"""A second opinion on an interval, without a law: percentiles over seeds drawn with replacement, the same draws every time."""

from collections.abc import Mapping, Sequence

from sweeper.report.statistics import Interval

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
