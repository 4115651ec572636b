"""The Fréchet distance against closed forms and scipy's matrix root."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from model.evaluation.distances import Array, Moments, frechet_distance


def features(n: int, seed: int, width: int = 6) -> Array:
    random = np.random.default_rng(seed)
    return random.normal(size=(n, width)) @ random.normal(size=(width, width)) + random.normal(size=width)


def test_moments() -> None:
    x = features(50, 0)
    moments = Moments.of(x)
    np.testing.assert_allclose(moments.mean, x.sum(axis=0) / 50)
    centred = x - moments.mean
    np.testing.assert_allclose(moments.covariance, centred.T @ centred / 49)
    assert moments.n == 50


@pytest.mark.parametrize("seed", range(3))
def test_against_scipys_matrix_root(seed: int) -> None:
    a, b = Moments.of(features(60, seed)), Moments.of(features(80, seed + 10))
    root = sqrtm(a.covariance @ b.covariance)
    wanted = np.square(a.mean - b.mean).sum() + np.trace(a.covariance + b.covariance - 2 * np.real(root))
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(wanted, rel=1e-9)


def test_closed_forms() -> None:
    mean, spread = np.array([1.0, -2.0, 0.5]), np.diag([1.0, 4.0, 9.0])
    a = Moments(mean, spread, 10)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(a, Moments(mean + np.array([3.0, 0.0, 4.0]), spread, 10)) == pytest.approx(25)
    assert frechet_distance(a, Moments(mean, 4 * spread, 10)) == pytest.approx(1 + 4 + 9)  # sum of (2 s - s)^2
    one = Moments(np.array([0.0]), np.array([[4.0]]), 10)
    assert frechet_distance(one, Moments(np.array([1.0]), np.array([[9.0]]), 10)) == pytest.approx(1 + 1)


def test_fewer_features_than_channels_are_no_trouble() -> None:
    a, b = Moments.of(features(3, 1)), Moments.of(features(4, 2))
    distance = frechet_distance(a, b)
    assert np.isfinite(distance)
    assert distance > 0
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
