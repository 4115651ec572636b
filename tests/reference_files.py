"""A feature network that is made up, in the place of FID's Inception, and a reference file in ADM's layout in its features."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from model import evaluate_weights
from model.evaluation import extractors, reference_file
from model.evaluation.extractors import FeatureExtractor

WIDE, SPATIAL = 5, 3


def widely(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features, logits and spatial features: fixed sums of the pixels of images (n, 3, 8, 8)."""
    weights = torch.randn(3 * 64, WIDE + SPATIAL + 1008, generator=torch.Generator().manual_seed(3))
    found = images.flatten(1) @ weights / 8
    return found[:, :WIDE], found[:, WIDE + SPATIAL :], found[:, WIDE : WIDE + SPATIAL]


EYE = FeatureExtractor("made up", lambda images: widely(images)[:2], widely)


def use_made_up_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of Inception: 2,048 features would take minutes."""
    monkeypatch.setattr(extractors, "load_extractor", lambda *_: EYE)
    monkeypatch.setattr(evaluate_weights, "ensure_available", lambda _: None)
    monkeypatch.setattr(reference_file, "FEATURES", WIDE)
    monkeypatch.setattr(reference_file, "SPATIAL_FEATURES", SPATIAL)


def as_images(pixels: Any) -> Tensor:
    """(n, S, S, 3) of 0 to 255 as (n, 3, S, S) in [-1, 1]."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def write_reference(path: Path) -> Path:
    """Of 30 random pictures of 8 x 8."""
    pixels = np.random.default_rng(1).integers(0, 256, (30, 8, 8, 3)).astype(np.uint8)
    features, _, spatial = EYE.extract_with_spatial([as_images(pixels)], lambda: None)
    held = {"arr_0": pixels}
    for suffix, found in (("", features.numpy()), ("_s", spatial.numpy())):
        held |= {f"mu{suffix}": found.mean(axis=0), f"sigma{suffix}": np.cov(found, rowvar=False)}
    np.savez(path, **held)  # type: ignore[arg-type]
    return path
