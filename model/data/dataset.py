"""The data set of a trial: split once for all, on its device or as near as it fits."""

from dataclasses import dataclass

import torch

from model.config import DataConfig, LatentsData
from model.config.backbone import tokens_per_image
from model.data.examples import Examples, TrainingImages
from model.data.images import held_out_count
from model.data.latents import open_latents
from model.data.posterior import JUDGED, LatentExamples
from model.data.rows import ResidentRows, StreamedRows, fits
from model.data.source import held_out_fraction, read
from model.patches import patchify
from model.randomness import stream

SPLIT_SEED = 0


@dataclass(frozen=True)
class DataSet:
    """The fixed split of a data set; the same for every trial and seed."""

    train: TrainingImages
    held_out: Examples
    channels: int
    classes: int
    content_hash: str
    judged: Examples
    """Training images that evaluation looks at: all that are held as tokens, or the first of a larger set, drawn once for all."""
    bounded: bool = True
    """Values lie in [-1, 1], and samples are clamped to it before they are judged; latents have no bounds."""


def load(config: DataConfig, patch: int, device: torch.device, dtype: torch.dtype) -> DataSet:
    """Reads, splits and moves the data set; raises DataError, and ConfigError when the patch does not divide its images."""
    if isinstance(config, LatentsData):
        return _load_latents(config, patch, device, dtype)
    found = read(config)
    n = len(found.images)
    tokens_per_image(found.images.shape[-1], patch)
    held_out = held_out_count(n, held_out_fraction(config), str(getattr(config, "path", config.kind)))
    shuffled = torch.randperm(n, generator=stream(SPLIT_SEED, "held_out"))
    tokens, labels = patchify(torch.from_numpy(found.images), patch).to(dtype), torch.from_numpy(found.labels)
    train, other = (Examples(tokens[part].to(device), labels[part].to(device)) for part in (shuffled[held_out:], shuffled[:held_out]))
    return DataSet(train, other, found.images.shape[1], found.classes, found.content_hash, train)


def _load_latents(config: LatentsData, patch: int, device: torch.device, dtype: torch.dtype) -> DataSet:
    tokens_per_image(config.resolution, patch)
    shard = open_latents(config)
    held_out = held_out_count(config.images, config.held_out_fraction, str(config.path))
    shuffled = torch.randperm(config.images, generator=stream(SPLIT_SEED, "held_out"))
    moments = torch.from_numpy(shard.moments)
    resident = config.residence == "device" or (config.residence == "auto" and fits(moments, device))
    rows = ResidentRows(moments, device) if resident else StreamedRows(moments, device)
    labels = torch.from_numpy(shard.labels)
    train, other = (
        LatentExamples(rows, part, labels[part].to(device), scale=config.scale, patch=patch, dtype=dtype)
        for part in (shuffled[held_out:], shuffled[:held_out])
    )
    return DataSet(
        train,
        other.fixed(held_out, "held_out_posterior"),
        config.channels,
        config.classes,
        shard.content_hash,
        train.fixed(JUDGED, "judged_posterior"),
        bounded=False,
    )
