"""Which trials pair: those that drew the same, not those whose seeds have the same number; and what pairing brought."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import StatisticsError, correlation, fmean

from sweeper.records import TrialOutcome
from sweeper.spec.sweep_spec import Analysis
from sweeper.stats.estimates import ByVariant, estimate
from sweeper.stats.summaries import CONFIDENCE, MIN_SEEDS, usable

PAIRING = ("data order", "noise", "timesteps")
"""Random streams that trials of one seed must share to be a pair: the same images with the same noise at the same noise levels, step by
step."""


@dataclass(frozen=True)
class Pairing:
    """What the trials of one seed have in common, over the variants that a contrast weighs."""

    paired: bool
    """Whether they see the same images with the same noise at the same noise levels."""
    shared: tuple[str, ...] = ()
    """Streams that all of them draw from, and draw alike."""
    differing: tuple[str, ...] = ()
    """Streams that several draw from, not alike."""
    known: bool = True
    declared: bool = False
    """Whether the sweep says so (`analysis`), whatever the streams are."""
    block: bool = False
    """Whether seeds are blocks of an additive layout of all variants."""


ALL_PAIRED = Pairing(True)


def pairing_of(
    variants: Iterable[str], seeds: Sequence[int], outcomes: Mapping[tuple[str, int], TrialOutcome], analysis: Analysis | None = None
) -> Pairing:
    """As the sweep declares, else by the fingerprints of the streams of each variant's trials; variants without any trial are not asked."""
    pairing = _by_streams(variants, seeds, outcomes)
    return pairing if analysis is None else replace(pairing, paired=analysis == "paired", declared=True, block=analysis == "block")


def _by_streams(variants: Iterable[str], seeds: Sequence[int], outcomes: Mapping[tuple[str, int], TrialOutcome]) -> Pairing:
    first = [next((outcomes[name, seed] for seed in seeds if (name, seed) in outcomes), None) for name in variants]
    asked = [outcome.streams for outcome in first if outcome is not None]
    if not asked:
        return ALL_PAIRED
    if not all(asked):
        return Pairing(False, known=False)
    names = dict.fromkeys(stream for streams in asked for stream in streams)
    drawn = {stream: [streams[stream] for streams in asked if stream in streams] for stream in names}
    shared = tuple(stream for stream, prints in drawn.items() if len(prints) == len(asked) and len(set(prints)) == 1)
    differing = tuple(stream for stream, prints in drawn.items() if len(set(prints)) > 1)
    return Pairing(all(stream in shared for stream in PAIRING), shared, differing)


@dataclass(frozen=True)
class PairingEfficiency:
    """Over the seeds of one paired contrast."""

    correlation: float
    """Pearson's, between the values of two cells over seeds; over more cells, the mean over all twos of them."""
    width_ratio: float
    """Width of the paired 95% interval over that of Welch's, which does not pair: below 1, pairing gained."""
    seeds: int


def pairing_efficiency(by_variant: ByVariant, weights: Mapping[str, float], seeds: Sequence[int]) -> PairingEfficiency | None:
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
    widths = [interval.high - interval.low for interval in (each.interval(CONFIDENCE) for each in (paired, apart))]
    return PairingEfficiency(alike, widths[0] / widths[1], len(pairs))
