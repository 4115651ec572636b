"""Heun and the adaptive ODE on Gaussian data with its exact velocity: order of accuracy, network calls, where guidance is decided."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from test_model_generation import sample
from test_model_samplers import MEAN, SPREAD, ExactField, N, standard_normal
from tiny_trials import CLASSES, network_of, tiny
from torch import Tensor

from model.config.evaluation import EvaluationConfig, SamplerConfig
from model.config.section import identity
from model.errors import ConfigError
from model.sampling.guidance import Field
from model.sampling.ode import dopri5, euler, heun

TIGHT = {"relative": 1e-9, "absolute": 1e-10}


def always(field: Field) -> Callable[[float], Field]:
    return lambda _: field


def exact(start: Tensor) -> Tensor:
    """Where the flow of Gaussian data takes a start."""
    return MEAN + SPREAD * start


@pytest.mark.parametrize("sampler", ["heun", "dopri5"])
def test_samples_have_the_moments_of_the_data(sampler: str) -> None:
    start, field = standard_normal(0), always(ExactField())
    x = heun(field, start, 40) if sampler == "heun" else dopri5(field, start, (), relative=1e-5, absolute=1e-5)
    assert x.mean().item() == pytest.approx(MEAN, abs=4 * SPREAD / N**0.5 + 0.002)
    assert x.std().item() == pytest.approx(SPREAD, rel=0.02)
    assert ((x - x.mean()) / x.std()).pow(4).mean().item() == pytest.approx(3, abs=0.12)


@pytest.mark.parametrize(("sampler", "order"), [("euler", 1), ("heun", 2)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(sampler: str, order: int) -> None:
    start = standard_normal(0)[:100]

    def error(steps: int) -> float:
        found = euler(ExactField(), start, steps) if sampler == "euler" else heun(always(ExactField()), start, steps)
        return (found - exact(start)).abs().max().item()

    ratios = [error(steps) / error(2 * steps) for steps in (100, 200, 400)]
    assert ratios == pytest.approx([2**order] * 3, rel=0.05)


@pytest.mark.parametrize("steps", [2, 3, 50])
def test_heun_makes_two_calls_a_step_and_one_in_the_last(steps: int) -> None:
    field = ExactField()
    heun(always(field), standard_normal(0)[:3], steps)
    assert len(field.calls) == 2 * steps - 1
    grid = [1 - i / steps for i in range(steps)]
    assert field.calls == pytest.approx([grid[0], *(t for t in grid[1:] for _ in range(2))])


def test_heun_by_hand() -> None:
    """Two steps on v = t x: an averaged slope, then a plain one."""
    x = torch.full((1, 1, 1), 2.0, dtype=torch.float64)
    predicted = 2 - 0.5 * 1.0 * 2
    after = 2 - 0.5 * (1.0 * 2 + 0.5 * predicted) / 2
    assert heun(always(lambda x, t: t * x), x, 2).item() == pytest.approx(after - 0.5 * 0.5 * after, rel=1e-14)


def test_tighter_tolerances_come_closer_and_ask_for_more() -> None:
    start = standard_normal(0)[:100]
    errors, calls = [], []
    for tolerance in (1e-4, 1e-6, 1e-9):
        field = ExactField()
        found = dopri5(always(field), start, (), relative=tolerance, absolute=tolerance)
        errors.append((found - exact(start)).abs().max().item())
        calls.append(len(field.calls))
        assert (len(field.calls) - 2) % 6 == 0  # two choose the first step, then six each: the seventh stage is the next first
        assert all(0 <= t <= 1 for t in field.calls)
        assert (field.calls[0], field.calls[-1]) == pytest.approx((1, 0), abs=1e-12)
    assert 1e-3 > errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-7
    assert calls[0] < calls[1] < calls[2]


def test_a_field_that_jumps_is_integrated_part_by_part() -> None:
    """Guided by a velocity of 3 on [0.2, 0.7], 1 elsewhere: the way is 0.5 * 3 + 0.5, exactly, and no part looks into the next."""
    seen: list[tuple[float, float]] = []

    def field_at(decided_at: float) -> Field:
        def field(x: Tensor, t: float) -> Tensor:
            seen.append((decided_at, t))
            return torch.full_like(x, 3.0 if 0.2 <= decided_at <= 0.7 else 1.0)

        return field

    start = standard_normal(0)[:4]
    found = dopri5(field_at, start, (0.2, 0.7), relative=1e-5, absolute=1e-5)
    torch.testing.assert_close(found, start - 2, rtol=1e-10, atol=1e-10)
    ends = {0.85: (0.7, 1.0), 0.45: (0.2, 0.7), 0.1: (0.0, 0.2)}
    assert list(dict.fromkeys(round(gate, 9) for gate, _ in seen)) == list(ends)
    assert all(ends[round(gate, 9)][0] <= t <= ends[round(gate, 9)][1] for gate, t in seen)


def test_a_field_that_is_not_finite_gives_values_that_are_not() -> None:
    found = dopri5(always(lambda x, t: x / 0 if t < 0.5 else x), standard_normal(0)[:4], (), relative=1e-3, absolute=1e-3)
    assert found.isnan().all()


def test_without_torchdiffeq_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchdiffeq", None)
    with pytest.raises(ConfigError, match="dopri5 needs torchdiffeq; install it"):
        dopri5(always(ExactField()), standard_normal(0)[:4], (), **TIGHT)


def test_both_stages_of_heun_are_guided_as_the_step_begins() -> None:
    passes: list[Any] = []
    sample(network_of(tiny()), passes, sampler={"kind": "heun", "steps": 4}, guidance={"scale": 2.0, "interval": (0.25, 0.75)})
    assert [(p.t, p.images) for p in passes] == [(1.0, 7), (0.75, 7), (0.75, 14), (0.5, 14), (0.5, 14), (0.25, 14), (0.25, 14)]
    assert all(p.labels[7:].eq(CLASSES).all() for p in passes)


@pytest.mark.parametrize("kind", ["heun", "dopri5"])
def test_a_scale_of_one_is_no_guidance(kind: str) -> None:
    network, sampler = network_of(tiny()), {"kind": kind} | ({"steps": 3} if kind == "heun" else {})
    passes: list[Any] = []
    guided = sample(network, passes, sampler=sampler, guidance={"scale": 1.0, "interval": (0.2, 0.8)})[0]
    assert torch.equal(guided, sample(network, sampler=sampler)[0])
    assert {p.images for p in passes} == {7}


def test_every_ode_sampler_comes_to_the_same_place() -> None:
    network, guidance = network_of(tiny()), {"scale": 1.7, "interval": (0.2, 0.7)}
    ends = {
        kind: sample(network, sampler={"kind": kind, **more}, guidance=guidance)[0]
        for kind, more in {
            "euler": {"steps": 250},
            "heun": {"steps": 100},
            "dopri5": {"relative_tolerance": 1e-7, "absolute_tolerance": 1e-8},
        }.items()
    }
    scale = ends["dopri5"].std().item()
    assert scale > 0.3
    assert (ends["euler"] - ends["dopri5"]).abs().max() < 0.05 * scale
    assert (ends["heun"] - ends["dopri5"]).abs().max() < 0.05 * scale


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        ({"kind": "dopri5", "steps": 20}, "evaluation.sampler.steps belongs to a fixed grid, but kind is dopri5; leave it out"),
        ({"relative_tolerance": 1e-4}, "evaluation.sampler.relative_tolerance belongs to dopri5, but kind is euler; leave it out"),
        ({"kind": "heun", "absolute_tolerance": 1e-4}, "absolute_tolerance belongs to dopri5, but kind is heun"),
        ({"kind": "dopri5", "relative_tolerance": 0}, "greater than 0"),
    ],
)
def test_settings_that_a_sampler_ignores_are_refused(sampler: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        EvaluationConfig.model_validate({"sampler": sampler})


def test_stored_evaluations_keep_their_names() -> None:
    assert identity(SamplerConfig()) == {"kind": "euler", "steps": 50}
    assert identity(SamplerConfig(kind="euler_maruyama", steps=250)) == {"kind": "euler_maruyama", "steps": 250}
    assert identity(SamplerConfig(kind="dopri5", relative_tolerance=1e-4)) == {"kind": "dopri5", "steps": 50, "relative_tolerance": 1e-4}


def test_a_config_read_back_is_the_same() -> None:
    config = SamplerConfig(kind="dopri5")
    assert SamplerConfig.model_validate(config.model_dump()) == config
