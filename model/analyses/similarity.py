"""How alike two sets of features of the same images are: linear CKA with the unbiased estimator of HSIC.

Linear CKA is 1 for features that differ by a rotation, a factor and an offset, and 0 for features without linear relation (Kornblith et
al., 1905.00414). Its plain estimate is biased upwards where images are few beside the width; with the estimator of Song et al. (2012), as
in Nguyen et al. (2010.15327), features without relation give 0 on average, and so may give slightly less. n images, D and F
widths.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FEWEST = 4
"""Images that the estimator needs."""


def linear_cka(x: Array, y: Array) -> float:
    """Of features (n, D) and (n, F); NaN where one of them does not vary."""
    return cka(_gram(x), _gram(y))


def cka(first: Array, second: Array) -> float:
    """Of Gram matrices (n, n) with a diagonal of zeros."""
    own, other = unbiased_hsic(first, first), unbiased_hsic(second, second)
    return unbiased_hsic(first, second) / math.sqrt(own * other) if own > 0 and other > 0 else math.nan


def cka_of_layers(first: Array, second: Array) -> Array:
    """(L, M): every layer of `first` (L, n, D) beside every layer of `second` (M, n, F)."""
    rows, columns = ([_gram(layer) for layer in each] for each in (first, second))
    return np.array([[cka(row, column) for column in columns] for row in rows])


def unbiased_hsic(first: Array, second: Array) -> float:
    """HSIC_1 of Song et al. (2012) of Gram matrices (n, n) with a diagonal of zeros, n >= 4."""
    n = len(first)
    if n < FEWEST:
        raise AssertionError(f"{n} images are too few for an unbiased estimate")
    rows, columns = first.sum(axis=0), second.sum(axis=0)
    found = (first * second).sum() + rows.sum() * columns.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rows @ columns)
    return float(found / (n * (n - 3)))


def _gram(features: Array) -> Array:
    """x x^T with a diagonal of zeros; centred first, which changes no estimate and keeps digits."""
    centred = features - features.mean(axis=0)
    gram = centred @ centred.T
    np.fill_diagonal(gram, 0)
    return gram
