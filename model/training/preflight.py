"""One step of a config on the CPU, and a few samples: whether it runs at all, before anything dear is taken for it."""

import time
from dataclasses import replace

import torch

from model.config import ImagesData, LatentsData, TrainConfig
from model.data.dataset import DataSet
from model.data.examples import Examples
from model.data.images import DataFacts
from model.data.pictures import Pictures, StoredImages, open_images
from model.errors import ConfigError
from model.evaluation.held_out import held_out_loss
from model.evaluation.own_metrics import OwnMetrics, load_metrics
from model.patches import patchify, unpatchify
from model.randomness import stream
from model.reports import PreflightResult
from model.sampling.generate import generate
from model.training.state import initial_state
from model.training.step import DTYPES, autocast, train_step

LARGEST_WHOLE = 4e6
"""Weights times images of a batch up to which a step is done as it is: a second or so. What is larger is cut."""
FEW_IMAGES, FEW_LAYERS = (2, 4, 8, 10, 16, 20), 3
"""A batch is cut to the least of these that holds its share of whole images; a network to so many of its blocks, which are all alike."""


def preflight(config: TrainConfig, facts: DataFacts, threads: int) -> PreflightResult:
    """On random images like those of `facts`, which were read when they were found.

    Raises whatever a trial of this config would raise in its first step: ConfigError, DataError, Diverged, or torch's own.
    """
    torch.set_num_threads(threads)
    place, precision = torch.device("cpu"), config.resolved_precision(gpu=False)
    small = _cut(config)
    data = _random_images(facts, small.backbone.patch, small.batch_size, DTYPES[precision])
    if isinstance(config.data, LatentsData | ImagesData) and config.alignment.kind == "external":
        data = replace(data, pictures=_first_pictures(config.data, len(data.train)))
    own_metrics = OwnMetrics(load_metrics(small.evaluation))
    state = initial_state(small, data, place, DTYPES[precision])
    train_step(small, state, data.train, precision)
    state.ensure_finite()
    seconds = None
    if small == config:
        started = time.perf_counter()
        train_step(small, state, data.train, precision)  # the first one also warmed up
        seconds = time.perf_counter() - started
    process = state.objective.process
    asked = small.evaluation.model_copy(update={"samples": 2, "held_out_levels": 2})
    if asked.sampler.info.fixed_grid:  # which has as many steps as it needs
        asked = asked.model_copy(update={"sampler": asked.sampler.model_copy(update={"steps": 2})})
    (_, *shape), dtype = data.held_out.tokens.shape, data.held_out.tokens.dtype
    with autocast(precision, place):
        held_out_loss(state.objective.average, data.held_out, asked, process)
        drawn = generate(
            state.objective.average,
            asked,
            shape=(shape[0], shape[1]),
            dtype=dtype,
            tick=lambda: None,
            channels=data.channels,
            process=process,
        )
        # That it can be done; what diverges later than in the first step is a result, and a trial's to find. A metric of the user's own is
        # shown them, and not asked for its number, which means nothing of so few.
        for tokens, labels in drawn:
            if own_metrics.measure_images and small.evaluation.autoencoder is None:
                own_metrics.measure(unpatchify(tokens.float(), small.backbone.patch, data.channels), labels)
    return PreflightResult(_words(config, small), seconds)


def _cut(config: TrainConfig) -> TrainConfig:
    d = config.backbone.width
    if 18 * d * d * config.backbone.layers * config.batch_size <= LARGEST_WHOLE * 64:
        return config
    whole = config.model_dump() | {"accumulation": 1}
    for images in FEW_IMAGES:
        if images >= config.batch_size:
            break
        try:
            config.partition.whole_images(images)
        except ConfigError:
            continue
        whole["batch_size"] = images
        break
    if config.backbone.layers > FEW_LAYERS:
        teacher = whole["alignment"]["teacher"] | {"layer": min(config.alignment.teacher.layer, FEW_LAYERS)}
        whole["alignment"] |= {"student_layer": min(config.alignment.student_layer, FEW_LAYERS), "teacher": teacher}
        whole["backbone"] |= {"layers": FEW_LAYERS}
    return TrainConfig.model_validate(whole)


def _random_images(facts: DataFacts, patch: int, batch: int, dtype: torch.dtype) -> DataSet:
    """As many images as a step sees."""
    shape = (max(batch, 2), facts.channels, facts.resolution, facts.resolution)
    images = stream(0, "preflight").uniform(shape) * 2 - 1
    some = Examples(patchify(images, patch).to(dtype), torch.arange(len(images)) % facts.classes)
    return DataSet(some, some, facts.channels, facts.classes, facts.content_hash, some)


def _first_pictures(config: LatentsData | ImagesData, count: int) -> Pictures | None:
    """As many of the pictures in the folder; None where there are none."""
    stored = open_images(config.path, config.images)
    if stored is None:
        return None
    first = StoredImages(stored[0], torch.arange(count) % config.images, torch.device("cpu"), config.path)
    return Pictures(first, first, first)


def _words(config: TrainConfig, small: TrainConfig) -> str:
    parts = ["one step"]
    if small.batch_size < config.batch_size:
        parts.append(f"{small.batch_size} of {config.batch_size} images")
    if small.backbone.layers < config.backbone.layers:
        parts.append(f"{small.backbone.layers} of {config.backbone.layers} blocks")
    return ", ".join([*parts, "2 samples"])
