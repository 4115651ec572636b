"""A claim on the share of trials that finish: its estimate from counts, and its words."""

import math
from collections.abc import Iterable, Mapping, Sequence

from sweeper.metrics import FINISHING
from sweeper.plan.power import Noise
from sweeper.plan.two_shares import Counts, lower_end, upper_end
from sweeper.report import numbers
from sweeper.report.estimates import ByVariant, Estimate
from sweeper.report.statistics import MIN_SEEDS, Interval
from sweeper.report.trial_values import Outcomes
from sweeper.spec.sweep_spec import SweepSpec
from sweeper.states import TRIAL_STATES


def ends_of(variants: Iterable[str], spec: SweepSpec, outcomes: Outcomes) -> dict[str, dict[int, float]]:
    """1 for a trial that finished and 0 for one that diverged, by variant and seed. One that failed or was stopped is neither."""
    found: dict[str, dict[int, float]] = {}
    for name in variants:
        known = {seed: TRIAL_STATES[outcomes[name, seed].state] for seed in spec.seeds if (name, seed) in outcomes}
        found[name] = {seed: float(state.has_result) for seed, state in known.items() if state.has_result or state.refutes_means}
    return found


def finishing_estimate(ends: ByVariant, weights: Mapping[str, float], seeds: Sequence[int], least: int = MIN_SEEDS) -> Estimate | None:
    """The trials of all cells on one side are counted together; None where a cell has fewer than `least`."""
    kept = {name: [ends[name][seed] for seed in seeds if seed in ends.get(name, {})] for name, weight in weights.items() if weight}
    fewest = min((len(found) for found in kept.values()), default=0)
    if fewest < max(least, 1):
        return None
    of, to = ([value for name, found in kept.items() if sign * weights[name] > 0 for value in found] for sign in (1, -1))
    counts = Counts(round(sum(of)), len(of), round(sum(to)), len(to))
    # Of shares with a success and a failure more, which is never 0 (Agresti and Caffo 2000). The interval does not go by it.
    shares = [((sum(side) + 1) / (len(side) + 2), len(side) + 2) for side in (of, to)]
    error = math.sqrt(sum(share * (1 - share) / number for share, number in shares))
    return Estimate(counts.difference, error, math.inf, "exact" if counts.exact else "score", Noise(0.0), fewest, counts=counts)


def finishing_interval(counts: Counts, level: float) -> Interval:
    one_sided = (1 - level) / 2
    return Interval(lower_end(counts, one_sided), upper_end(counts, one_sided))


class Points:
    """How differences in share are written: in percentage points."""

    log = False

    def __init__(self, interval: Interval | None) -> None:
        ends = None if interval is None or interval.holds(0) else (100 * interval.low, 100 * interval.high)
        self.decimals = 0 if ends is None else numbers.enough_decimals(ends, 0)

    def one(self, value: float) -> str:
        return f"{self.number(value)} points"

    def both(self, interval: Interval | None) -> str:
        return numbers.MISSING if interval is None else f"[{self.number(interval.low)}, {self.number(interval.high)}]"

    def number(self, value: float) -> str:
        return numbers.fixed(100 * value, self.decimals)


def finishing_found(found: Estimate, amounts: Points, interval: Interval | None, level: str) -> str:
    """'10 of 10 against 3 of 10, a difference of 70 percentage points [31, 93] (95% interval, Barnard's exact test)'."""
    counts = found.counts
    assert counts is not None, "of a claim of this kind"
    shares = f"{counts.of_finished} of {counts.of_trials} against {counts.to_finished} of {counts.to_trials}"
    how = "Barnard's exact test" if counts.exact else "score test by its normal law"
    return f"{shares}, a difference of {amounts.number(found.value)} percentage points {amounts.both(interval)} ({level} interval, {how})"


def is_finishing(metric: str) -> bool:
    return metric == FINISHING.name


def finishing_says(of: str, to: str, context: str) -> str:
    return f"trials of {of} finish more often than those of {to}{context}"
