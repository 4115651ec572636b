"""The estimate of a contrast on the scale its claim speaks of, and what it varies by: paired t, Welch, block, or an assumed spread.

On the log of the metric a weighted sum is a log ratio (of ratios); relative to a cell it is log(1 + weighted sum / cell), which is the same
thing where the cell is the one subtracted.
"""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sweeper.stats.power import Noise
from sweeper.stats.resampling import bootstrap_mean, bootstrap_sum
from sweeper.stats.summaries import (
    CONFIDENCE,
    MIN_SEEDS,
    NORMAL_QUANTILE,
    Interval,
    Rule,
    Summary,
    mean,
    paired_contrast,
    sample_sd,
    usable,
)
from sweeper.stats.two_proportions import Counts, lower_end, upper_end
from sweeper.stats.two_way import BlockDesign

ByVariant = Mapping[str, Mapping[int, float]]
"""Variant -> seed -> value."""


@dataclass(frozen=True)
class Scale:
    """In units of the metric, or on its log."""

    log: bool = False
    relative_to: str | None = None
    """Variant that the weighted sum is taken as a share of, before the log."""


@dataclass(frozen=True)
class Estimate:
    """A weighted sum of cells and its standard error."""

    value: float
    error: float
    degrees: float
    """Of freedom; infinite where the spread is assumed."""
    rule: Rule
    noise: Noise
    """What one seed more in every cell would add."""
    seeds: int
    """Pairs, or seeds of the cell with fewest."""
    by_seed: Mapping[int, float] = field(default_factory=dict)
    """The weighted sum at every seed, where seeds are paired."""
    counts: Counts | None = None
    """Of a claim on the share of trials that finish, which goes by these alone (`exact`, and `score` with very many)."""

    @property
    def t(self) -> float | None:
        """Value over error; None where every seed gave the same and nothing is known of the error."""
        return None if self.error == 0 else self.value / self.error

    def interval(self, level: float) -> Interval:
        """Two-sided, at a confidence level; of two proportions by their test, which it never disagrees with."""
        from scipy.special import ndtri, stdtrit

        if self.counts is not None:
            one_sided = (1 - level) / 2
            return Interval(lower_end(self.counts, one_sided), upper_end(self.counts, one_sided))
        upper = (1 + level) / 2
        quantile = float(ndtri(upper) if math.isinf(self.degrees) else stdtrit(self.degrees, upper))
        return Interval(self.value - quantile * self.error, self.value + quantile * self.error)


def estimate(
    values: ByVariant,
    weights: Mapping[str, float],
    seeds: Sequence[int],
    *,
    scale: Scale = Scale(),
    paired: bool = True,
    assumed_cv: float | None = None,
    block_design: BlockDesign | None = None,
) -> Estimate | None:
    """None where there are too few seeds: 3 pairs, or 3 in each cell; one in each where a spread is assumed.

    With a `block_design` of variants seeds are blocks (`two_way`), whatever `paired` is; the sum is then no share of a cell.
    """
    used = {name: weight for name, weight in weights.items() if weight}
    cells = [*used, *({scale.relative_to} - used.keys() if scale.relative_to else ())]
    kept = {name: {seed: values[name][seed] for seed in seeds if _fits(values.get(name, {}).get(seed), scale)} for name in cells}
    blocks = [seed for seed in seeds if all(seed in kept[name] for name in cells)]
    paired = paired and block_design is None
    if paired and len(blocks) >= MIN_SEEDS:
        return _paired(kept, used, blocks, scale)
    fewest = min((len(by_seed) for by_seed in kept.values()), default=0)
    if block_design is not None and fewest >= MIN_SEEDS:
        return _block(block_design, used, seeds, scale, fewest)
    if not paired and fewest >= MIN_SEEDS:
        return _unpaired(kept, used, cells, scale, fewest)
    if assumed_cv is not None and (len(blocks) if paired else fewest):
        at = {name: {seed: kept[name][seed] for seed in blocks} for name in cells} if paired else kept
        return _assumed(at, used, cells, scale, assumed_cv, paired)
    return None


