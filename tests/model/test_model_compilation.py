"""Where the losses are compiled: on a GPU, and on a CPU in a run that is long by its arithmetic."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tiny_trials import CELLS, tiny
from trial_reports import run

import model.training.compilation
from model.config import TrainConfig
from model.data.dataset import DataSet
from model.presets import config_from
from model.training.compilation import LONG, Compilation, cannot_compile, compilation_of, compile_where_it_pays, processor_seconds
from model.training.state import TrainingState, initial_state
from model.training.step import train_step

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def state(digits: DataSet) -> Iterator[TrainingState]:
    torch.compiler.reset()
    yield initial_state(tiny(CELLS["dual_full"], batch_size=8), digits, CPU, torch.float64)
    torch.compiler.reset()


def of_length(times_long: float, student: torch.nn.Module) -> TrainConfig:
    """A config whose run is so many times as long as a long one."""
    config = tiny(CELLS["dual_full"], batch_size=8, steps=1000)
    return config.model_copy(update={"steps": round(1000 * times_long * LONG / processor_seconds(config, student, 16))})


def test_a_run_is_as_long_as_its_steps_layers_and_products(state: TrainingState) -> None:
    student = state.objective.student
    parameters = sum(p.numel() for p in student.parameters())
    config = tiny(batch_size=8, steps=100, backbone={"layers": 3})
    seconds = processor_seconds(config, student, 16)
    assert seconds == pytest.approx(100 * (8 * parameters * 16 * 8 / 1.1e11 + 3 * 5e-3))
    assert processor_seconds(config.model_copy(update={"steps": 300}), student, 16) == pytest.approx(3 * seconds)
    products = seconds - 100 * 3 * 5e-3
    assert processor_seconds(config, student, 16, processes=2) == pytest.approx(seconds - products / 2)
    assert processor_seconds(config.model_copy(update={"accumulation": 4}), student, 16) == pytest.approx(seconds + 3 * 100 * 3 * 5e-3)


def test_the_default_is_short_and_a_published_size_is_long() -> None:
    """The estimate of a step is what one takes on the machine of the benchmarks: 2.1 to 2.7 s at S/2, 24 to 31 ms at nano."""
    nano, small = config_from({"preset": "nano"}), config_from({"preset": "S/2", "batch_size": 4})
    for config, tokens, parameters, low, high in ((nano, 16, 135_000, 0.015, 0.04), (small, 256, 33_000_000, 1.5, 3.5)):
        student = torch.nn.Linear(1, parameters, bias=False, device="meta")
        assert low < processor_seconds(config, student, tokens) / config.steps < high
        assert (processor_seconds(config, student, tokens) > LONG) == (config is small)


@pytest.mark.parametrize(
    ("asked", "device", "compiled"), [("auto", GPU, True), ("auto", CPU, False), ("on", CPU, True), ("off", GPU, False)]
)
def test_what_is_asked_for(asked: Any, device: torch.device, compiled: bool, state: TrainingState) -> None:
    config = tiny(CELLS["dual_full"], batch_size=8).model_copy(update={"compile": asked})
    assert compile_where_it_pays(config, state.objective, device).compiled == compiled
    assert (state.trained._compiled_call_impl is not None) == compiled


def test_a_long_run_is_compiled_where_it_can_be(state: TrainingState, monkeypatch: pytest.MonkeyPatch) -> None:
    student, tried = state.objective.student, list[int]()

    def counted() -> None:
        tried.append(1)

    monkeypatch.setattr(model.training.compilation, "cannot_compile", counted)
    for times_long, said in ((0.5, "30"), (0.99, "59"), (0.9999, "59.9")):
        short = compilation_of(of_length(times_long, student), student, 16, CPU)
        assert short == Compilation(False, f"a run of {said} minutes of a processor by arithmetic is short; 60 are long on a CPU")
    assert not tried, "what is short loads no compiler"
    assert compilation_of(of_length(2, student), student, 16, CPU) == Compilation(
        True, "a long run: 120 minutes of a processor by arithmetic"
    )
    assert tried == [1]
    monkeypatch.setattr(model.training.compilation, "cannot_compile", lambda: "there is no C++ compiler (g++ or clang++)")
    without = compilation_of(of_length(2, student), student, 16, CPU)
    assert without == Compilation(False, "a long run, but this machine cannot: there is no C++ compiler (g++ or clang++)")


@pytest.mark.parametrize(
    ("changes", "compiled"),
    [
        ({"timesteps": {"kind": "dual"}}, False),
        ({"timesteps": {"kind": "per_token"}}, False),
        ({}, True),
        (CELLS["single_full"], True),
        ({"timesteps": {"kind": "dual"}, "attention": {"separation": "shuffled"}}, True),
    ],
)
def test_several_noise_levels_without_separation_stay_as_they_are_on_a_cpu(
    changes: dict[str, Any], compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.training.compilation, "cannot_compile", lambda: None)
    student = torch.nn.Linear(1, 10_000, device="meta")
    config = tiny(changes, batch_size=8).model_copy(update={"steps": of_length(2, student).steps})
    found = compilation_of(config, student, 16, CPU)
    said = "a long run, but with several noise levels in an image and no separation a graph can lose on a CPU"
    assert (found.compiled, found.why == said) == (compiled, not compiled)
    assert compilation_of(config, student, 16, GPU).compiled
    assert compilation_of(config.model_copy(update={"compile": "on"}), student, 16, CPU).compiled


def test_a_machine_that_cannot_compile_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "missing++")
    assert cannot_compile() == "there is no C++ compiler (missing++ or g++ or clang++)"
    broken = tmp_path / "g++"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)

    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("what a compiler says")

    monkeypatch.setattr(torch, "compile", fails)
    assert cannot_compile() == "a small graph fails with RuntimeError"


@pytest.mark.usefixtures("classifier")
def test_a_trial_says_whether_it_is_compiled(tmp_path: Any) -> None:
    told = run(tiny(CELLS["dual_full"], batch_size=8, steps=2), tmp_path / "trial", tmp_path / "cache")
    said = "no: a run of 0 minutes of a processor by arithmetic is short; 60 are long on a CPU"
    assert told.started().details["compiled"] == said


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # torch's own, as its compiler is loaded
def test_a_compiled_step_of_a_cpu_is_the_step(state: TrainingState, digits: DataSet) -> None:
    """With the real compiler, where this machine has one."""
    if (fault := cannot_compile()) is not None:
        pytest.skip(fault)
    config = tiny(CELLS["dual_full"], batch_size=8).model_copy(update={"compile": "on"})
    plain = initial_state(config, digits, CPU, torch.float64)
    compile_where_it_pays(config, state.objective, CPU)
    for _ in range(2):
        train_step(config, state, digits.train, "float64")
        train_step(config, plain, digits.train, "float64")
    assert state.sums["train_loss"].item() == pytest.approx(plain.sums["train_loss"].item(), rel=1e-12)
