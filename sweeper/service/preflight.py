"""The preflight of a planned sweep: one step on the CPU for every shape of cell that the store has not trained, or measured as is asked."""

from dataclasses import dataclass

from model.errors import ModelError
from model.train_trial import ensure_trainable
from sweeper.errors import SpecError
from sweeper.execution.preflight import check_configs
from sweeper.service.plan_sweep import PlannedSweep


@dataclass(frozen=True)
class Preflight:
    """What was tried, by variant: 'one step, 2 samples'."""

    checked: dict[str, str]
    planned: PlannedSweep
    """The plan, with the steps that were timed."""


def preflight(planned: PlannedSweep) -> Preflight:
    """Raises SpecError naming the first variant that fails, and how many more do; starts nothing else."""
    ensure_all_trainable(planned)
    if not planned.untried:
        return Preflight({}, planned)
    configs = {name: (trial.config, planned.facts[name]) for name, trial in planned.untried.items()}
    found = check_configs(configs, threads=planned.allotment.threads, user_code=planned.user_code)
    failed = {name: result.error for name, result in found.items() if result.error is not None}
    if failed:
        name, error = next(iter(failed.items()))
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise SpecError(f"{planned.sweep.place}: variant {name}: one step on the CPU failed: {error}{more}; nothing was started")
    timed = {name: result.seconds_per_step for name, result in found.items() if result.seconds_per_step is not None}
    return Preflight({name: result.checked for name, result in found.items()}, planned.paced(timed))


def ensure_all_trainable(planned: PlannedSweep) -> None:
    """Raises SpecError for a variant that can be planned but not trained."""
    for variant, config in planned.sweep.configs:
        try:
            ensure_trainable(config)
        except ModelError as error:
            raise SpecError(f"{planned.sweep.place}: variant {variant.name}: {error}") from error
