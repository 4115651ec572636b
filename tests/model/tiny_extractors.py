"""A tiny model of timm with random weights as an extractor, and few images for it."""

from pathlib import Path

import numpy as np
import torch
from tiny_trials import tiny
from torch import Tensor

from model.config.extractor import TimmExtractor
from model.data.dataset import DataSet, load
from model.evaluation.extractors import FeatureExtractor, load_extractor

NAME = "test_vit"
"""160 x 160 pixels, 64 features."""
CPU = torch.device("cpu")


def nothing() -> None:
    return None


def extractor_of(name: str = NAME, weights: str = "none") -> FeatureExtractor:
    extractor = load_extractor(TimmExtractor(kind="timm", name=name, weights=weights), CPU)
    assert extractor is not None
    return extractor


def counting(extractor: FeatureExtractor) -> tuple[FeatureExtractor, list[int]]:
    """The extractor, and how many images it was shown at a time."""
    shown: list[int] = []

    def forward(images: Tensor) -> tuple[Tensor, Tensor | None]:
        shown.append(len(images))
        return extractor.forward(images)

    return FeatureExtractor(extractor.name, forward), shown


def few_images(path: Path, seed: int = 0) -> DataSet:
    """32 training and 8 held-out colour images of 8 x 8, written to `path` too."""
    images = np.random.default_rng(seed).integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
    np.savez(path, images=images, labels=np.arange(40) % 4)
    return load(tiny(data={"kind": "npz", "path": str(path)}).data, 2, CPU, torch.float64)
