"""scikit-learn's two photographs, cut into crops: small natural images without a download."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from model.config import PhotographsData
from model.data.bundled import bundled
from model.data.images import LabelledImages, content_hash

PHOTOGRAPHS = ("china", "flower")
"""In the order of their labels; 427 x 640 pixels each."""


def read_photographs(config: PhotographsData) -> LabelledImages:
    """Crops from the top left corner on, row by row, without overlap; what is left at the right and at the bottom is dropped.

    They are named by their pixels, so a decoder of JPEG that gives other pixels makes another data set.

    Raises:
        DataError: scikit-learn is not installed with its photographs.
    """
    crops = [_crops(_pixels(name), config.resolution) for name in PHOTOGRAPHS]
    pixels = np.concatenate(crops)
    labels = np.repeat(np.arange(len(crops), dtype=np.int64), [len(part) for part in crops])
    named = content_hash(np.ascontiguousarray(pixels).tobytes(), labels.tobytes())
    images = (pixels.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2)
    return LabelledImages(np.ascontiguousarray(images), labels, len(crops), named, PHOTOGRAPHS)


def _pixels(name: str) -> npt.NDArray[np.uint8]:
    """(height, width, 3)."""
    with Image.open(bundled("images", f"{name}.jpg")) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.uint8)


def _crops(pixels: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """(rows x columns, side, side, 3) of (height, width, 3)."""
    rows, columns = pixels.shape[0] // side, pixels.shape[1] // side
    tiles = pixels[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    return np.ascontiguousarray(tiles.transpose(0, 2, 1, 3, 4).reshape(rows * columns, side, side, 3))
