"""Which precision a trial computes in, and that each one runs."""

import math

import pytest
import torch
from tiny_trials import CELLS, tiny

from model.config import Precision, TrainConfig
from model.config.data import DigitsData
from model.data.dataset import DataSet, load
from model.training.state import initial_state
from model.training.step import DTYPES, train_step

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("asked", "gpu", "resolved"),
    [
        ("auto", False, "fp32"),
        ("auto", True, "bf16"),
        ("fp32", True, "fp32"),
        ("bf16", False, "bf16"),
        ("float64", True, "float64"),
        ("float64", False, "float64"),
    ],
)
def test_auto_is_bf16_on_a_gpu_only(asked: Precision, gpu: bool, resolved: Precision) -> None:
    assert TrainConfig(precision=asked).resolved_precision(gpu=gpu) == resolved


def losses_after_two_steps(precision: Precision, cell: str) -> list[float]:
    config = tiny(CELLS[cell], batch_size=32)
    data: DataSet = load(DigitsData(), 2, CPU, DTYPES[precision])
    state = initial_state(config, data, CPU, DTYPES[precision])
    for _ in range(2):
        train_step(config, state, data.train, precision)
    for name, tensor in state.tensors().items():
        assert torch.isfinite(tensor).all() or name == "spikes/recent_losses", name  # which is full after 64 steps
    kept = DTYPES[precision]
    assert all(p.dtype == kept for _, p in state.parameters)
    assert all(p.dtype == kept for p in state.objective.average.parameters())
    return [state.sums[name].item() / 2 for name in ("train_loss", "align_loss")]


@pytest.mark.parametrize("cell", ["single_none", "dual_full"])
def test_every_precision_trains_to_about_the_same_losses(cell: str) -> None:
    double = losses_after_two_steps("float64", cell)
    assert all(math.isfinite(value) for value in double)
    assert losses_after_two_steps("fp32", cell) == pytest.approx(double, rel=1e-5)
    half = losses_after_two_steps("bf16", cell)
    assert half == pytest.approx(double, rel=2e-2)
    assert half != pytest.approx(double, rel=1e-7)