def value_at(cells: Mapping[str, float], weights: Mapping[str, float], scale: Scale) -> float:
    """The weighted sum of one value of every cell, on the scale."""
    if scale.log and scale.relative_to is None:
        return math.fsum(weight * math.log(cells[name]) for name, weight in weights.items())
    total = math.fsum(weight * cells[name] for name, weight in weights.items())
    if scale.relative_to is None:
        return total
    share = 1 + total / cells[scale.relative_to]
    return math.log(share) if share > 0 else -math.inf


def _fits(value: float | None, scale: Scale) -> bool:
    return value is not None and usable(value) and (not scale.log or value > 0)


def _paired(kept: ByVariant, weights: Mapping[str, float], blocks: Sequence[int], scale: Scale) -> Estimate | None:
    sums = {seed: value_at({name: by_seed[seed] for name, by_seed in kept.items()}, weights, scale) for seed in blocks}
    values = list(sums.values())
    if not all(map(math.isfinite, values)):
        return None
    center, sd = mean(values), sample_sd(values)
    assert center is not None, "three values at least"
    assert sd is not None, "three values at least"
    if sd <= 1e-12 * max(map(abs, values)):
        sd = 0.0
    return Estimate(center, sd / math.sqrt(len(values)), len(values) - 1, "paired", Noise(sd), len(values), sums)


def _slopes(means: Mapping[str, float], weights: Mapping[str, float], cells: Collection[str], scale: Scale) -> dict[str, float]:
    """How much the weighted sum moves with the mean of each cell (delta method)."""
    if not scale.log:
        return dict(weights)
    if scale.relative_to is None:
        return {name: weight / means[name] for name, weight in weights.items()}
    base = means[scale.relative_to]
    total = math.fsum(weight * means[name] for name, weight in weights.items())
    own = {name: (weights.get(name, 0.0) + (name == scale.relative_to)) / (base + total) for name in cells}
    return {name: slope - (1 / base if name == scale.relative_to else 0.0) for name, slope in own.items()}


def _unpaired(kept: ByVariant, weights: Mapping[str, float], cells: Sequence[str], scale: Scale, fewest: int) -> Estimate | None:
    """Welch's unequal variances, with Satterthwaite's degrees of freedom; a log ratio from the logs themselves."""
    logs = scale.log and scale.relative_to is None
    read = {name: [math.log(value) if logs else value for value in kept[name].values()] for name in cells}
    means = {name: math.fsum(values) / len(values) for name, values in read.items()}
    value = math.fsum(weight * means[name] for name, weight in weights.items()) if logs else value_at(means, weights, scale)
    if not math.isfinite(value):
        return None
    slopes = dict(weights) if logs else _slopes(means, weights, cells, scale)
    spread = {name: (slope * (sample_sd(read[name]) or 0.0)) ** 2 for name, slope in slopes.items()}
    parts = {name: square / len(read[name]) for name, square in spread.items()}
    variance, in_one = math.fsum(parts.values()), math.fsum(spread.values())
    if variance == 0:
        return Estimate(value, 0.0, fewest - 1, "welch", Noise(0.0), fewest)
    # As shares, since the squares of squares of large values overflow.
    degrees = 1 / math.fsum((part / variance) ** 2 / (len(read[name]) - 1) for name, part in parts.items())
    per_seed = 1 / math.fsum((square / in_one) ** 2 for square in spread.values())
    return Estimate(value, math.sqrt(variance), degrees, "welch", Noise(math.sqrt(in_one), per_seed), fewest)


def _block(block_design: BlockDesign, weights: Mapping[str, float], seeds: Sequence[int], scale: Scale, fewest: int) -> Estimate | None:
    """None where the variants have no seed in common, and where no residual is left."""
    assert scale.relative_to is None, "refused in the sweep: a share of a cell is no sum over variants"
    fitted = block_design.fit(seeds, weights, log=scale.log)
    if fitted is None or not fitted.weighs(weights):
        return None
    in_one = fitted.deviation * math.sqrt(math.fsum(weight**2 for weight in weights.values()))
    error = fitted.deviation * math.sqrt(fitted.factor(weights))
    return Estimate(fitted.sum(weights), error, fitted.degrees, "block", Noise(in_one, len(fitted.values) - 1.0), fewest)


