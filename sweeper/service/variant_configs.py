"""The configs by which the trials of a stored sweep are looked at: each variant's own, whatever other variants share its trials."""

from collections.abc import Mapping
from typing import Any

from model.config import TrainConfig
from sweeper.plan.asked_of_weights import planned_variants
from sweeper.records import SweepSnapshot, TrialOutcome
from sweeper.report.stored_spec import stored_spec
from sweeper.spec.load import variant_config


class VariantConfigs:
    """Those of one version of a sweep."""

    def __init__(self, snapshot: SweepSnapshot) -> None:
        """Raises RequestError where this release does not read the stored spec."""
        self._spec = stored_spec(snapshot)
        self._variants = planned_variants(self._spec, snapshot.outcomes)
        self._known: dict[str, TrainConfig] = {}

    def of(self, outcome: TrialOutcome) -> TrainConfig:
        """At the guidance that the trial chose, if it did. Raises SpecError where the config names what is not here."""
        name = outcome.variant
        if name not in self._known:
            self._known[name] = variant_config(self._spec, self._variants[name], outcome.seed)
        config = self._known[name].model_copy(update={"seed": outcome.seed, "steps": outcome.steps})
        return at_chosen_guidance(config, outcome.details)


def at_chosen_guidance(config: TrainConfig, details: Mapping[str, Any]) -> TrainConfig:
    """The config with the scale of `guidance.best_of` that the trial's evaluation chose, as the `details` of its result tell.

    As it is where there was nothing to choose, and where they do not tell: no samples are drawn from such a config.
    """
    guidance, choice = config.evaluation.guidance, details.get("guidance")
    chosen = choice.get("chosen") if isinstance(choice, Mapping) else None
    if not isinstance(chosen, int | float) or chosen not in guidance.best_of:
        return config
    resolved = guidance.model_copy(update={"scale": float(chosen), "best_of": (), "seed": None, "by": None})
    return config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"guidance": resolved})})
