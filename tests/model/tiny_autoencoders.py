"""A tiny autoencoder of diffusers with random weights, and latents that it made of real pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.autoencoder import Autoencoder, import_diffusers, load_autoencoder
from model.config import LatentsData, PhotographsData
from model.config.autoencoder import AutoencoderConfig
from model.data.photographs import read_photographs

CPU = torch.device("cpu")
PICTURES, SIDE, FACTOR = 60, 16, 2
"""Crops of scikit-learn's photographs; 8 x 8 latent cells of 4 channels."""


def save_autoencoder(folder: Path, seed: int = 0, **settings: Any) -> Path:
    """Writes an AutoencoderKL of 44,000 parameters as diffusers does."""
    diffusers = import_diffusers("test")
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = diffusers.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=(8, 16),
            norm_num_groups=4,
            sample_size=SIDE,
            **{"latent_channels": 4, "scaling_factor": 0.5} | settings,
        )
    network.save_pretrained(folder)
    return folder


def autoencoder_of(folder: Path) -> Autoencoder:
    return load_autoencoder(AutoencoderConfig(weights=str(folder)), CPU)


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (n, 3, S, S) of whole 8-bit levels in [-1, 1], and their labels (n,), of both classes in turn."""
    found = read_photographs(PhotographsData(kind="photographs", resolution=SIDE))
    chosen = np.concatenate([np.flatnonzero(found.labels == label)[: PICTURES // 2] for label in (0, 1)])
    return torch.from_numpy(found.images[chosen]), torch.from_numpy(found.labels[chosen])


def latents_of(folder: Path, autoencoder: Autoencoder, *, images: bool = True, **fields: Any) -> LatentsData:
    """Writes moments, labels and pictures; gives the config of the data."""
    shown, labels = pictures()
    folder.mkdir()
    np.save(folder / "moments.npy", autoencoder.encode(shown).numpy())
    np.save(folder / "labels.npy", labels.numpy())
    if images:
        np.save(folder / "images.npy", ((shown + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())
    known = {"channels": 4, "resolution": SIDE // FACTOR, "classes": 2, "images": PICTURES, "held_out_fraction": 0.2, "spread": "any"}
    return LatentsData.model_validate({"kind": "latents", "path": folder, "scale": 0.5} | known | fields)
