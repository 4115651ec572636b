"""The data set of a trial: split once for all, on its device or as near as it fits."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.config import DataConfig, ImagesData, LatentsData
from model.config.backbone import tokens_per_image
from model.data.examples import Examples, TrainingImages
from model.data.images import DataFacts, held_out_count
from model.data.latents import open_latents
from model.data.pictures import Pictures, StoredImages, open_images
from model.data.pixel_examples import PixelExamples
from model.data.posterior import LatentExamples
from model.data.row_examples import REFERENCE_IMAGES
from model.data.rows import rows_of
from model.data.source import class_names, held_out_fraction, read
from model.data.stored_images import held_out_images, most_held, open_stored_images
from model.data.subset import subset_of
from model.patches import patchify
from model.randomness import stream

SPLIT_SEED = 0


@dataclass(frozen=True)
class DataSet:
    """The fixed split of a data set; the same for every trial and seed."""

    train: TrainingImages
    """What is trained on: of the training part as many as `data.train_images` says."""
    held_out: Examples
    channels: int
    classes: int
    content_hash: str
    reference_images: Examples
    """Training images that samples are compared with, whatever `train_images`: all that are held as tokens, or the first of a larger set,
    drawn once for all."""
    class_names: tuple[str, ...] = ()
    """Of label 0, 1, ...; () where they have none but their numbers."""
    remarks: tuple[str, ...] = ()
    """About the data set, as in `DataFacts`."""
    bounded: bool = True
    """Values lie in [-1, 1], and samples are clamped to it before they are measured; latents have no bounds."""
    ensure_unchanged: Callable[[], None] = lambda: None
    """Raises DataError when the files that are read while training were written to since they were opened."""
    left_out: int = 0
    """Of the training part, by `data.train_images`."""
    pictures: Pictures | None = None
    """Of latents the pictures that they are of, where these lie beside them; of pixels on disk they themselves; None of other images, whose
    tokens are all held."""
    named_pictures: str = ""
    """What names the pictures beside latents."""

    @property
    def pictures_hash(self) -> str:
        """What names the real images that pictures of samples are compared with."""
        return f"{self.content_hash}-{self.named_pictures}" if self.named_pictures else self.content_hash

    def facts(self, patch: int) -> DataFacts:
        """What a plan knows of it, from what was read."""
        side = round(self.reference_images.tokens.shape[1] ** 0.5) * patch
        train, held_out = len(self.train), len(self.held_out)
        about = (self.class_names, self.remarks, self.left_out)
        return DataFacts(self.content_hash, self.channels, side, self.classes, train, held_out, *about)


def load(config: DataConfig, patch: int, device: torch.device, dtype: torch.dtype, cache: Path | None = None) -> DataSet:
    """Reads, splits and moves the data set; raises DataError, and ConfigError when the patch does not divide its images."""
    if isinstance(config, LatentsData):
        return _load_latents(config, patch, device, dtype)
    if isinstance(config, ImagesData):
        return _load_stored_images(config, patch, device, dtype)
    found = read(config, cache)
    n = len(found.images)
    tokens_per_image(found.images.shape[-1], patch)
    held_out = held_out_count(n, held_out_fraction(config), str(getattr(config, "path", config.kind)))
    shuffled = stream(SPLIT_SEED, "held_out").permutation(n)
    tokens, labels = patchify(torch.from_numpy(found.images), patch).to(dtype), torch.from_numpy(found.labels)
    whole, other = (Examples(tokens[part].to(device), labels[part].to(device)) for part in (shuffled[held_out:], shuffled[:held_out]))
    few = subset_of(labels[shuffled[held_out:]], config.train_images, found.classes)
    train = Examples(*whole.take(few.to(device))) if len(few) < len(whole) else whole
    return DataSet(
        train,
        other,
        found.images.shape[1],
        found.classes,
        found.content_hash,
        whole,
        found.class_names,
        found.remarks,
        left_out=len(whole) - len(train),
    )


def _load_latents(config: LatentsData, patch: int, device: torch.device, dtype: torch.dtype) -> DataSet:
    tokens_per_image(config.resolution, patch)
    shard = open_latents(config)
    held_out = held_out_count(config.images, config.held_out_fraction, str(config.path))
    shuffled = stream(SPLIT_SEED, "held_out").permutation(config.images)
    rows = rows_of(shard.moments, config.residence, device)
    labels = torch.from_numpy(shard.labels)
    part = shuffled[held_out:]
    few = part[subset_of(labels[part], config.train_images, config.classes)]
    train, whole, other = (
        LatentExamples(rows, places, labels[places].to(device), scale=config.scale, shift=config.shift, patch=patch, dtype=dtype)
        for places in (few, part, shuffled[:held_out])
    )
    stored = open_images(config.path, config.images)
    pictures = None
    if stored is not None:
        pictures = _pictures(stored[0], config, device, few, part[:REFERENCE_IMAGES], shuffled[:held_out])
    return DataSet(
        train,
        other.fixed(held_out, "held_out_posterior"),
        config.channels,
        config.classes,
        shard.content_hash,
        whole.fixed(REFERENCE_IMAGES, "judged_posterior"),
        class_names(config.path),
        bounded=False,
        ensure_unchanged=shard.ensure_unchanged,
        left_out=len(whole) - len(train),
        pictures=pictures,
        named_pictures="" if stored is None else stored[1],
    )


def _load_stored_images(config: ImagesData, patch: int, device: torch.device, dtype: torch.dtype) -> DataSet:
    """As `load` of the same pictures in an `.npz` of the same `held_out_fraction`, to the bit, with these differences: there are at most
    `most_held` held-out images and tokens for the classifier, an extractor is given no more than `REFERENCE_IMAGES` training images, an
    external encoder's features are computed batch by batch, and the content has another hash."""
    tokens_per_image(config.resolution, patch)
    stored = open_stored_images(config)
    held_out = held_out_images(config)
    shuffled = stream(SPLIT_SEED, "held_out").permutation(config.images)
    rows = rows_of(stored.pixels, config.residence, device)
    labels = torch.from_numpy(stored.labels)
    part = shuffled[held_out:]
    few = part[subset_of(labels[part], config.train_images, config.classes)]
    train, whole, other = (
        PixelExamples(rows, places, labels[places].to(device), patch=patch, dtype=dtype) for places in (few, part, shuffled[:held_out])
    )
    return DataSet(
        train,
        other.fixed(held_out, "held_out"),
        3,
        config.classes,
        stored.content_hash,
        whole.fixed(most_held(config.resolution), "judged"),
        class_names(config.path),
        ensure_unchanged=stored.file.ensure_unchanged,
        left_out=len(whole) - len(train),
        pictures=_pictures(stored.pixels, config, device, few, part[:REFERENCE_IMAGES], shuffled[:held_out]),
    )


def _pictures(
    rows: npt.NDArray[np.uint8],
    config: ImagesData | LatentsData,
    device: torch.device,
    train: Tensor,
    reference_images: Tensor,
    held_out: Tensor,
) -> Pictures:
    """Of places (n,) in the rows of a file."""
    known, unseen = (StoredImages(rows, places, device) for places in (reference_images, held_out))
    return Pictures(StoredImages(rows, train, device, config.path), known, unseen)
