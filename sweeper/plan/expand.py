"""From a sweep to its trials: every variant at every seed, whole seed blocks first."""

from collections.abc import Mapping
from pathlib import Path

from model.config import TrainConfig
from model.errors import ModelError
from model.train_trial import DataFacts, check
from sweeper.errors import SpecError
from sweeper.plan.fingerprint import SeededFingerprint, evaluation_fingerprint, training_fingerprint
from sweeper.plan.fold import fold
from sweeper.records import PlannedTrial, Variant
from sweeper.spec.load import LoadedSweep
from sweeper.spec.search_design import SearchDesign


def data_facts(sweep: LoadedSweep, cache: Path | None = None) -> dict[str, DataFacts]:
    """Facts of the data set of every variant; each data set is read once, each config checked against its own.

    `cache`: folder in which decoded pictures are kept. Raises SpecError naming the variant.
    """
    found: dict[str, DataFacts] = {}
    by_data: dict[str, DataFacts] = {}
    for variant, config in sweep.configs:
        try:
            data = repr(config.data.model_copy(update={"train_images": None}))
            found[variant.name] = by_data[data] = check(config, by_data.get(data), cache)
        except ModelError as error:
            raise SpecError(f"{sweep.place}: variant {variant.name}: {error}") from error
    return found


def expand(sweep: LoadedSweep, facts: Mapping[str, DataFacts], *, gpu: bool) -> tuple[PlannedTrial, ...]:
    """The trials in the order they run: all variants of the first seed, then of the second, ...

    Variants that train alike have one trial for each seed: see `fold`.
    """
    if isinstance(sweep.spec.design, SearchDesign):
        return ()  # what is tried is not known yet
    cells = []
    for cell in fold(sweep.configs, facts):
        config, content = cell.config, facts[cell.variant.name].content_hash
        names = SeededFingerprint(config.training_identity(content_hash=content, precision=config.resolved_precision(gpu=gpu)))
        plain, outside = config.model_dump(mode="json"), config.named_content(content)
        cells.append((cell, names, evaluation_fingerprint(config, content_hash=content), plain, outside))
    return tuple(
        PlannedTrial(
            variant=cell.variant.name,
            levels=cell.variant.levels,
            seed=seed,
            fingerprint=names.at(seed),
            evaluation_fingerprint=evaluation,
            steps=cell.config.steps,
            config={**config, "seed": seed},
            content=outside,
            because=cell.because,
        )
        for seed in sweep.spec.seeds
        for cell, names, evaluation, config, outside in cells
    )


def search_trial(variant: Variant, config: TrainConfig, facts: DataFacts, *, gpu: bool, may_stop: bool) -> PlannedTrial:
    """A trial of a search: a proposal, which `may_stop` early, or a confirmation."""
    precision, content = config.resolved_precision(gpu=gpu), facts.content_hash
    return PlannedTrial(
        variant=variant.name,
        levels=variant.levels,
        seed=config.seed,
        fingerprint=training_fingerprint(config, content_hash=content, precision=precision),
        evaluation_fingerprint=evaluation_fingerprint(config, content_hash=content),
        steps=config.steps,
        config=config.model_dump(mode="json"),
        content=config.named_content(content),
        search=may_stop,
    )
