"""A picture of samples: one row per draw, one column per class."""

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

SMALLEST_SIDE = 32
"""Pixels; smaller images are enlarged by whole factors so that a person sees them."""
GAP = 2


def save_grid(images: Tensor, columns: int, path: Path) -> None:
    """Images (n, C, S, S) in [-1, 1], row by row; written beside and renamed. The file says how many columns and which gap."""
    pixels = ((images.float().clamp(-1, 1) + 1) * 127.5).round().to("cpu").numpy().astype(np.uint8).transpose(0, 2, 3, 1)
    if pixels.shape[-1] not in (1, 3):
        pixels = pixels[..., :3] if pixels.shape[-1] > 3 else pixels[..., :1]
    factor = max(1, -(-SMALLEST_SIDE // pixels.shape[1]))
    pixels = pixels.repeat(factor, axis=1).repeat(factor, axis=2)
    rows, side = -(-len(pixels) // columns), pixels.shape[1] + GAP
    canvas = np.full((rows * side + GAP, columns * side + GAP, pixels.shape[-1]), 255, np.uint8)
    for i, image in enumerate(pixels):
        top, left = GAP + i // columns * side, GAP + i % columns * side
        canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    beside, how = path.with_suffix(".writing"), PngInfo()
    for name, value in (("columns", columns), ("gap", GAP)):
        how.add_text(f"sweeper:{name}", str(value))
    Image.fromarray(canvas.squeeze(-1) if canvas.shape[-1] == 1 else canvas).save(beside, format="PNG", pnginfo=how)
    beside.replace(path)
