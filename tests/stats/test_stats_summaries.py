"""Literals: values that a table of Student's t or a pocket calculator gives."""

import math

import pytest
from scipy.special import stdtr

from sweeper.stats.summaries import Interval, Summary, half_width, mean, paired_contrast, sample_sd, summarise, t_quantile, usable


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [
        (1, 12.706204736174694),
        (2, 4.302652729749464),
        (4, 2.7764451051977987),
        (3, 3.182446305284263),
        (30, 2.0422724563012373),
        (10_000, 1.960201239890626),
    ],
)
def test_t_quantile(degrees: int, quantile: float) -> None:
    assert t_quantile(degrees) == pytest.approx(quantile, rel=1e-12)


def test_t_quantile_has_a_closed_form_at_two_degrees() -> None:
    assert t_quantile(2) == pytest.approx(0.95 * math.sqrt(2 / (1 - 0.95**2)), rel=1e-12)


@pytest.mark.parametrize("degrees", [1, 2, 3, 7, 16, 99])
def test_t_quantile_undoes_the_distribution_of_scipy(degrees: int) -> None:
    assert stdtr(degrees, t_quantile(degrees)) == pytest.approx(0.975, abs=1e-12)


def test_mean_sd_and_half_width() -> None:
    assert mean([1, 2, 3]) == 2
    assert sample_sd([1, 2, 3]) == 1
    assert half_width([1, 2, 3]) == pytest.approx(4.302652729749464 / math.sqrt(3), rel=1e-12)
    assert sample_sd([2, 4, 4, 4, 5, 5, 7, 9]) == pytest.approx(math.sqrt(32 / 7), rel=1e-15)


def test_the_mean_of_equal_values_is_that_value_and_the_spread_is_zero() -> None:
    assert mean([0.1, 0.1, 0.1]) == 0.1
    assert sample_sd([0.1, 0.1, 0.1]) == 0


def test_the_mean_does_not_depend_on_the_order() -> None:
    assert mean([1e16, 1.0, -1e16]) == mean([1.0, 1e16, -1e16]) == pytest.approx(1 / 3)


def test_too_few_values() -> None:
    assert mean([]) is None
    assert sample_sd([7.0]) is None
    assert half_width([1.0, 2.0]) is None
    assert summarise({0: 1.0, 1: 2.0}) == Summary({0: 1.0, 1: 2.0}, 1.5, math.sqrt(0.5), None)
    assert summarise({0: 1.0, 1: 2.0}).interval is None


def test_a_summary_leaves_out_what_is_no_number_and_sorts_by_seed() -> None:
    summary = summarise({5: 3.0, 1: math.nan, 0: 1.0, 2: math.inf, 3: 2.0, 4: 1e300})
    assert list(summary.by_seed.items()) == [(0, 1.0), (3, 2.0), (5, 3.0)]
    assert summary.n == 3
    assert summary.interval is not None
    assert (summary.interval.low, summary.interval.high) == pytest.approx(
        (2 - 4.302652729749464 / math.sqrt(3), 2 + 4.302652729749464 / math.sqrt(3))
    )


def test_largest_usable_values_do_not_overflow() -> None:
    assert usable(-9e99)
    assert math.isfinite(half_width([9e99, -9e99, 9e99]) or math.nan)


@pytest.mark.parametrize(("low", "high", "holds"), [(-1, 1, True), (0, 1, True), (-1, 0, True), (0.001, 1, False), (-1, -0.001, False)])
def test_an_interval_holds_its_ends(low: float, high: float, holds: bool) -> None:
    assert Interval(low, high).holds(0) is holds


def test_a_contrast_pairs_seeds() -> None:
    """Seeds differ by 10, variants by about 1: only pairing sees it."""
    by_variant = {"a": {0: 10.0, 1: 20.0, 2: 30.0}, "b": {0: 11.0, 1: 21.5, 2: 30.5}}
    summary = paired_contrast(by_variant, {"b": 1, "a": -1}, [0, 1, 2])
    assert dict(summary.by_seed) == {0: 1.0, 1: 1.5, 2: 0.5}
    assert summary.mean == 1
    assert summary.half_width == pytest.approx(4.302652729749464 * 0.5 / math.sqrt(3), rel=1e-12)


def test_a_seed_counts_only_where_every_weighed_variant_has_a_finite_value() -> None:
    by_variant = {"a": {0: 1.0, 1: 2.0, 2: math.nan, 3: 5.0}, "b": {0: 2.0, 2: 1.0, 3: 5.5}, "c": {3: math.nan}}
    assert dict(paired_contrast(by_variant, {"b": 1, "a": -1, "c": 0}, [0, 1, 2, 3]).by_seed) == {0: 1.0, 3: 0.5}
    assert dict(paired_contrast(by_variant, {"b": 1, "a": -1, "c": 0}, [3]).by_seed) == {3: 0.5}
    assert paired_contrast(by_variant, {"b": 1, "unknown": -1}, [0, 1, 2, 3]) == Summary({}, None, None, None)


def test_rounding_error_of_weights_is_no_difference() -> None:
    by_variant = {name: {0: 0.1, 1: 0.2, 2: 0.3} for name in "abcd"}
    summary = paired_contrast(by_variant, {"a": 1.0, "b": -1 / 3, "c": -1 / 3, "d": -1 / 3}, [0, 1, 2])
    assert list(summary.by_seed.values()) == [0.0, 0.0, 0.0]
