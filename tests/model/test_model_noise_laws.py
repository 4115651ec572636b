"""Laws of noise levels, gaps and intervals at a fixed seed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from model.alignment.teacher import draw_interval, draws_per_group, teacher_noise_levels
from model.config.alignment import IntervalConfig, TeacherConfig
from model.config.noise import TimestepsConfig
from model.noise.interpolant import PATHS
from model.noise.timesteps import draw_quantiles, reflect, to_noise_level
from model.randomness import BatchStreams

N = 20_000
LAWS: dict[str, dict[str, Any]] = {
    "single": {},
    "independent": {"kind": "dual"},
    "max": {"kind": "dual", "gap": {"max": 0.3}},
    "max 1": {"kind": "dual", "gap": {"max": 1}},
    "fixed": {"kind": "dual", "gap": {"fixed": 0.3}},
    "fixed 1": {"kind": "dual", "gap": {"fixed": 1}},
    "fixed 0": {"kind": "dual", "gap": {"fixed": 0}},
    "per token": {"kind": "per_token"},
}
TRANSFORMED: dict[str, tuple[dict[str, Any], Callable[[np.ndarray], np.ndarray]]] = {
    "logit-normal": (
        {"distribution": {"kind": "logit_normal", "mean": -0.4, "std": 1.2}},
        lambda t: stats.norm(-0.4, 1.2).cdf(np.log(t / (1 - t))),
    ),
    "shifted": ({"shift": 3.0}, lambda t: t / (3 - 2 * t)),
    "shifted logit-normal": (
        {"distribution": {"kind": "logit_normal"}, "shift": 0.5},
        lambda t: stats.norm.cdf(np.log((t / (0.5 + 0.5 * t)) / (1 - t / (0.5 + 0.5 * t)))),
    ),
}
"""Settings, and the distribution function of t that they stand for."""


def quantiles(law: str, groups: int = 2, seed: int = 0) -> np.ndarray:
    config = TimestepsConfig(**LAWS[law])
    return to_noise_level(config, draw_quantiles(config, groups, 16, BatchStreams(seed, 5, N))).double().numpy()


@pytest.mark.parametrize("law", LAWS)
def test_every_groups_noise_level_is_uniform(law: str) -> None:
    u = quantiles(law, groups=3)
    assert u.shape == (N, {"single": 1, "per token": 16}.get(law, 3))
    assert u.min() >= 0
    assert u.max() <= 1
    for group in u.T:
        assert stats.kstest(group, "uniform").pvalue > 0.01 / len(u.T)


@pytest.mark.parametrize("law", ["single", "independent", "max", "fixed", "per token"])
@pytest.mark.parametrize("transform", TRANSFORMED)
def test_every_law_of_t_holds_under_every_gap(transform: str, law: str) -> None:
    settings, distribution = TRANSFORMED[transform]
    config = TimestepsConfig(**(LAWS[law] | settings))
    u = draw_quantiles(config, 2, 16, BatchStreams(0, 5, N))
    t = to_noise_level(config, u)
    assert t.dtype == torch.float32
    for column in t.double().numpy().T:
        assert stats.kstest(column, distribution).pvalue > 0.01 / t.shape[1]
    np.testing.assert_allclose(distribution(t.double().numpy()), u.numpy(), atol=1e-5)


@pytest.mark.parametrize("transform", TRANSFORMED)
def test_noise_levels_reach_exactly_from_data_to_noise(transform: str) -> None:
    config = TimestepsConfig(**TRANSFORMED[transform][0])
    assert to_noise_level(config, torch.tensor([0.0, 1.0])).tolist() == [0, 1]


def test_ordered_levels_have_the_laws_of_the_larger_and_the_smaller() -> None:
    """2607.02508, equation 5: Beta(2, 1) and Beta(1, 2); jointly the sorted pair of the unordered draw."""
    config, plain = (TimestepsConfig(kind="dual", ordering=o) for o in ("masked_is_noisier", "none"))  # type: ignore[arg-type]
    u, before = (draw_quantiles(c, 2, 16, BatchStreams(0, 5, N)) for c in (config, plain))
    assert stats.kstest(u[:, 0].numpy(), stats.beta(2, 1).cdf).pvalue > 0.01
    assert stats.kstest(u[:, 1].numpy(), stats.beta(1, 2).cdf).pvalue > 0.01
    assert torch.equal(u, torch.stack([before.amax(dim=1), before.amin(dim=1)], dim=1))
    thirds = draw_quantiles(config, 3, 16, BatchStreams(0, 5, N))
    assert (thirds.diff(dim=1) <= 0).all()


def test_levels_per_token_are_independent_and_begin_with_that_of_single() -> None:
    u = quantiles("per token")
    assert np.array_equal(u[:, :1], quantiles("single"))
    assert abs(np.corrcoef(u.T)[np.triu_indices(16, 1)]).max() < 4.5 / N**0.5


def test_independent_levels_are_independent_and_not_ordered() -> None:
    a, b = quantiles("independent").T
    assert abs(stats.spearmanr(a, b).statistic) < 4 / N**0.5
    assert abs((a < b).mean() - 0.5) < 4 * 0.5 / N**0.5
    assert stats.kstest(abs(a - b), stats.beta(1, 2).cdf).pvalue > 0.01


def test_a_maximal_gap_of_one_is_independence() -> None:
    a, b = quantiles("max 1").T
    cells, *_ = np.histogram2d(a, b, bins=8, range=[[0, 1], [0, 1]])
    assert stats.chisquare(cells.reshape(-1)).pvalue > 0.01
    assert stats.kstest(abs(a - b), stats.beta(1, 2).cdf).pvalue > 0.01


def test_a_maximal_gap_bounds_and_fills_the_difference() -> None:
    a, b = quantiles("max").T
    assert abs(a - b).max() <= 0.3 + 1e-6
    inside = (a > 0.3) & (a < 0.7)
    assert stats.kstest((b - a)[inside], stats.uniform(-0.3, 0.6).cdf).pvalue > 0.01


def test_a_fixed_gap_is_exact_away_from_the_ends_with_a_fair_sign() -> None:
    a, b = quantiles("fixed").T
    inside = (a >= 0.3) & (a <= 0.7)
    np.testing.assert_allclose(abs(a - b)[inside], 0.3, atol=1e-6)
    assert abs((b > a)[inside].mean() - 0.5) < 4 * 0.5 / inside.sum() ** 0.5
    assert abs(a - b).max() <= 0.3 + 1e-6
    low, high = a < 0.3, a > 0.7
    assert np.minimum(abs(b - a - 0.3), abs(a + b - 0.3))[low].max() < 1e-6  # up, or down and folded at 0
    assert np.minimum(abs(a - b - 0.3), abs(a + b - 1.7))[high].max() < 1e-6  # down, or up and folded at 1
    assert (abs(a - b) < 0.29).any()


def test_gaps_are_measured_from_group_0_and_other_groups_are_independent_given_it() -> None:
    u = quantiles("fixed", groups=3)
    inside = (u[:, 0] >= 0.3) & (u[:, 0] <= 0.7)
    np.testing.assert_allclose(abs(u[inside, 1:] - u[inside, :1]), 0.3, atol=1e-6)
    signs = np.sign(u[inside, 1:] - u[inside, :1])
    assert abs((signs[:, 0] * signs[:, 1]).mean()) < 4 / inside.sum() ** 0.5


def test_a_gap_of_zero_is_one_level() -> None:
    a, b = quantiles("fixed 0").T
    np.testing.assert_allclose(a, b, atol=1e-7)


def test_reflect_folds_at_both_ends() -> None:
    u = torch.tensor([-1.0, -0.25, 0.0, 0.3, 1.0, 1.25, 2.0], dtype=torch.float64)
    torch.testing.assert_close(reflect(u), torch.tensor([1.0, 0.25, 0.0, 0.3, 1.0, 0.75, 0.0], dtype=torch.float64))


@pytest.mark.parametrize(("per_group", "groups"), [(False, 1), (True, 3)])
def test_intervals_are_uniform_up_to_their_width(per_group: bool, groups: int) -> None:
    k = draw_interval(IntervalConfig(width=0.2), per_group, 3, BatchStreams(0, 0, N)).double().numpy()
    assert k.shape == (N, groups)
    for column in k.T:
        assert stats.kstest(column, stats.uniform(0, 0.2).cdf).pvalue > 0.01
    if per_group:
        assert abs(np.corrcoef(k.T)[np.triu_indices(3, 1)]).max() < 4 / N**0.5


def test_auto_intervals_follow_the_timesteps() -> None:
    single, dual = TimestepsConfig(), TimestepsConfig(kind="dual")
    assert [draws_per_group(IntervalConfig(), steps) for steps in (single, dual)] == [False, True]
    assert draws_per_group(IntervalConfig(per="group"), single)
    assert not draws_per_group(IntervalConfig(per="image"), dual)


def test_intervals_levels_and_other_streams_are_independent() -> None:
    streams = BatchStreams(0, 5, N)
    columns = [
        *draw_quantiles(TimestepsConfig(kind="dual"), 3, 16, streams).T,
        *draw_interval(IntervalConfig(), True, 3, streams).T,
        streams.uniform("label_dropout"),
        streams.uniform("partition"),
    ]
    correlation = np.corrcoef(np.stack([column.numpy() for column in columns]))
    assert abs(correlation[np.triu_indices(len(columns), 1)]).max() < 4.5 / N**0.5


def test_what_each_teacher_sees() -> None:
    t, k = torch.tensor([[0.5, 0.1], [0.9, 1.0]]), torch.tensor([[0.2, 0.2], [0.0, 0.1]])
    torch.testing.assert_close(teacher_noise_levels(TeacherConfig(), t, k), torch.tensor([[0.3, 0.0], [0.9, 0.9]]))
    torch.testing.assert_close(teacher_noise_levels(TeacherConfig(), t[:, :1], k), torch.tensor([[0.3, 0.3], [0.9, 0.8]]))
    torch.testing.assert_close(teacher_noise_levels(TeacherConfig(timesteps="min"), t, k), torch.tensor([[0.1], [0.9]]))
    empty = torch.tensor([[False, True], [False, False]])  # a group without tokens is not looked at
    torch.testing.assert_close(teacher_noise_levels(TeacherConfig(timesteps="min"), t, k, empty), torch.tensor([[0.5], [0.9]]))
    assert torch.equal(teacher_noise_levels(TeacherConfig(timesteps="same"), t, k), t)


@pytest.mark.parametrize("name", PATHS)
def test_the_path_runs_from_data_to_noise_and_the_velocity_is_its_derivative(name: Any) -> None:
    path = PATHS[name]
    data, noise = (torch.randn(3, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(i)) for i in (1, 2))
    zero, one = (torch.full((3, 1, 1), end, dtype=torch.float64) for end in (0, 1))
    torch.testing.assert_close(path.interpolate(data, noise, zero), data, rtol=0, atol=0)
    torch.testing.assert_close(path.interpolate(data, noise, one), noise, rtol=1e-15, atol=1e-15)
    t, h = torch.rand(3, 4, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(3)), 1e-4
    slope = (path.interpolate(data, noise, t + h) - path.interpolate(data, noise, t - h)) / (2 * h)
    torch.testing.assert_close(slope, path.velocity(data, noise, t), rtol=1e-7, atol=1e-7)
    level = torch.tensor(0.3, dtype=torch.float64)
    x, spread = path.interpolate(data, noise, level), {"linear": 0.3, "cosine": np.sin(np.pi * 0.15)}[name]
    torch.testing.assert_close(path.score(path.velocity(data, noise, level), x, 0.3), -noise / spread)  # given the data, x is N(a x0, s^2)
