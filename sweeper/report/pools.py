"""Which variants make the error of a contrast, with `analysis: block`: all that compare with its cells on its metric."""

from collections.abc import Collection, Sequence

from sweeper.records import Variant
from sweeper.report.comparability import Comparability
from sweeper.report.trial_values import Outcomes, values_of
from sweeper.report.two_way import Pool
from sweeper.spec.sweep_spec import SweepSpec
from sweeper.states import TRIAL_STATES


class Pools:
    """Of one report: contrasts that read the same variants share one."""

    def __init__(self, spec: SweepSpec, variants: Sequence[Variant], outcomes: Outcomes, comparability: Comparability) -> None:
        self._spec, self._outcomes, self._comparability = spec, outcomes, comparability
        self._names = [variant.name for variant in variants]
        self._made: dict[tuple[str, frozenset[str]], Pool] = {}

    def of(self, cells: Collection[str], metric: str) -> Pool | None:
        """None without `analysis: block`."""
        if self._spec.analysis != "block":
            return None
        names = self._names
        if self._comparability.apart:
            names = [name for name in names if self._comparability.separates(metric, {*cells, name}) is None]
        key = (metric, frozenset(names))
        if key not in self._made:
            self._made[key] = Pool(values_of(names, self._spec, self._outcomes, metric), self._diverged(names))
        return self._made[key]

    def notes(self) -> list[str]:
        """Variants that are in no pool although they have values, a sentence."""
        found = {name: at for pool in self._made.values() for name, at in pool.diverged.items()}
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
