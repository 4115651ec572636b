"""Distances between sets of features.

Ours, and not torch-fidelity's, whose formulas are inner functions of a program that reads folders of images: the symmetric root stays real
where covariances are singular, and a trial without FID needs no torch-fidelity. The tests hold both against each other.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Mean (F,) and covariance (F, F) of n feature vectors."""

    mean: Array
    covariance: Array
    n: int
    """How many feature vectors; 0 where a published file does not say."""

    @classmethod
    def of(cls, features: Array) -> "Moments":
        """Moments of features (n, F), n >= 2."""
        return cls(features.mean(axis=0), np.cov(features, rowvar=False), len(features))

    @cached_property
    def root(self) -> Array:
        """Symmetric root of the covariance, found once: it takes most of the time of a distance."""
        values, vectors = np.linalg.eigh(self.covariance)
        root: Array = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
        return root


def frechet_distance(a: Moments, b: Moments) -> float:
    """|mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), the squared Wasserstein-2 distance of two Gaussians.

    The trace of the root is that of (S_a^(1/2) S_b S_a^(1/2))^(1/2), which is symmetric, so no complex numbers appear.
    Never negative: of equal sets, rounding leaves less than 0.
    """
    cross = np.linalg.eigvalsh(a.root @ b.covariance @ a.root)
    offset = a.mean - b.mean
    found = float(offset @ offset + np.trace(a.covariance) + np.trace(b.covariance) - 2 * np.sqrt(np.clip(cross, 0, None)).sum())
    return max(found, 0.0)
