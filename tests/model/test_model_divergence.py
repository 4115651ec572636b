"""A loss that is no number leaves the weights as they are, stops the trial at the next look, and says at which step and which term."""

import math
import pickle
from pathlib import Path

import pytest
import torch
from tiny_trials import CELLS, tiny
from torch import Tensor
from trial_reports import run

from model.data.dataset import DataSet
from model.data.examples import Examples
from model.errors import Diverged, ModelError
from model.reports import TrialReport
from model.train_trial import train_trial
from model.training.state import TrainingState, initial_state
from model.training.step import train_step

CONFIG = tiny(CELLS["dual_full"])


def state_of(digits: DataSet) -> TrainingState:
    return initial_state(CONFIG, digits, torch.device("cpu"), torch.float64)


def copied(state: TrainingState) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in state.tensors().items()}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_images_that_are_no_numbers(value: float, digits: DataSet) -> None:
    state, poisoned = state_of(digits), Examples(torch.full_like(digits.train.tokens, value), digits.train.labels)
    train_step(CONFIG, state, digits.train, "float64")
    state.ensure_finite()
    train_step(CONFIG, state, poisoned, "float64")
    train_step(CONFIG, state, digits.train, "float64")  # a later step that would be fine hides nothing
    with pytest.raises(Diverged) as caught:
        state.ensure_finite()
    assert (caught.value.step, caught.value.term) == (1, "generation loss")
    assert not math.isfinite(caught.value.value)


def test_the_weights_stay_where_a_loss_is_no_number(digits: DataSet) -> None:
    state, poisoned = state_of(digits), Examples(torch.full_like(digits.train.tokens, math.nan), digits.train.labels)
    train_step(CONFIG, state, digits.train, "float64")
    before = copied(state)
    train_step(CONFIG, state, poisoned, "float64")
    for name, tensor in state.tensors().items():
        if name.startswith(("train/", "moments/")):
            assert torch.equal(tensor, before[name]), name


def test_a_teacher_that_is_no_number_is_the_alignment_loss(digits: DataSet) -> None:
    state = state_of(digits)
    with torch.no_grad():
        state.objective.average.blocks[0].mlp.fc1.weight.fill_(math.nan)
        state.objective.average.blocks[0].adaLN_modulation[1].bias.fill_(1.0)
    train_step(CONFIG, state, digits.train, "float64")
    with pytest.raises(Diverged, match="alignment loss became nan at step 0; the weights before that step are kept"):
        state.ensure_finite()


def test_a_gradient_that_is_no_number_is_named_where_the_losses_are_fine(digits: DataSet) -> None:
    state = state_of(digits)
    state.objective.student.x_embedder.proj.bias.register_hook(lambda gradient: gradient * math.inf)
    train_step(CONFIG, state, digits.train, "float64")
    with pytest.raises(Diverged, match=r"gradient norm became (inf|nan) at step 0"):
        state.ensure_finite()


def test_a_trial_that_explodes_is_diverged_and_writes_nothing_after(tmp_path: Path, cache: Path, classifier: object) -> None:
    said: list[TrialReport] = []

    def report(event: TrialReport) -> bool:
        said.append(event)
        return True

    config = tiny(optimizer={"learning_rate": 1e30}, precision="fp32", checkpoint_every=1)
    with pytest.raises(Diverged) as caught:
        train_trial(config, tmp_path, report, cache=cache)
    assert caught.value.step >= 1
    assert [event.kind for event in said] == ["started", *["checkpoint"] * caught.value.step]


@pytest.mark.parametrize("cadence", [{"log_every": 1}, {"held_out_every": 1}, {"log_every": 2, "steps": 2}])
def test_what_is_said_is_a_number_or_not_said(cadence: dict[str, int], tmp_path: Path, cache: Path, classifier: object) -> None:
    """Attention logits and held-out losses are measured of weights that no loss has looked at yet; a store takes no NaN."""
    said: list[TrialReport] = []

    def report(event: TrialReport) -> bool:
        said.append(event)
        return True

    with pytest.raises(Diverged) as caught:
        train_trial(tiny(optimizer={"learning_rate": 1e30}, precision="fp32", **cadence), tmp_path, report, cache=cache)
    assert all(math.isfinite(value) for event in said for value in event.metrics.values())
    assert not math.isfinite(caught.value.value)
    assert caught.value.step >= 1


def test_weights_that_exploded_in_the_last_step_are_diverged_too(tmp_path: Path, cache: Path, classifier: object) -> None:
    """No later loss notices them; the evaluation is the first to meet them."""
    with pytest.raises(Diverged):
        run(tiny(optimizer={"learning_rate": 1e30}, precision="fp32", steps=1), tmp_path, cache)


def test_diverged_crosses_process_borders() -> None:
    error = Diverged(12, "generation loss", math.inf)
    there = pickle.loads(pickle.dumps(error))
    assert (there.step, there.term, there.value, str(there)) == (12, "generation loss", math.inf, str(error))
    assert isinstance(there, ModelError)
    assert str(error) == "generation loss became inf at step 12; the weights before that step are kept"


def test_a_clipped_gradient_has_the_norm_of_the_clip(digits: DataSet) -> None:
    state = state_of(digits)
    config = tiny(CELLS["dual_full"], optimizer={"clip": 0.01})
    train_step(config, state, digits.train, "float64")
    norm = sum(p.grad.square().sum() for _, p in state.parameters if p.grad is not None) ** 0.5
    assert norm.item() == pytest.approx(0.01, rel=1e-4)
    assert state.sums["grad_norm"].item() > 0.01  # what is reported is the norm before
