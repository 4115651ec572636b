"""The Fréchet distance without the bias of a finite number of samples (Chong and Forsyth 2020, 1911.07023)."""

import numpy as np

from model.evaluation.distances import Array, Moments, frechet_distance
from model.randomness import stream

SIZES = 15
"""Sample sizes of the paper's line."""


def sample_sizes(n: int) -> list[int]:
    """Sizes from n / 2 to n, evenly spaced.

    The paper starts at n / 10 of 50,000 samples. With the few that are drawn here that is less than there are features, where the bias is
    no longer linear in 1 / n; from n / 2 on the limit has the same spread.
    """
    return np.linspace(-(-n // 2), n, SIZES).astype(int).tolist()


def distance_at(size: int, reference: Moments, generated: Array, seed: int) -> float:
    """Fréchet distance of `size` of the features (n, F), drawn by the generation seed."""
    chosen = generated
    if size < len(generated):
        chosen = generated[stream(seed, "fd_infinity", size).permutation(len(generated))[:size].numpy()]
    return frechet_distance(reference, Moments.of(chosen))


def distance_at_infinity(reference: Moments, generated: Array, seed: int) -> float:
    """The line through the distances at those sizes, by least squares in 1 / n, at 1 / n = 0.

    The bias of the reference's own number of images stays, as it does in the paper: the training images given are the law asked about.
    """
    sizes = sample_sizes(len(generated))
    return intercept([1 / size for size in sizes], [distance_at(size, reference, generated, seed) for size in sizes])


def intercept(x: list[float], y: list[float]) -> float:
    """Of the least-squares line."""
    a, b = np.array(x), np.array(y)
    centred = a - a.mean()
    slope = (centred @ (b - b.mean())) / (centred @ centred)
    return float(b.mean() - slope * a.mean())
