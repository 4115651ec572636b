"""Value -> text."""

import pytest

from sweeper.report import numbers


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (11.404, 2, "11.40"),
        (11.406, 2, "11.41"),
        (0.98612, 3, "0.986"),
        (412.4, 0, "412"),
        (0.0, 2, "0.00"),
        (-0.0, 2, "0.00"),
        (-0.004, 2, "0.00"),
        (-0.4, 0, "0"),
        (-0.006, 2, "-0.01"),
        (999999.5, 2, "999999.50"),
        (1e9, 2, "1.000e+09"),
        (-1.23456e300, 2, "-1.235e+300"),
        (None, 2, "–"),
    ],
)
def test_fixed(value: float | None, decimals: int, text: str) -> None:
    assert numbers.fixed(value, decimals) == text


@pytest.mark.parametrize(
    ("mean", "half_width", "decimals", "text"),
    [(11.4, 0.3, 2, "11.40 ± 0.30"), (0.5, 0.00004, 4, "0.5000 ± 0.0000"), (11.4, None, 2, "11.40"), (None, None, 2, "–")],
)
def test_plus_minus(mean: float | None, half_width: float | None, decimals: int, text: str) -> None:
    assert numbers.plus_minus(mean, half_width, decimals) == text


@pytest.mark.parametrize(
    ("ends", "decimals", "text"), [((3.1, 5.32), 2, "[3.10, 5.32]"), ((-0.001, 0.2), 2, "[0.00, 0.20]"), (None, 2, "–")]
)
def test_interval(ends: tuple[float, float] | None, decimals: int, text: str) -> None:
    assert numbers.interval(ends, decimals) == text


@pytest.mark.parametrize(("number", "text"), [(360, "360"), (50_000, "50,000"), (1000.0, "1,000")])
def test_count(number: float, text: str) -> None:
    assert numbers.count(number) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 seeds"), (1, "1 seed"), (3, "3 seeds")])
def test_plural(number: int, text: str) -> None:
    assert numbers.plural(number, "seed") == text


@pytest.mark.parametrize(
    ("ends", "decimals", "enough"),
    [((3.1, 5.3), 2, 2), ((0.004, 0.3), 2, 3), ((0.0, 0.3), 2, 2), ((-0.4, -0.00002), 2, 5), ((1e-30, 1), 2, 8)],
)
def test_enough_decimals(ends: tuple[float, float], decimals: int, enough: int) -> None:
    assert numbers.enough_decimals(ends, decimals) == enough


@pytest.mark.parametrize(("seeds", "text"), [([2], "seed 2"), ([0, 2], "seeds 0, 2")])
def test_listed(seeds: list[int], text: str) -> None:
    assert numbers.listed("seed", seeds) == text
