"""Arrays of images as pictures: a column for each value of the first axis (pairs), below each other what the second one names."""

import base64
import io
import math

from sweeper.report.analyses import TrialPictures
from sweeper.report.analysis_sentences import value_text

_GAP = 1
"""Pixels between images; a page shows every pixel as a square."""


def picture_address(pictures: TrialPictures) -> str | None:
    """A PNG as a data address; None where there is nothing to show."""
    import numpy as np
    from PIL import Image

    shape = [len(axis.values) for axis in pictures.axes]
    values = np.array([math.nan if value is None else value for value in pictures.values], dtype=np.float64).reshape(shape)
    if len(shape) != 5 or values.size == 0 or not np.isfinite(values).all():
        return None
    columns, rows, channels, height, width = shape
    low, high = values.min(), values.max()
    levels = np.round(255 * (values - low) / (high - low if high > low else 1)).astype(np.uint8)
    shown = levels if channels == 3 else levels[:, :, :1]  # of latents one channel: their colours mean nothing
    canvas = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, shown.shape[2]), 255, np.uint8)
    for column in range(columns):
        for row in range(rows):
            top, left = row * (height + _GAP), column * (width + _GAP)
            canvas[top : top + height, left : left + width] = shown[column, row].transpose(1, 2, 0)
    out = io.BytesIO()
    # Not packed: the bytes of a packed one depend on the library that packs, and it is small.
    Image.fromarray(canvas if channels == 3 else canvas[:, :, 0]).save(out, format="PNG", compress_level=0)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def caption_of(pictures: TrialPictures) -> str:
    """'single/none, seed 0: 8 of them, above sample, below training image'."""
    first, second = pictures.axes[0], pictures.axes[1]
    below = ", below ".join(value_text(value) for value in second.values)
    return f"{pictures.variant}, training seed {pictures.seed}: a column for each {first.name}; above {below}"
