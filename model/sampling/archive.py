"""Samples as the evaluation suite of ADM (2105.05233) reads them: one `.npz` with `arr_0`, (n, S, S, 3) uint8."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.whole_file import whole_file

Pixels = npt.NDArray[np.uint8]


def to_pixels(images: Tensor) -> Pixels:
    """Images (n, 1 or 3, S, S) in [-1, 1] to (n, S, S, 3): 127.5 x + 128, clamped and cut, as in the released DiT; grey is repeated."""
    levels = (127.5 * images.float() + 128).clamp(0, 255).to(torch.uint8)
    pixels: Pixels = levels.permute(0, 2, 3, 1).expand(-1, -1, -1, 3).cpu().numpy()
    return pixels


def save_npz(pixels: Pixels, path: Path) -> None:
    """Writes beside and renames; the name is kept as it is given."""
    with whole_file(path) as beside, beside.open("wb") as file:
        np.savez(file, arr_0=pixels)
