"""The values of a metric in a sweep's trials, by variant and seed."""

from collections.abc import Iterable, Mapping, Sequence

from sweeper.records import TrialOutcome
from sweeper.spec.sweep_spec import SweepSpec

Outcomes = Mapping[tuple[str, int], TrialOutcome]
"""By (variant, seed)."""


def values_of(variants: Iterable[str], spec: SweepSpec, outcomes: Outcomes, metric: str) -> dict[str, dict[int, float]]:
    """A metric of finished trials, by variant and seed. What diverged, failed or was stopped early is not among them."""
    found: dict[str, dict[int, float]] = {}
    for name in variants:
        mine = ((seed, outcomes.get((name, seed))) for seed in spec.seeds)
        finished = ((seed, outcome) for seed, outcome in mine if outcome is not None and outcome.has_result)
        found[name] = {seed: outcome.metrics[metric] for seed, outcome in finished if metric in outcome.metrics}
    return found


def within(values: Mapping[str, Mapping[int, float]], seeds: Sequence[int]) -> dict[str, dict[int, float]]:
    """Those of some seeds."""
    return {name: {seed: value for seed, value in found.items() if seed in seeds} for name, found in values.items()}
