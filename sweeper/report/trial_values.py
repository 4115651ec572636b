"""The values of a metric in a sweep's trials, by variant and seed, and which of them make the error of a block analysis."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sweeper.records import TrialOutcome, Variant
from sweeper.report.comparability import Comparability
from sweeper.spec.sweep_spec import SweepSpec
from sweeper.states import TRIAL_STATES
from sweeper.stats.two_way import BlockDesign

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


def ends_of(variants: Iterable[str], spec: SweepSpec, outcomes: Outcomes) -> dict[str, dict[int, float]]:
    """1 for a trial that finished and 0 for one that diverged, by variant and seed. One that failed or was stopped is neither."""
    found: dict[str, dict[int, float]] = {}
    for name in variants:
        known = {seed: TRIAL_STATES[outcomes[name, seed].state] for seed in spec.seeds if (name, seed) in outcomes}
        found[name] = {seed: float(state.has_result) for seed, state in known.items() if state.has_result or state.refutes_means}
    return found


def within(values: Mapping[str, Mapping[int, float]], seeds: Sequence[int]) -> dict[str, dict[int, float]]:
    """Those of some seeds."""
    return {name: {seed: value for seed, value in found.items() if seed in seeds} for name, found in values.items()}


class BlockDesigns:
    """Of one report: contrasts that read the same variants share one."""

    def __init__(self, spec: SweepSpec, variants: Sequence[Variant], outcomes: Outcomes, comparability: Comparability) -> None:
        self._spec, self._outcomes, self._comparability = spec, outcomes, comparability
        self._names = [variant.name for variant in variants]
        self._made: dict[tuple[str, frozenset[str]], BlockDesign] = {}

    def of(self, cells: Collection[str], metric: str) -> BlockDesign | None:
        """None without `analysis: block`."""
        if self._spec.analysis != "block":
            return None
        names = self._names
        if self._comparability.apart:
            names = [name for name in names if self._comparability.separates(metric, {*cells, name}) is None]
        key = (metric, frozenset(names))
        if key not in self._made:
            self._made[key] = BlockDesign(values_of(names, self._spec, self._outcomes, metric), self._diverged(names))
        return self._made[key]

    def notes(self) -> list[str]:
        """Variants that are in no block design although they have values, a sentence."""
        found = {name: at for block_design in self._made.values() for name, at in block_design.diverged.items()}
        if not found:
            return []
        said = ", ".join(f"{name} ({len(at)} of {len(self._spec.seeds)})" for name, at in found.items())
        return [f"Left out of the residual variance of the block analysis, since trials of them diverged: {said}."]

    def _diverged(self, names: Sequence[str]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for name in names:
            for seed in self._spec.seeds:
                outcome = self._outcomes.get((name, seed))
                if outcome is not None and TRIAL_STATES[outcome.state].refutes_means:
                    found.setdefault(name, []).append(seed)
        return found
