"""Seeds that claims need, against published values, statsmodels, and limits."""

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestIndPower, TTestPower

from sweeper.stats.power import Noise, noise_of, power, refuting_power, seeds_needed, seeds_to_decide, sign_flip_floor, smallest_size

PAIR = {"of": 1.0, "to": -1.0}
FOUR = {"a": 1.0, "b": -1.0, "c": -1.0, "d": 1.0}
CV, MARGIN = 0.013, math.log(1.02)


@pytest.mark.parametrize(
    ("kind", "correlation", "seeds"),
    [
        ("superior", None, 8),
        ("superior", 0.5, 6),
        ("non_inferior", None, 7),
        ("non_inferior", 0.5, 5),
        ("non_inferior", 0.8, 3),
    ],
)
def test_the_scale_of_seed_noise(kind: str, correlation: float | None, seeds: int) -> None:
    """At a CV of 1.3%, alpha .05 and power .8: to detect 2%, and to keep a margin of 2%."""
    given = {"effect": 0.02, "margin": 0.0} if kind == "superior" else {"effect": 0.0, "margin": MARGIN}
    assert seeds_needed(kind, **given, alpha=0.05, noise=noise_of(PAIR, CV, correlation)) == seeds  # type: ignore[arg-type]


@pytest.mark.parametrize("seeds", [3, 5, 12, 60])
@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_power_is_that_of_statsmodels(seeds: int, shift: float) -> None:
    paired, unpaired = Noise(1.0), noise_of(PAIR, 1.0, None)
    # `superior` counts only the better side; statsmodels' larger is the one-sided test at alpha / 2.
    one = TTestPower().power(shift, seeds, 0.025, alternative="larger")
    two = TTestIndPower().power(shift, seeds, 0.05, alternative="larger")
    assert power("superior", seeds, effect=shift, margin=0, alpha=0.05, noise=paired) == pytest.approx(one, abs=1e-6)
    assert power("non_inferior", seeds, effect=0, margin=shift, alpha=0.05, noise=unpaired) == pytest.approx(two, abs=1e-6)


def test_two_one_sided_tests_against_draws() -> None:
    generator = np.random.default_rng(0)
    seeds, margin, effect = 6, 1.6, 0.3
    drawn = effect + generator.standard_normal((200_000, seeds))
    from scipy.special import stdtr

    t = np.add.outer(drawn.mean(axis=1), [margin, -margin]) / (drawn.std(axis=1, ddof=1, keepdims=True) / math.sqrt(seeds))
    kept = np.mean((stdtr(seeds - 1, -t[:, 0]) <= 0.05) & (stdtr(seeds - 1, t[:, 1]) <= 0.05))
    assert power("equivalent", seeds, effect=effect, margin=margin, alpha=0.05, noise=Noise(1.0)) == pytest.approx(kept, abs=0.005)


def test_at_the_margin_power_is_alpha() -> None:
    noise = noise_of(FOUR, CV, None)
    assert power("non_inferior", 5, effect=-0.02, margin=0.02, alpha=0.05, noise=noise) == pytest.approx(0.05, abs=1e-6)
    assert power("superior", 5, effect=0.02, margin=0.02, alpha=0.05, noise=noise) == pytest.approx(0.025, abs=1e-6)
    assert power("no_interaction", 40, effect=0.02, margin=0.02, alpha=0.05, noise=noise) == pytest.approx(0.05, abs=2e-3)
    assert refuting_power("non_inferior", 5, effect=-0.02, margin=0.02, alpha=0.05, noise=noise) == pytest.approx(0.05, abs=1e-6)
    for kind in ("superior", "equivalent", "no_interaction"):  # two directions share alpha
        refuted = refuting_power(kind, 5, effect=0.02, margin=0.02, alpha=0.05, noise=noise)  # type: ignore[arg-type]
        assert refuted == pytest.approx(0.025, abs=1e-6), kind


def test_noise_of_a_contrast() -> None:
    assert noise_of(PAIR, 2.0, None) == Noise(pytest.approx(2 * math.sqrt(2)), 2.0)
    assert noise_of(FOUR, 2.0, None) == Noise(4.0, 4.0)
    assert noise_of(PAIR, 2.0, 0.5) == Noise(2.0, 1.0)
    shared = noise_of({"a": 1.0, "b": 1.0}, 2.0, 0.5)  # a sum that does not cancel what the cells of a seed share: 4 + 4 + 2 x 2
    assert shared.sd == pytest.approx(math.sqrt(12))
    assert noise_of({"a": 1.0, "b": -0.5, "c": -0.5}, 1.0, 0.0).sd == pytest.approx(math.sqrt(1.5))
    assert Noise(6.0, 2.0).error(9) == 2.0
    assert Noise(6.0, 2.0).degrees(9) == 16


def test_what_no_number_of_seeds_shows() -> None:
    noise = noise_of(PAIR, CV, None)
    assert seeds_needed("superior", effect=0.0, margin=0.0, alpha=0.05, noise=noise) is None
    assert seeds_needed("non_inferior", effect=-0.03, margin=0.02, alpha=0.05, noise=noise) is None
    assert seeds_to_decide("non_inferior", effect=-0.03, margin=0.02, alpha=0.05, noise=noise) is not None
    assert seeds_to_decide("equivalent", effect=0.02, margin=0.02, alpha=0.05, noise=noise) is None


def test_a_smaller_level_needs_more_seeds() -> None:
    noise = noise_of(PAIR, CV, None)
    found = [seeds_needed("non_inferior", effect=0.0, margin=MARGIN, alpha=0.05 / claims, noise=noise) for claims in (1, 2, 3)]
    assert found == sorted(found, key=lambda seeds: seeds or 0)
    assert found[0] != found[2]


@pytest.mark.parametrize("kind", ["superior", "non_inferior", "equivalent", "no_interaction"])
@pytest.mark.parametrize("seeds", [3, 8])
def test_what_seeds_can_claim_instead_has_the_wanted_power(kind: str, seeds: int) -> None:
    noise = noise_of(PAIR, CV, 0.0)
    size = smallest_size(kind, seeds, alpha=0.05, noise=noise)  # type: ignore[arg-type]
    given = {"effect": size, "margin": 0.0} if kind == "superior" else {"effect": 0.0, "margin": size}
    assert power(kind, seeds, **given, alpha=0.05, noise=noise) == pytest.approx(0.8, abs=1e-3)  # type: ignore[arg-type]


def test_power_so_far_away_that_the_noncentral_t_is_not_known() -> None:
    for seeds, effect, sure in ((3, 1e300, 1.0), (5_000, 1.0, 1.0), (100, math.inf, 1.0), (5, -1e300, 0.0)):
        found = power("superior", seeds, effect=effect, margin=0.0, alpha=0.05, noise=Noise(1.0))
        assert found == pytest.approx(sure, abs=1e-6), (seeds, effect)


def test_what_no_size_shows() -> None:
    assert smallest_size("superior", 3, alpha=0.05, noise=Noise(1e3)) is None
    assert smallest_size("superior", 3, alpha=0.05, noise=Noise(1.0), margin=math.nan) is None
    assert smallest_size("equivalent", 3, alpha=0.05, noise=Noise(0.0)) == pytest.approx(0.0, abs=1e-12)


def test_a_sign_flip_test_has_a_floor() -> None:
    assert [sign_flip_floor(seeds) for seeds in (3, 5, 6)] == [0.25, 0.0625, 0.03125]
