"""Labels as integers from 0 on, every one of them used."""

from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import DataError


def known_labels(place: str, images: int, labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Labels of so many images. Every label from 0 to the largest has one: samples of a class without any would count as wrong, whatever
    they show.

    Raises:
        DataError: They are no integers, or have gaps; the message begins with `place`.
    """
    if labels.shape != (images,) or not np.issubdtype(labels.dtype, np.integer):
        remedy = ""
        if labels.shape == (images, 1):
            remedy = ": save labels.ravel()"
        elif labels.ndim == 2 and len(labels) == images and labels.dtype.kind in "biuf":
            remedy = ": save labels.argmax(axis=1), where they are one-hot"
        raise DataError(f"{place}: `labels` has shape {labels.shape} of {labels.dtype}; give {images} integers, one per image{remedy}")
    if not images:
        return labels.astype(np.int64)
    if labels.min() < 0:
        raise DataError(f"{place}: label {labels.min()} of image {int(labels.argmin())} is negative; labels count from 0")
    if labels.max() >= images:
        raise DataError(
            f"{place}: label {labels.max()} of image {int(labels.argmax())} is larger than the number of images, {images}; number the"
            " classes from 0 without gaps"
        )
    known = labels.astype(np.int64)
    used = np.bincount(known) > 0
    if not used.all():
        first, last = int(np.argmin(used)), len(used) - 1
        if used[1:].all():
            raise DataError(f"{place}: labels go from 1 to {last}, and no image has label 0; they count from 0: save labels - 1")
        raise DataError(
            f"{place}: no image has label {first}, and labels go to {last}; number the classes from 0 without gaps:"
            " save numpy.unique(labels, return_inverse=True)[1]"
        )
    return known
