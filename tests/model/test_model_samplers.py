"""Samplers on Gaussian data, whose velocity is known: moments, grids, network calls."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from model.noise.interpolant import PATHS
from model.sampling.ode import euler
from model.sampling.sde import LAST, euler_maruyama

MEAN, SPREAD = 0.7, 0.5
N = 40_000


class ExactField:
    """Velocity of data N(MEAN, SPREAD^2): E[e - x0 | x_t = x]; remembers the t of its calls."""

    def __init__(self) -> None:
        self.calls: list[float] = []

    def __call__(self, x: Tensor, t: float) -> Tensor:
        self.calls.append(t)
        slope = (t - (1 - t) * SPREAD**2) / ((1 - t) ** 2 * SPREAD**2 + t**2)
        return slope * (x - (1 - t) * MEAN) - MEAN


def standard_normal(seed: int) -> Tensor:
    return torch.randn(N, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def draw(sampler: str, field: Callable[[Tensor, float], Tensor], steps: int, x: Tensor | None = None) -> Tensor:
    x = standard_normal(0) if x is None else x
    return euler(field, x, steps) if sampler == "euler" else euler_maruyama(field, x, steps, lambda i: standard_normal(i + 1)[: len(x)])


@pytest.mark.parametrize("sampler", ["euler", "euler_maruyama"])
def test_samples_of_the_cosine_path_have_the_moments_of_the_data(sampler: str) -> None:
    def field(x: Tensor, t: float) -> Tensor:
        a, s = math.cos(math.pi / 2 * t), math.sin(math.pi / 2 * t)
        residual = (x - a * MEAN) / (a**2 * SPREAD**2 + s**2)
        return math.pi / 2 * (a * (s * residual) - s * (MEAN + a * SPREAD**2 * residual))

    if sampler == "euler":
        x = euler(field, standard_normal(0), 250)
    else:
        x = euler_maruyama(field, standard_normal(0), 250, lambda i: standard_normal(i + 1), PATHS["cosine"])
    assert x.mean().item() == pytest.approx(MEAN, abs=4 * SPREAD / N**0.5 + 0.006)
    assert x.std().item() == pytest.approx(SPREAD, rel=0.02)


@pytest.mark.parametrize("sampler", ["euler", "euler_maruyama"])
def test_samples_have_the_moments_of_the_data(sampler: str) -> None:
    x = draw(sampler, ExactField(), 250)
    assert x.mean().item() == pytest.approx(MEAN, abs=4 * SPREAD / N**0.5 + 0.004)
    assert x.std().item() == pytest.approx(SPREAD, rel=0.02)
    kurtosis = ((x - x.mean()) / x.std()).pow(4).mean().item()
    assert kurtosis == pytest.approx(3, abs=0.12)


def test_the_sde_forgets_its_start_and_the_ode_does_not() -> None:
    start = standard_normal(0)
    for sampler, low, high in (("euler", 0.999, 1.001), ("euler_maruyama", 0.0, 0.4)):
        found = draw(sampler, ExactField(), 100, start)
        correlation = torch.corrcoef(torch.stack([start.flatten(), found.flatten()]))[0, 1].item()
        assert low <= correlation <= high, sampler


def test_more_steps_come_closer_to_the_exact_flow() -> None:
    start = standard_normal(0)[:100]
    exact = MEAN + SPREAD * start
    errors = [(draw("euler", ExactField(), steps, start) - exact).abs().max().item() for steps in (10, 100, 1000)]
    assert errors[2] < errors[1] / 5 < errors[0] / 25
    assert errors[2] < 0.01


@pytest.mark.parametrize("steps", [2, 3, 50])
def test_grids_end_exactly_and_every_step_is_one_call(steps: int) -> None:
    ode, sde = ExactField(), ExactField()
    start = standard_normal(0)[:3]
    draw("euler", ode, steps, start)
    draw("euler_maruyama", sde, steps, start)
    assert len(ode.calls) == len(sde.calls) == steps
    assert ode.calls[0] == sde.calls[0] == 1.0
    assert ode.calls == pytest.approx([1 - i / steps for i in range(steps)])
    assert sde.calls == pytest.approx([1 - (1 - 0.04) * i / (steps - 1) for i in range(steps)])
    assert sde.calls[-1] == LAST == 0.04


@pytest.mark.parametrize("sampler", ["euler", "euler_maruyama"])
def test_the_whole_way_from_one_to_zero_is_covered(sampler: str) -> None:
    """A constant velocity c moves x by exactly -c along the ODE; along the SDE the score adds its own drift, as by hand below."""
    start = standard_normal(0)[:4]
    if sampler == "euler":
        torch.testing.assert_close(draw(sampler, lambda x, _: torch.full_like(x, 2.0), 7, start), start - 2, rtol=1e-12, atol=1e-12)
        return
    x = start
    for i, (t, after) in enumerate([(1.0, 0.52), (0.52, 0.04), (0.04, 0.0)]):
        score = -(x + (1 - t) * 2.0) / t
        x = x + (after - t) * (2.0 - t * score)
        if after:
            x = x + (2 * t * (t - after)) ** 0.5 * standard_normal(i + 1)[:4]
    torch.testing.assert_close(draw(sampler, lambda x, _: torch.full_like(x, 2.0), 3, start), x, rtol=1e-12, atol=1e-12)
