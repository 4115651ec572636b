"""From a sweep to its trials: every variant at every seed, whole seed blocks first."""

from collections.abc import Mapping

from model.errors import ModelError
from model.train_trial import DataFacts, check
from sweeper.errors import SpecError
from sweeper.plan.fingerprint import SeededFingerprint, evaluation_fingerprint
from sweeper.plan.fold import fold
from sweeper.records import PlannedTrial
from sweeper.spec.load import LoadedSweep


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
    """The trials in the order they run: all variants of the first seed, then of the second, ...

    Variants that train alike have one trial for each seed: see `fold`.
    """
    cells = []
    for cell in fold(sweep.configs, facts):
        config, content = cell.config, facts[cell.variant.name].content_hash
        names = SeededFingerprint(config, content_hash=content, precision=config.resolved_precision(gpu=gpu))
        cells.append((cell, names, evaluation_fingerprint(config, content_hash=content), config.model_dump(mode="json")))
    return tuple(
        PlannedTrial(
            variant=cell.variant.name,
            levels=cell.variant.levels,
            seed=seed,
            fingerprint=names.at(seed),
            evaluation_fingerprint=evaluation,
            steps=cell.config.steps,
            config={**config, "seed": seed},
            because=cell.because,
        )
        for seed in sweep.spec.seeds
        for cell, names, evaluation, config in cells
    )
