"""From a sweep to its trials: every variant at every seed, whole seed blocks first."""

from collections.abc import Mapping

from model.errors import ModelError
from model.train_trial import DataFacts, check
from sweeper.errors import SpecError
from sweeper.plan.fingerprint import evaluation_fingerprint, training_fingerprint
from sweeper.records import PlannedTrial
from sweeper.spec.load import LoadedSweep, variant_config


def data_facts(sweep: LoadedSweep) -> dict[str, DataFacts]:
    """Facts of the data set of every variant; each data set is read once, each config checked against its own.

    Raises SpecError naming the variant.
    """
    found: dict[str, DataFacts] = {}
    by_data: dict[str, DataFacts] = {}
    for variant, config in sweep.configs:
        try:
            data = repr(config.data)
            found[variant.name] = by_data[data] = check(config, by_data.get(data))
        except ModelError as error:
            raise SpecError(f"{sweep.place}: variant {variant.name}: {error}") from error
    return found


def expand(sweep: LoadedSweep, facts: Mapping[str, DataFacts], *, gpu: bool) -> tuple[PlannedTrial, ...]:
    """The trials in the order they run: all variants of the first seed, then of the second, ..."""
    trials = []
    for seed in sweep.spec.seeds:
        for variant, _ in sweep.configs:
            config = variant_config(sweep.spec, variant, seed)
            content_hash = facts[variant.name].content_hash
            trials.append(
                PlannedTrial(
                    variant=variant.name,
                    levels=variant.levels,
                    seed=seed,
                    fingerprint=training_fingerprint(config, content_hash=content_hash, precision=config.resolved_precision(gpu=gpu)),
                    evaluation_fingerprint=evaluation_fingerprint(config, content_hash=content_hash),
                    steps=config.steps,
                    config=config.model_dump(mode="json"),
                )
            )
    return tuple(trials)