def _assumed(kept: ByVariant, weights: Mapping[str, float], cells: Sequence[str], scale: Scale, cv: float, paired: bool) -> Estimate | None:
    """A normal interval: every cell has this coefficient of variation over seeds, and cells are independent."""
    fewest = min(map(len, kept.values()))
    means = {name: math.fsum(by_seed.values()) / len(by_seed) for name, by_seed in kept.items()}
    value = value_at(means, weights, scale)
    if not math.isfinite(value):
        return None
    slopes = _slopes(means, weights, cells, scale)
    spread = {name: (slope * cv * means[name]) ** 2 for name, slope in slopes.items()}
    variance = math.fsum(square / len(kept[name]) for name, square in spread.items())
    in_one = math.fsum(spread.values())
    per_seed = 1.0 if paired else in_one**2 / (math.fsum(square**2 for square in spread.values()) or 1.0)
    return Estimate(value, math.sqrt(variance), math.inf, "assumed", Noise(math.sqrt(in_one), per_seed), fewest)


def finishing_estimate(ends: ByVariant, weights: Mapping[str, float], seeds: Sequence[int], least: int = MIN_SEEDS) -> Estimate | None:
    """The trials of all cells on one side are counted together; None where a cell has fewer than `least`."""
    kept = {name: [ends[name][seed] for seed in seeds if seed in ends.get(name, {})] for name, weight in weights.items() if weight}
    fewest = min((len(by_seed) for by_seed in kept.values()), default=0)
    if fewest < max(least, 1):
        return None
    of, to = ([value for name, values in kept.items() if sign * weights[name] > 0 for value in values] for sign in (1, -1))
    counts = Counts(round(sum(of)), len(of), round(sum(to)), len(to))
    # Of shares with a success and a failure more, which is never 0 (Agresti and Caffo 2000). The interval does not go by it.
    shares = [((sum(side) + 1) / (len(side) + 2), len(side) + 2) for side in (of, to)]
    error = math.sqrt(sum(share * (1 - share) / number for share, number in shares))
    return Estimate(counts.difference, error, math.inf, "exact" if counts.exact else "score", Noise(0.0), fewest, counts=counts)


def summarise_contrast(
    by_variant: ByVariant,
    weights: Mapping[str, float],
    seeds: Sequence[int],
    paired: bool,
    assumed_cv: float | None,
    block_design: BlockDesign | None = None,
) -> tuple[Summary, Interval | None]:
    """The sum with its interval (Student's t over pairs, Welch's over cells, or one with an assumed spread), and that of a bootstrap.

    With a `block_design` seeds are blocks of it; a bootstrap, which would have to draw whole blocks, is then none.
    """
    if paired and block_design is None:
        summary = paired_contrast(by_variant, weights, seeds)
        if summary.half_width is None and assumed_cv is not None:
            assumed = estimate(by_variant, weights, seeds, assumed_cv=assumed_cv)
            if assumed is not None:
                summary = dataclasses.replace(summary, half_width=NORMAL_QUANTILE * assumed.error, rule="assumed")
        return summary, bootstrap_mean(list(summary.by_seed.values()), CONFIDENCE)
    used = {name: weight for name, weight in weights.items() if weight}
    kept = {name: {seed: value for seed, value in by_variant.get(name, {}).items() if usable(value)} for name in used}
    fewest = min(map(len, kept.values()), default=0)
    unpaired = estimate(kept, used, seeds, paired=False, assumed_cv=assumed_cv, block_design=block_design)
    if unpaired is not None:
        rule: Rule = "assumed" if unpaired.rule == "assumed" else "welch" if block_design is None else "block"
        half_width = unpaired.value - unpaired.interval(CONFIDENCE).low
        if block_design is not None:
            return Summary({}, unpaired.value, None, half_width, rule, fewest), None
        read = {name: list(values.values()) for name, values in kept.items()}
        return Summary({}, unpaired.value, None, half_width, rule, fewest), bootstrap_sum(read, used, CONFIDENCE)
    means = {name: mean(list(values.values())) for name, values in kept.items()}
    total = math.fsum(used[name] * (value or 0.0) for name, value in means.items()) if fewest else None
    return Summary({}, total, None, None, "welch" if block_design is None else "block", fewest), None
