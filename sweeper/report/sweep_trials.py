"""The trials of a sweep by variant and seed, and what of them a contrast is computed from."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.metrics import FINISHING, MetricInfo
from sweeper.records import TrialOutcome, Variant
from sweeper.report.comparability import Comparability
from sweeper.spec.designs import cells_of, contrast_weights
from sweeper.spec.sweep_spec import Contrast, SweepSpec
from sweeper.states import TRIAL_STATES, TrialProperties
from sweeper.stats.estimates import ByVariant
from sweeper.stats.pairing import Pairing, pairing_of
from sweeper.stats.two_way import BlockDesign

Outcomes = Mapping[tuple[str, int], TrialOutcome]
"""By (variant, seed)."""


class SweepTrials:
    """Of one version of a sweep. Contrasts that read the same variants share a block design."""

    def __init__(self, spec: SweepSpec, variants: Sequence[Variant], outcomes: Outcomes, comparability: Comparability) -> None:
        self.spec, self.variants, self.outcomes, self.comparability = spec, variants, outcomes, comparability
        self._block_designs: dict[tuple[str, frozenset[str]], BlockDesign] = {}

    def values(self, variants: Iterable[str], metric: str) -> dict[str, dict[int, float]]:
        """A metric of finished trials, by variant and seed. What diverged, failed or was stopped early is not among them."""
        values: dict[str, dict[int, float]] = {}
        for name in variants:
            mine = ((seed, self.outcomes.get((name, seed))) for seed in self.spec.seeds)
            finished = ((seed, outcome) for seed, outcome in mine if outcome is not None and outcome.has_result)
            values[name] = {seed: outcome.metrics[metric] for seed, outcome in finished if metric in outcome.metrics}
        return values

    def ends(self, variants: Iterable[str]) -> dict[str, dict[int, float]]:
        """1 for a trial that finished and 0 for one that diverged, by variant and seed. One that failed or was stopped is neither."""
        ends: dict[str, dict[int, float]] = {}
        for name in variants:
            states = {seed: self.state(name, seed) for seed in self.spec.seeds}
            ends[name] = {seed: float(state.has_result) for seed, state in states.items() if state.has_result or state.refutes_means}
        return ends

    def state(self, variant: str, seed: int) -> TrialProperties:
        """A trial that nobody began is pending."""
        outcome = self.outcomes.get((variant, seed))
        return TRIAL_STATES["pending" if outcome is None else outcome.state]

    def block_design(self, cells: Collection[str], metric: MetricInfo) -> BlockDesign | None:
        """The variants that compare with these cells, whose residuals make the error of their contrasts; None without `analysis: block`."""
        if self.spec.analysis != "block":
            return None
        names = [variant.name for variant in self.variants]
        if self.comparability.apart:
            names = [name for name in names if self.comparability.separates(metric, {*cells, name}) is None]
        key = (metric.name, frozenset(names))
        if key not in self._block_designs:
            diverged = {name: [seed for seed in self.spec.seeds if self.state(name, seed).refutes_means] for name in names}
            self._block_designs[key] = BlockDesign(
                self.values(names, metric.name), {name: seeds for name, seeds in diverged.items() if seeds}
            )
        return self._block_designs[key]

    def block_design_notes(self) -> list[str]:
        """Variants that are in no block design although they have values, a sentence."""
        diverged = {name: seeds for design in self._block_designs.values() for name, seeds in design.diverged.items()}
        if not diverged:
            return []
        listed = ", ".join(f"{name} ({len(seeds)} of {len(self.spec.seeds)})" for name, seeds in diverged.items())
        return [f"Left out of the residual variance of the block analysis, since trials of them diverged: {listed}."]


@dataclass(frozen=True)
class ContrastData:
    """All that the estimate of a contrast and its test are computed from."""

    contrast: Contrast
    metric: MetricInfo
    weights: Mapping[str, float]
    """Variant -> weight in the sum."""
    cells: Sequence[str]
    """The variants that it reads: those with a weight, and the one that a margin is a share of."""
    values: ByVariant
    """Of the metric in finished trials; of shares of trials that finish, how trials ended. Empty where cells do not compare."""
    pairing: Pairing
    block_design: BlockDesign | None
    not_comparable: str | None
    """Why its cells do not compare."""

    @property
    def on_finishing(self) -> bool:
        """Whether it compares shares of trials that finish, and no values."""
        return self.metric.name == FINISHING.name


def contrast_data(contrast: Contrast, trials: SweepTrials) -> ContrastData:
    """Raises SpecError when it names no variant of the design."""
    spec = trials.spec
    metric, weights, cells = (
        spec.metrics.info(spec.metric_of(contrast)),
        contrast_weights(contrast, trials.variants),
        cells_of(contrast, trials.variants),
    )
    why_not = trials.comparability.separates(metric, cells)
    pairing = pairing_of(cells, spec.seeds, trials.outcomes, spec.analysis)
    if metric.name == FINISHING.name:
        values = trials.ends(cells) if why_not is None else {name: {} for name in cells}
        return ContrastData(contrast, metric, weights, cells, values, pairing, None, why_not)
    values = trials.values(cells, metric.name) if why_not is None else {name: {} for name in cells}
    block_design = trials.block_design(cells, metric) if why_not is None else None
    return ContrastData(contrast, metric, weights, cells, values, pairing, block_design, why_not)
