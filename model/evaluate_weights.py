"""Evaluates weights that were trained elsewhere: a network and a protocol in, metrics against a published reference out.

What an evaluation of a trial measures on its data (held-out loss, class accuracy) is not here: there are no data. Loads torch only when
something is drawn. The same command goes on where it was stopped, and gives a finished result without drawing anything.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from model.config.availability import ensure_available
from model.config.backbone import tokens_per_image
from model.config.evaluation import NAMED_BY_FEATURES, EvaluationConfig
from model.config.extractor import ClassifierExtractor, feature_metrics, named_by_features
from model.config.train import EVALUATOR_VERSION
from model.errors import CheckpointError, ConfigError, Diverged
from model.machine import cpu_model
from model.sample_trial import Subject
from model.whole_file import whole_file

RESULT, PICTURE = "result.json", "samples.png"
ANY_PROCESSOR = "cpu"
"""What a protocol said of every processor before it named them."""
OF_SAMPLES = ("sfid", "precision", "recall", "kid", "fd_infinity")
"""What of `evaluation.extra_metrics` needs samples and the reference alone."""


@dataclass(frozen=True)
class EvaluatedWeights:
    """Metrics by name, and the protocol that they are of."""

    metrics: dict[str, float]
    protocol: dict[str, Any]
    """Everything that must agree before two results compare."""
    details: dict[str, Any]
    """What a number needs beside it."""


@dataclass(frozen=True)
class Machine:
    """What it is computed with."""

    device: str = "cpu"
    threads: int = 1
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of the network's matrix products."""


def evaluate_weights(
    subject: Subject,
    checkpoint: Path,
    folder: Path,
    cache: Path,
    machine: Machine,
    say: Callable[[str], None],
    known: EvaluatedWeights | None = None,
) -> EvaluatedWeights:
    """Draws `subject.evaluation.samples` samples and compares them with `subject.evaluation.reference`.

    `folder` belongs to this one evaluation: its result, a picture of its first samples and, until it ends, what was measured of them.
    `cache` keeps what all evaluations share. `say` gets a line a block of samples. `known` is what is kept elsewhere as the result of this
    evaluation, for want of one in the folder.

    Raises:
        ConfigError: The protocol cannot be followed, or what is known is of another one.
        CheckpointError: The file is not the network that `subject` describes.
        DataError: The reference cannot be read.
    """
    evaluation = subject.evaluation
    evaluation.sampler.ensure_samples(subject.process)
    tokens_per_image(subject.resolution, subject.backbone.patch)
    if not evaluation.reference_hash:
        raise ConfigError("weights come without data: give a reference file of ADM, such as VIRTUAL_imagenet256_labeled.npz")
    if wrong := [name for name in evaluation.extra_metrics if name not in OF_SAMPLES]:
        raise ConfigError(f"{wrong[0]} is measured on data, and weights come without; do not ask for it")
    if evaluation.own_metrics:
        raise ConfigError(f"evaluation.own_metrics: {evaluation.own_metrics[0].name} is measured beside data, and weights come without")
    if evaluation.autoencoder is not None:
        ensure_available(evaluation.autoencoder)
    elif subject.channels not in (1, 3):
        raise ConfigError(f"samples of {subject.channels} channels are latents; give the autoencoder that makes pictures of them")
    if not isinstance(evaluation.extractor, ClassifierExtractor):
        ensure_available(evaluation.extractor)
    return _evaluate(subject, checkpoint, folder, cache, machine, say, known)


