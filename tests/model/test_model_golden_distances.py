"""Golden values of the distances that draw: the unbiased kernel distance, and the Fréchet distance at an endless number of samples.

The features are of our own streams, whose bits are the same on every processor; sums in float64 may differ in their last digits.
"""

import pytest

from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.extrapolation import distance_at_infinity
from model.evaluation.kernel_distance import kernel_distance
from model.randomness import stream

REAL = stream(0, "real").normal((300, 16)).double()
KERNEL, FRECHET, INFINITY = 0.22063507424400342, 1.9483235738727913, 1.6604422516782533
GENERATED = 0.2 + 1.1 * stream(0, "generated").normal((200, 16)).double()


def test_the_kernel_distance() -> None:
    assert kernel_distance(REAL, GENERATED, seed=3) == pytest.approx(KERNEL, rel=1e-9)


def test_the_frechet_distance_and_its_limit() -> None:
    real = Moments.of(REAL.numpy())
    assert frechet_distance(real, Moments.of(GENERATED.numpy())) == pytest.approx(FRECHET, rel=1e-9)
    assert distance_at_infinity(real, GENERATED.numpy(), seed=3) == pytest.approx(INFINITY, rel=1e-9)
