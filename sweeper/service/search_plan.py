"""A search before it runs: the trials that the store has of it, and what the rest may cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model.train_trial import DataFacts
from sweeper.plan.expand import search_trial
from sweeper.plan.proposals import expected_share, may_stop_early
from sweeper.plan.reconcile import Plan
from sweeper.plan.timing import Pace
from sweeper.records import KnownTrial, PlannedTrial, Variant
from sweeper.spec.load import LoadedSweep, variant_config
from sweeper.spec.search_design import BASELINE, SearchDesign

Placed = tuple[str, Mapping[str, str], int]
"""Variant, its levels, seed."""


@dataclass(frozen=True)
class SearchPlan:
    """What is still to come of a search, at the pace of its baseline."""

    proposed: int
    """Variants that were proposed so far."""
    trials: int
    """Variants that are proposed in all."""
    confirmations: int
    """Trials on fresh seeds, in all."""
    total: int
    """Trials in all, those on fresh seeds among them."""
    left: int
    """Trials that are still to be trained, where none was trained for another sweep."""
    most_seconds: float
    """Where no trial is stopped early and none was trained before."""
    expected_seconds: float | None
    """With early stopping; None where its rule gives no figure."""
    grid: int | None
    """Points of the full grid of the space; None where a range has no steps."""
    grid_seconds: float | None


def variant_of(design: SearchDesign, name: str, levels: Mapping[str, str]) -> Variant:
    """The variant of a stored trial."""
    return design.expand()[0] if name == BASELINE else design.variant(design.chosen(levels))


def with_placed(sweep: LoadedSweep, rows: Sequence[Placed]) -> LoadedSweep:
    """The sweep with the configs of its stored trials too. Raises SpecError."""
    design = sweep.spec.design
    if not isinstance(design, SearchDesign) or not rows:
        return sweep
    variants = {name: variant_of(design, name, levels) for name, levels, _ in rows if name != BASELINE}
    seed = sweep.spec.seeds[0]
    configs = tuple((variant, variant_config(sweep.spec, variant, seed)) for variant in variants.values())
    return LoadedSweep(sweep.spec, sweep.profile, sweep.version, sweep.place, (*sweep.configs, *configs))


def placed_trials(sweep: LoadedSweep, facts: Mapping[str, DataFacts], rows: Sequence[Placed], *, gpu: bool) -> tuple[PlannedTrial, ...]:
    """The stored trials, in order."""
    configs = {variant.name: (variant, config) for variant, config in sweep.configs}
    found = []
    for name, _, seed in rows:
        variant, config = configs[name]
        at_seed = config.model_copy(update={"seed": seed})
        found.append(search_trial(variant, at_seed, facts[name], gpu=gpu, may_stop=may_stop_early(sweep.spec, seed)))
    return tuple(found)


def search_plan(sweep: LoadedSweep, plan: Plan, pace: Pace, known: Mapping[str, KnownTrial]) -> SearchPlan:
    """`plan`: what is decided about the trials that the store has of it."""
    spec, design = sweep.spec, sweep.spec.design
    assert isinstance(design, SearchDesign), "a search"
    steps = sweep.configs[0][1].steps
    seeds = len(spec.seeds)
    confirmations = 0 if design.confirm is None else (design.confirm.top + 1) * len(design.confirm.seeds)
    searched = [decision for decision in plan.decisions if decision.trial.seed in spec.seeds]
    confirmed = len(plan.decisions) - len(searched)
    one, share = pace.seconds(steps), expected_share(design, steps)
    left = {decision.trial.fingerprint for decision in plan.to_run()}
    to_search = design.trials * seeds - len(searched) + sum(decision.trial.fingerprint in left for decision in searched)
    to_confirm = confirmations - confirmed + sum(d.trial.fingerprint in left for d in plan.decisions if d.trial.seed not in spec.seeds)
    grid = design.grid_size()
    expected = None if share is None else (to_search * share + to_confirm) * one
    return SearchPlan(
        len(searched) // seeds,
        design.trials,
        confirmations,
        design.trials * seeds + confirmations,
        to_search + to_confirm,
        (to_search + to_confirm) * one,
        expected,
        grid,
        None if grid is None else grid * seeds * one,
    )
