"""The host never waits for the device in a step, and the step compiles as one graph."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tiny_trials import CELLS, DDPM, tiny

from model.data.dataset import DataSet
from model.methods import METHODS
from model.presets import merge
from model.training.state import TrainingState, initial_state
from model.training.step import train_step

RANDOM_ENCODER = {"alignment": {"encoder": {"name": "test_vit", "weights": "none", "resolution": 64}, "head_width": 32}}
CASES: dict[str, dict[str, Any]] = {name: merge(rows, RANDOM_ENCODER) if name == "repa" else rows for name, rows in METHODS.items()} | {
    "one way": CELLS["dual_full"] | {"attention": {"separation": "noisy_reads_clean"}},
    "shuffled": CELLS["dual_full"] | {"attention": {"separation": "shuffled"}},
    "whole images": CELLS["dual_full"] | {"partition": {"full_image_probability": 0.25}},
    "learned": CELLS["dual_full"] | {"partition": {"assignment": "learned"}},
    "per token, cosine": {"timesteps": {"kind": "per_token"}, "process": {"path": "cosine"}},
    "ddpm, dual, separated": CELLS["dual_full"] | DDPM,
}
ASKING = ("item", "tolist", "__bool__", "__int__", "__float__", "__index__", "numpy")
"""Ways to bring a value from a tensor to the host."""


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, digits: DataSet) -> Iterator[tuple[Any, TrainingState]]:
    config = tiny(CASES[request.param], batch_size=16, label_dropout=0.1)
    torch.compiler.reset()
    yield config, initial_state(config, digits, torch.device("cpu"), torch.float64)
    torch.compiler.reset()


def test_nothing_is_asked_of_a_tensor_once_its_batch_is_on_the_device(
    case: tuple[Any, TrainingState], digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU nothing waits, so questions are counted: none from the first forward pass to the end of the step."""
    config, state = case
    train_step(config, state, digits.train, "float64")
    asked: list[str] = []
    inside: list[bool] = []
    for name in ASKING:
        plain = getattr(torch.Tensor, name)

        def counted(self: torch.Tensor, *given: Any, name: str = name, plain: Any = plain, **more: Any) -> Any:
            asked.extend([name] if inside else [])
            return plain(self, *given, **more)

        monkeypatch.setattr(torch.Tensor, name, counted)
    state.trained.register_forward_pre_hook(lambda *_: inside.append(True))
    train_step(config, state, digits.train, "float64")
    inside_the_step = list(asked)
    assert inside, "the hook ran"
    state.ensure_finite()
    assert inside_the_step == []
    assert "tolist" in asked, "the count counts"


def test_the_losses_are_one_graph(case: tuple[Any, TrainingState], digits: DataSet) -> None:
    """`fullgraph` raises at a break; the numbers are those of the step that is not compiled."""
    config, state = case
    plain = initial_state(config, digits, torch.device("cpu"), torch.float64)
    state.trained.compile(fullgraph=True, dynamic=False, backend="eager")
    for _ in range(2):
        train_step(config, state, digits.train, "float64")
        train_step(config, plain, digits.train, "float64")
    assert state.sums["train_loss"].item() == pytest.approx(plain.sums["train_loss"].item(), rel=1e-12)
