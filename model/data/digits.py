"""scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels."""

import numpy as np

from model.data.bundled import bundled
from model.data.images import LabelledImages, content_hash
from model.errors import DataError

IMAGES, RESOLUTION, CLASSES = 1797, 8, 10
CONTENT_HASH = "4ac1f3e70578fd29"
"""Known beforehand so that planning need not read them; `read_digits` checks it."""


def read_digits() -> LabelledImages:
    """The digits, grey values 0..16 mapped to [-1, 1]; raises DataError when the bundled data changed."""
    rows = np.loadtxt(bundled("data", "digits.csv.gz"), delimiter=",", dtype=np.float64)  # 64 grey values and the label, in each row
    grey = rows[:, :-1].reshape(-1, RESOLUTION, RESOLUTION).astype(np.uint8)
    labels = rows[:, -1].astype(np.int64)
    found = content_hash(grey.tobytes(), labels.tobytes())
    if found != CONTENT_HASH:
        raise DataError(f"the digits bundled with scikit-learn have content {found}, not {CONTENT_HASH}; install another scikit-learn")
    images = grey.astype(np.float32) / np.float32(8) - np.float32(1)
    return LabelledImages(images[:, None], labels, CLASSES, found)
