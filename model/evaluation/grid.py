"""A picture of samples: one row per draw, one column per class, and above each column the name of its class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from model.whole_file import whole_file

SMALLEST_SIDE = 32
"""Pixels; smaller images are enlarged by whole factors so that a person sees them."""
GAP = 2
LETTERS, LONGEST_NAME = 11, 24
"""Height of the letters of a name in pixels, and how many of them are shown."""


def save_grid(images: Tensor, columns: int, path: Path, names: Sequence[str] = ()) -> None:
    """Writes the picture beside and renames it; the file says how many columns, which gap, and how high the names stand above.

    Args:
        images: (n, C, S, S) in [-1, 1], row by row.
        columns: Images in a row.
        path: Of the PNG file.
        names: Of the classes that the columns are of; () where they have none.
    """
    pixels = ((images.float().clamp(-1, 1) + 1) * 127.5).round().to("cpu").numpy().astype(np.uint8).transpose(0, 2, 3, 1)
    if pixels.shape[-1] not in (1, 3):
        pixels = pixels[..., :3] if pixels.shape[-1] > 3 else pixels[..., :1]
    factor = max(1, -(-SMALLEST_SIDE // pixels.shape[1]))
    pixels = pixels.repeat(factor, axis=1).repeat(factor, axis=2)
    rows, side = -(-len(pixels) // columns), pixels.shape[1] + GAP
    heading = _heading(names[:columns], side) if names else None
    above = heading.height if heading else 0
    canvas = np.full((above + rows * side + GAP, columns * side + GAP, pixels.shape[-1]), 255, np.uint8)
    for i, image in enumerate(pixels):
        top, left = above + GAP + i // columns * side, GAP + i % columns * side
        canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    picture = Image.fromarray(canvas.squeeze(-1) if canvas.shape[-1] == 1 else canvas)
    how = PngInfo()
    if heading:
        picture.paste(heading, (GAP, 0))
    for name, value in (("columns", columns), ("gap", GAP), *([("above", above)] if heading else [])):
        how.add_text(f"sweeper:{name}", str(value))
    with whole_file(path) as beside:
        picture.save(beside, format="PNG", pnginfo=how)


def _heading(names: Sequence[str], side: int) -> Image.Image:
    """The names, each over its column: level where all fit, else upright, to be read from below."""
    font = ImageFont.load_default(size=LETTERS)
    shown = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in names]
    lengths = [round(font.getlength(name)) for name in shown]
    level = max(lengths) <= side - GAP
    line = LETTERS + 4
    band = Image.new("L", (side * len(names), line if level else max(lengths) + 4), 255)
    for column, (name, length) in enumerate(zip(shown, lengths, strict=True)):
        word = Image.new("L", (max(length, 1), line), 255)
        ImageDraw.Draw(word).text((0, 0), name, fill=0, font=font)
        word = word if level else word.transpose(Image.Transpose.ROTATE_90)
        band.paste(word, (column * side + max(0, (side - GAP - word.width) // 2), band.height - word.height))
    return band
