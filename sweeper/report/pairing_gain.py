"""What it brought to take the trials of a seed as pairs: how alike the cells vary over seeds, and the width of the interval without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import StatisticsError, correlation, fmean

from sweeper.report import numbers
from sweeper.report.estimates import ByVariant, estimate
from sweeper.report.hypotheses import claim_interval
from sweeper.report.statistics import CONFIDENCE, MIN_SEEDS, usable


@dataclass(frozen=True)
class PairingGain:
    """Over the seeds of one paired contrast."""

    correlation: float
    """Pearson's, between the values of two cells over seeds; over more cells, the mean over all twos of them."""
    width_ratio: float
    """Width of the paired 95% interval over that of Welch's, which does not pair: below 1, pairing gained."""
    seeds: int


def pairing_gain(by_variant: ByVariant, weights: Mapping[str, float], seeds: Sequence[int]) -> PairingGain | None:
    """None with fewer than 3 pairs, and where a cell does not vary."""
    cells = [name for name, weight in weights.items() if weight]
    values = {name: {seed: value for seed, value in by_variant.get(name, {}).items() if usable(value)} for name in cells}
    pairs = [seed for seed in seeds if all(seed in values[name] for name in cells)]
    if len(pairs) < MIN_SEEDS:
        return None
    kept = {name: {seed: values[name][seed] for seed in pairs} for name in cells}
    paired, apart = (estimate(kept, weights, pairs, paired=each) for each in (True, False))
    if paired is None or apart is None or paired.error == 0 or apart.error == 0:
        return None
    try:
        alike = fmean(correlation(list(kept[one].values()), list(kept[other].values())) for one, other in combinations(cells, 2))
    except StatisticsError:
        return None
    widths = [interval.high - interval.low for interval in (claim_interval(each, CONFIDENCE) for each in (paired, apart))]
    return PairingGain(alike, widths[0] / widths[1], len(pairs))


def gain_notes(found: Mapping[str, PairingGain | None]) -> list[str]:
    """A sentence for all paired contrasts."""
    said = [f"{name} {gain.correlation:.2f} ({_in_words(gain)})" for name, gain in found.items() if gain is not None]
    if not said:
        return []
    return [
        f"Correlation over seeds of paired cells, and what pairing did to the 95% interval: {'; '.join(said)}. Few seeds know a correlation"
        " badly, and an analysis that is chosen by it is chosen after the results."
    ]


def _in_words(gain: PairingGain) -> str:
    change = 100 * abs(1 - gain.width_ratio)
    return f"{numbers.fixed(change, 0)}% {'narrower' if gain.width_ratio < 1 else 'wider'}, {numbers.plural(gain.seeds, 'pair')}"