def _evaluate(
    subject: Subject,
    checkpoint: Path,
    folder: Path,
    cache: Path,
    machine: Machine,
    say: Callable[[str], None],
    elsewhere: EvaluatedWeights | None,
) -> EvaluatedWeights:
    import torch

    from model.autoencoder import load_decoder
    from model.backbone.checkpoints import load_network
    from model.evaluation.best_guidance import CHOSEN, choose_guidance, narrowed
    from model.evaluation.extractors import load_extractor
    from model.evaluation.measured_samples import Instruments, Sampling, measured_samples
    from model.evaluation.reference import file_reference
    from model.evaluation.reference_file import ReferenceFile
    from model.evaluation.sample_metrics import sample_metrics, save_picture
    from model.noise.process import process_of
    from model.reports import DistributedContext
    from model.sampling.generate import block_count
    from model.training.durable_file import digest
    from model.training.evaluation_blocks import EvaluationBlocks
    from model.training.process_group import ProcessGroup
    from model.training.step import autocast
    from model.transfer import device_of

    place, evaluation = device_of(machine.device), subject.evaluation
    names = _names(evaluation)
    torch.set_num_threads(machine.threads)
    process = process_of(subject.process)
    images = {"channels": subject.channels, "resolution": subject.resolution, "classes": subject.classes}
    network = load_network(checkpoint, subject.family, subject.backbone, **images, outputs=process.outputs)
    protocol = {
        "weights": digest(dict(network.named_parameters()), {})[:16],
        "network": subject.backbone.model_dump(mode="json") | images,
        "process": subject.process.model_dump(mode="json"),
        "evaluation": _asked(evaluation),
        "scale": subject.scale,
        "shift": subject.shift,
        "precision": machine.precision,
        "evaluator": EVALUATOR_VERSION,
        "device": torch.cuda.get_device_name(place) if place.type == "cuda" else cpu_model(),
        "torch": torch.__version__.split("+")[0],
    }
    in_folder = read_result(folder)
    if (known := in_folder or elsewhere) is not None:
        if not _same(json.loads(json.dumps(protocol)), known.protocol):
            where = str(folder) if in_folder is not None else f"the store, under the name {folder.name},"
            raise ConfigError(f"{where} holds the result of other weights or another protocol; give another name, or remove it")
        say(f"measured before: {folder / RESULT if in_folder is not None else 'in the store'}")
        return known
    decoder = extractor = None
    if evaluation.autoencoder is not None:
        decoder = load_decoder(evaluation.autoencoder, subject.channels, place, subject.scale, subject.shift)
    extractor = load_extractor(evaluation.extractor, place)
    file = ReferenceFile.of(evaluation)
    assert extractor is not None, "a reference file asks for Inception"
    assert file is not None
    folder.mkdir(parents=True, exist_ok=True)
    network = network.to(place)
    blocks, drawn = block_count(evaluation.samples) * (1 + len(evaluation.guidance.best_of)), 0

    def say_block() -> None:
        nonlocal drawn
        say(f"block {drawn + 1} of at most {blocks}")
        drawn += 1

    shared = EvaluationBlocks(
        ProcessGroup(DistributedContext()),
        folder,
        (),
        lambda: True,
        say_block,
        step=0,
        named={"protocol": protocol, "extractor": extractor.name},
        weights=network,
    )
    if evaluation.by_neighbours or "kid" in evaluation.extra_metrics:
        say("looking at the reference's pictures, once for all")
    reference = file_reference(file, evaluation, extractor, place, cache, lambda: None)
    sampling = Sampling(
        evaluation,
        process,
        subject.backbone.patch,
        subject.channels,
        subject.classes,
        network.positions.shape[-2],
        torch.float32,
        0,
    )
    needed = narrowed(evaluation, evaluation.guidance.by or names[0], names[0], reference)

    def measure(asked: EvaluationConfig, drawn_as: str) -> float | None:
        tried = replace(sampling, evaluation=asked, drawn_as=drawn_as)
        samples = measured_samples(network, tried, Instruments(None, needed.reference, decoder=decoder), lambda: None, shared)
        assert samples is not None, "one process has all samples"
        asked = asked.model_copy(update={"extra_metrics": needed.extra_metrics})
        return sample_metrics(asked, names, needed.reference, samples, place, lambda: None)[0][evaluation.guidance.by or names[0]]

    try:
        with autocast(machine.precision, place):
            choice = choose_guidance(evaluation, names[0], measure, shared, 0)
            sampling = replace(sampling, evaluation=choice.evaluation, drawn_as=choice.drawn_as)
            samples = measured_samples(network, sampling, Instruments(None, reference, decoder=decoder), lambda: None, shared)
    except Diverged as error:
        raise CheckpointError(f"{checkpoint} gives samples that are not finite; is {subject.family} its family?") from error
    assert samples is not None, "one process has all samples"
    metrics, details = sample_metrics(evaluation, names, reference, samples, place, lambda: None)
    if choice.details is not None:
        metrics[CHOSEN], details["guidance"] = choice.details["chosen"], choice.details
    save_picture(samples, evaluation, folder / PICTURE, subject.classes, subject.class_names)
    result = EvaluatedWeights(metrics, json.loads(json.dumps(protocol)), details)
    with whole_file(folder / RESULT) as beside:
        beside.write_text(json.dumps({"metrics": metrics, "protocol": protocol, "details": details}, indent=2), encoding="utf-8")
    shared.forget()
    return result


def _names(evaluation: EvaluationConfig) -> tuple[str, ...]:
    """Of what is measured in features, the Fréchet distance first. Raises ConfigError where guidance is chosen by something else."""
    always = feature_metrics(evaluation.extractor, "npz")
    names = always + tuple(named_by_features(name, always[0]) for name in NAMED_BY_FEATURES if name in evaluation.extra_metrics)
    known = [*names, *evaluation.by_neighbours]
    if evaluation.guidance.by not in (None, *known):
        raise ConfigError(f"guidance.by: {evaluation.guidance.by} is not measured here; choose one of {', '.join(known)}")
    return names


def _asked(evaluation: EvaluationConfig) -> dict[str, Any]:
    """What of the evaluation belongs to the protocol. Kept results do not name what is younger: a choice of guidance, a user's classes."""
    asked = evaluation.model_dump(mode="json", exclude={"reference", "held_out_levels", "every", "analyses"})
    if not evaluation.sampler.source_hash:
        del asked["sampler"]["source_hash"]
    if not evaluation.own_metrics:
        del asked["own_metrics"]
    if not evaluation.guidance.best_of:
        asked["guidance"] = {name: value for name, value in asked["guidance"].items() if name not in ("best_of", "seed", "by")}
    return asked


def _same(asked: dict[str, Any], known: dict[str, Any]) -> bool:
    """Whether a kept protocol (JSON-ready) is the one that is asked for; an older one does not say which processor it was."""
    if known.get("device") == ANY_PROCESSOR and asked["device"].startswith(ANY_PROCESSOR):
        asked = asked | {"device": ANY_PROCESSOR}
    return asked == known


def read_result(folder: Path) -> EvaluatedWeights | None:
    """What an earlier call left in its folder; None where it left nothing, or what is there is no result."""
    try:
        held = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        return EvaluatedWeights(dict(held["metrics"]), dict(held["protocol"]), dict(held["details"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
