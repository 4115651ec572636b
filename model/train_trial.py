"""Trains and evaluates a trial: config and folder in, reports out. Loads torch only when a trial is trained, or its weights are read."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from model.config import ImagesData, LatentsData, TrainConfig
from model.config.availability import ensure_available
from model.config.classifier import TimmClassifier
from model.config.encoded_features import encoded_features
from model.config.evaluation import FEWEST_FOR_NEIGHBOURS
from model.config.extractor import ClassifierExtractor
from model.data.facts_file import FILE as FACTS_FILE
from model.data.facts_file import read_facts
from model.data.images import DataFacts, with_subset
from model.data.source import facts
from model.errors import ConfigError, DataError
from model.machine import cpu_model, gpu_models, usable_cores
from model.reports import SINGLE_PROCESS, DistributedContext, PreflightResult, Report, TrialReport, TrialResult
from model.trial_files import KEPT, StateFile, first_usable, is_torn, is_whole, resume_order, samples_path, samples_step, state_files

__all__ = [
    "FACTS_FILE",
    "KEPT",
    "SINGLE_PROCESS",
    "DataFacts",
    "DistributedContext",
    "PreflightResult",
    "StateFile",
    "TrialReport",
    "TrialResult",
    "check",
    "cpu_model",
    "ensure_trainable",
    "ensure_undamaged",
    "facts",
    "first_usable",
    "gpu_models",
    "is_torn",
    "is_whole",
    "preflight",
    "read_facts",
    "resume_order",
    "samples_path",
    "samples_step",
    "state_files",
    "train_trial",
    "usable_cores",
]


def check(config: TrainConfig, known: DataFacts | None = None, cache: Path | None = None) -> DataFacts:
    """Whether config, data and what is installed fit each other; raises ConfigError or DataError.

    Reads the data set (the digits excepted) unless its facts are `known` (of whatever subset), never torch. `cache`: folder in which
    decoded pictures are kept.
    """
    found = facts(config.data, cache) if known is None else with_subset(known, config.data.train_images)
    config.fit(found.resolution)
    if config.evaluation.by_neighbours and found.train < FEWEST_FOR_NEIGHBOURS:
        raise DataError(
            f"evaluation.extra_metrics: {config.evaluation.by_neighbours[0]} needs third-nearest neighbours among training images, which"
            f" are {found.train}; give at least {FEWEST_FOR_NEIGHBOURS}, or do not ask for it"
        )
    if config.alignment.kind == "external" and config.alignment.encoder is not None:
        ensure_available(config.alignment.encoder)
    extractor, decoded = config.evaluation.extractor, config.evaluation.autoencoder is not None
    if config.evaluation.autoencoder is not None:
        ensure_available(config.evaluation.autoencoder)
    if not isinstance(extractor, ClassifierExtractor):
        if not decoded and found.channels not in (1, 3):
            raise ConfigError(
                f"evaluation.extractor.kind: {extractor.kind} looks at pictures, but data have {found.channels} channels; use grey or RGB"
                " images, or kind: classifier"
            )
        ensure_available(extractor)
    classifier = config.evaluation.classifier
    if isinstance(classifier, TimmClassifier):
        if not decoded and found.channels not in (1, 3):
            raise ConfigError(
                f"evaluation.classifier.kind: timm looks at pictures, but data have {found.channels} channels; use grey or RGB images, or"
                " kind: trained"
            )
        ensure_available(classifier)
    return found


def ensure_trainable(config: TrainConfig) -> None:
    """Raises DataError for a config that can be planned but not trained, for want of its latents or pictures, or since features beside them
    are of other weights of its encoder."""
    if isinstance(config.data, ImagesData):
        from model.data.stored_images import ensure_there as ensure_pictures

        ensure_pictures(config.data)
    if isinstance(config.data, LatentsData):
        from model.data.latents import ensure_there

        ensure_there(config.data)
        evaluation = config.evaluation
        asks = {
            "alignment.kind: external": config.alignment.kind == "external",
            f"evaluation.extractor.kind: {evaluation.extractor.kind}": evaluation.extractor.kind != "classifier",
            "evaluation.classifier.kind: timm": evaluation.classifier.kind == "timm",
            "evaluation.own_metrics with evaluation.autoencoder": bool(evaluation.own_metrics) and evaluation.autoencoder is not None,
        }
        if (asking := next((name for name, looks in asks.items() if looks), None)) and not os.path.isfile(config.data.path / "images.npy"):
            raise DataError(
                f"{asking} looks at the pictures that the latents are of, and {config.data.path} has no images.npy with them; encode the"
                " data set with its pictures: sweeper data encode"
            )
    if isinstance(config.data, ImagesData | LatentsData) and config.alignment.kind == "external" and config.alignment.encoder is not None:
        encoded_features(config.data.path, config.alignment.encoder)


def ensure_undamaged(path: Path) -> None:
    """Reads the whole of a file of state; raises CheckpointError for one that is torn, or not what its own checksum says. Loads torch."""
    from model.training.durable_file import read

    read(path)


def preflight(config: TrainConfig, facts: DataFacts, threads: int = 1) -> PreflightResult:
    """One step and a few samples on the CPU, on random images like those of `facts`, of a batch and a depth that are cut where large.

    Raises whatever a trial of this config would raise in its first step.
    """
    ensure_trainable(config)
    from model.training.preflight import preflight as run_preflight

    return run_preflight(config, facts, threads)


def train_trial(
    config: TrainConfig,
    folder: Path,
    report: Report,
    *,
    cache: Path,
    resume_from: Sequence[Path] = (),
    recorded: Mapping[Path, int] | None = None,
    named: Mapping[str, str] | None = None,
    device: str = "cpu",
    threads: int = 1,
    world: DistributedContext = SINGLE_PROCESS,
    ours: Callable[[], bool] = lambda: True,
) -> TrialResult:
    """Trains up to `config.steps` and evaluates; writes checkpoints, final average and pictures into `folder` and nowhere else.

    In a `world` of several processes each calls this, after `torch.distributed` was started; the first reports and writes for all.
    `resume_from`: folders of earlier attempts, newest first, which are only read; `recorded`: of such a folder, the newest checkpoint up
    to which the caller has the whole curve, 0 for none: later ones are the second choice; `cache`: folder shared by trials (the classifier,
    decoded pictures). `named`: what `TrainConfig.named_content` said when the trial was named; other content ends it as a DataError. A
    `folder` that is among `resume_from` belongs to one trial, and is refused to any other.
    `ours`: whether the trial is still this attempt's; asked before anything that a later attempt could read is written.
    Raises ConfigError, DataError, Diverged, DiskFull or Superseded, each with a message for the user.
    """
    ensure_trainable(config)
    from model.training.loop import run

    return run(
        config,
        folder,
        report,
        cache=cache,
        resume_from=resume_from,
        recorded=recorded or {},
        named=named or {},
        device=device,
        threads=threads,
        world=world,
        ours=ours,
    )
