"""Training seeds and generation seeds apart: which of them a trial's value varies by, and so of which to buy more.

All trials of a sweep are evaluated with the same generation seeds, so these cross the training seeds rather than nest in them: what a
generation seed does to every trial alike cancels in differences, and only the rest counts as generation variance here. Within a variant,
value = mean + training seed + generation seed + rest; the parts come from the mean squares of the two-way layout, pooled over variants.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sweeper.stats.summaries import usable

Values = Mapping[int, Mapping[str, float]]
"""Training seed -> generation seed -> value, of one variant."""


@dataclass(frozen=True)
class VarianceComponents:
    """Standard deviations of one metric."""

    training: float
    """Over training seeds."""
    generation: float
    """Over generation seeds, without what they do to every trial alike."""
    trials: int
    generations: int

    @property
    def share(self) -> float:
        """Of the variance of a trial's mean over its generation seeds, the part that these make."""
        rest = self.generation**2 / self.generations
        total = self.training**2 + rest
        return rest / total if total else 0.0


def variance_components(variants: Iterable[Values]) -> VarianceComponents | None:
    """None without a variant of two trials that share two generation seeds."""
    squares_rest = squares_training = 0.0
    degrees_rest = degrees_training = trials = generations = 0
    for by_training_seed in variants:
        common = sorted(set.intersection(*(set(values) for values in by_training_seed.values()))) if by_training_seed else []
        rows = [[values[seed] for seed in common] for values in by_training_seed.values()]
        rows = [row for row in rows if all(map(usable, row))]
        n, g = len(rows), len(common)
        if n < 2 or g < 2:
            continue
        mean = math.fsum(map(math.fsum, rows)) / (n * g)
        of_row = [math.fsum(row) / g for row in rows]
        of_column = [math.fsum(column) / n for column in zip(*rows, strict=True)]
        squares_training += g * math.fsum((value - mean) ** 2 for value in of_row)
        squares_rest += math.fsum((rows[i][j] - of_row[i] - of_column[j] + mean) ** 2 for i in range(n) for j in range(g))
        degrees_training += n - 1
        degrees_rest += (n - 1) * (g - 1)
        trials, generations = trials + n, g
    if not degrees_rest:
        return None
    rest = squares_rest / degrees_rest
    training = max(0.0, (squares_training / degrees_training - rest) / generations)
    return VarianceComponents(math.sqrt(training), math.sqrt(rest), trials, generations)
