"""AdamW by hand, with every setting of the config."""

import subprocess
import sys

import pytest
import torch
from tiny_trials import tiny
from torch import Tensor, nn

from model.config.optimization import OptimizerConfig
from model.data.dataset import DataSet
from model.training.optimizer import adamw
from model.training.state import initial_state
from model.training.step import train_step


@pytest.mark.parametrize(
    "config",
    [
        OptimizerConfig(),
        OptimizerConfig(learning_rate=0.05, betas=(0.7, 0.9), weight_decay=0.3, epsilon=1e-3),
    ],
)
def test_adamw_by_hand(config: OptimizerConfig) -> None:
    generator = torch.Generator().manual_seed(0)
    weight = nn.Parameter(torch.randn(5, dtype=torch.float64, generator=generator))
    optimizer = adamw([weight], config)
    x, m, v = weight.detach().clone(), torch.zeros(5).double(), torch.zeros(5).double()
    for step in range(1, 4):
        gradient = torch.randn(5, dtype=torch.float64, generator=generator)
        weight.grad = gradient
        optimizer.step()
        m = config.betas[0] * m + (1 - config.betas[0]) * gradient
        v = config.betas[1] * v + (1 - config.betas[1]) * gradient**2
        x = x - config.learning_rate * config.weight_decay * x
        unbiased: tuple[Tensor, Tensor] = (m / (1 - config.betas[0] ** step), v / (1 - config.betas[1] ** step))
        x = x - config.learning_rate * unbiased[0] / (unbiased[1].sqrt() + config.epsilon)
        torch.testing.assert_close(weight.detach(), x, rtol=1e-10, atol=1e-12)


def test_no_trial_loads_the_compiler_that_it_does_not_use() -> None:
    """It takes longer than a small trial; another process, since tests load it."""
    program = """
import sys, torch
from model.config.optimization import OptimizerConfig
from model.training.optimizer import adamw
weight = torch.nn.Parameter(torch.ones(3))
optimizer = adamw([weight], OptimizerConfig())
weight.square().sum().backward()
optimizer.step()
optimizer.zero_grad(set_to_none=True)
assert weight.grad is None and bool((weight < 1).all())
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_head_is_trained_with_alignment_only(digits: DataSet) -> None:
    for kind, moves in (("self", True), ("none", False)):
        config = tiny(alignment={"kind": kind})
        state = initial_state(config, digits, torch.device("cpu"), torch.float64)
        before = [p.clone() for p in state.objective.head.parameters()]
        train_step(config, state, digits.train, "float64")
        assert any(not torch.equal(a, b) for a, b in zip(before, state.objective.head.parameters(), strict=True)) == moves
        assert ("align_loss" in state.sums) == moves
        assert any(name.startswith("head/") for name, _ in state.parameters) == moves


def test_the_realised_gap_is_measured_where_there_are_two_levels(digits: DataSet) -> None:
    config = tiny(timesteps={"kind": "dual", "gap": {"fixed": 0.0}})
    state = initial_state(config, digits, torch.device("cpu"), torch.float64)
    train_step(config, state, digits.train, "float64")
    assert state.sums["realised_gap"].item() == pytest.approx(0, abs=1e-6)
    assert "realised_gap" not in initial_state(tiny(), digits, torch.device("cpu"), torch.float64).sums


@pytest.mark.parametrize(("probability", "share"), [(0.25, 0.25), (0.34, 5 / 16)])
def test_the_realised_share_of_whole_images_is_logged_and_the_gap_is_that_of_the_others(
    probability: float, share: float, digits: DataSet
) -> None:
    changes = {"timesteps": {"kind": "dual", "gap": {"fixed": 0.0}}, "batch_size": 16}
    mixed = initial_state(tiny(changes, partition={"full_image_probability": probability}), digits, torch.device("cpu"), torch.float64)
    train_step(tiny(changes, partition={"full_image_probability": probability}), mixed, digits.train, "float64")
    assert mixed.sums["whole_image_share"].item() == pytest.approx(share)
    assert "whole_image_share" not in initial_state(tiny(changes), digits, torch.device("cpu"), torch.float64).sums
    found = []
    for p in (0.0, probability):
        config = tiny(timesteps={"kind": "dual", "gap": {"max": 0.001}}, partition={"full_image_probability": p}, batch_size=16)
        state = initial_state(config, digits, torch.device("cpu"), torch.float64)
        for _ in range(20):
            train_step(config, state, digits.train, "float64")
        found.append(state.sums["realised_gap"].item() / 20)
    assert found[1] == pytest.approx(found[0], rel=0.2)
