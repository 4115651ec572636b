"""A trial as analyses see it, of a network that a test made: no file is written."""

from pathlib import Path

import torch
from tiny_trials import IMAGES

from model.analyses.looks import Looks
from model.analyses.trained import Trained
from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from model.data.dataset import DataSet
from model.data.examples import Examples


def analysed(config: TrainConfig, network: DiffusionTransformer, data: DataSet, cache: Path = Path()) -> Trained:
    """In the network's own precision."""
    trained = Trained(config, Path("average-00000006.safetensors"), torch.device("cpu"), cache)
    trained.__dict__ |= {"network": network, "data": data}  # what it would read from files
    return trained


def few(data: DataSet, held_out: int = 24, train: int = 40) -> DataSet:
    """The first images of a data set as a data set of its own."""
    known, new = (Examples(part.tokens[:n], part.labels[:n]) for part, n in ((data.reference_images, train), (data.held_out, held_out)))
    return DataSet(known, new, data.channels, data.classes, "few", known)


def looks_of(config: TrainConfig, network: DiffusionTransformer, data: DataSet, images: int = IMAGES) -> Looks:
    return Looks.of(config, network, data.held_out.tokens[:images], data.held_out.labels[:images])
