"""The Fréchet distance at an endless number of samples: its line, and that it takes the bias away."""

import numpy as np
import pytest
from tiny_trials import tiny

from model.config.extractor import named_by_features
from model.errors import ConfigError
from model.evaluation.distances import Array, Moments, frechet_distance
from model.evaluation.extrapolation import distance_at, distance_at_infinity, intercept, sample_sizes
from model.randomness import stream


def test_the_line_is_that_of_numpy() -> None:
    random = np.random.default_rng(0)
    x, y = random.uniform(size=15), random.normal(size=15)
    assert intercept(x.tolist(), y.tolist()) == pytest.approx(np.polyfit(x, y, 1)[1], rel=1e-10)
    assert intercept([1.0, 0.5, 0.25], [5.0, 4.0, 3.5]) == pytest.approx(3.0), "3 + 2 x"


@pytest.mark.parametrize("n", [30, 31, 1000, 50_000])
def test_sizes_are_fifteen_from_a_half_to_all(n: int) -> None:
    sizes = sample_sizes(n)
    assert len(set(sizes)) == 15
    assert (sizes[0], sizes[-1]) == (-(-n // 2), n)
    steps = np.diff(sizes)
    assert steps.max() - steps.min() <= 1


def test_it_takes_the_bias_of_the_samples_away() -> None:
    """Samples of the reference's own law: the truth is 0, and the distance of 200 samples is far above it."""
    width, random = 24, np.random.default_rng(0)
    spread: Array = random.normal(size=(width, width)) / width**0.5
    reference = Moments(np.zeros(width), spread.T @ spread, 10**6)
    biased, limits = [], []
    for seed in range(20):
        features = random.normal(size=(200, width)) @ spread
        biased.append(frechet_distance(reference, Moments.of(features)))
        limits.append(distance_at_infinity(reference, features, seed))
    assert np.mean(biased) > 0.5
    assert abs(np.mean(limits)) < 0.1 * np.mean(biased)


def test_subsets_are_of_our_streams_and_all_samples_are_the_distance_itself() -> None:
    random = np.random.default_rng(1)
    reference, features = Moments.of(random.normal(size=(90, 4))), random.normal(size=(60, 4))
    assert distance_at(60, reference, features, 3) == frechet_distance(reference, Moments.of(features))
    chosen = features[stream(3, "fd_infinity", 40).permutation(60)[:40].numpy()]
    assert distance_at(40, reference, features, 3) == frechet_distance(reference, Moments.of(chosen))
    assert distance_at(40, reference, features, 4) != distance_at(40, reference, features, 3)


def test_too_few_samples_for_a_line_are_refused() -> None:
    with pytest.raises((ConfigError, ValueError), match=r"fd_infinity needs 15 sizes .* are 29; draw at least 30"):
        tiny(evaluation={"samples": 29, "extra_metrics": ["fd_infinity"]})
    assert tiny(evaluation={"samples": 30, "extra_metrics": ["fd_infinity"]}).feature_metrics == ("fd_digits", "fd_infinity_digits")


@pytest.mark.parametrize(
    ("distance", "names"),
    [
        ("fid", ("fid_infinity", "kid")),
        ("fd_digits", ("fd_infinity_digits", "kid_digits")),
        ("fd_inception", ("fd_infinity_inception", "kid_inception")),
        ("fd_vit_tiny.x_random", ("fd_infinity_vit_tiny.x_random", "kid_vit_tiny.x_random")),
    ],
)
def test_names_end_in_the_features(distance: str, names: tuple[str, str]) -> None:
    assert (named_by_features("fd_infinity", distance), named_by_features("kid", distance)) == names
