"""`sweeper sample`: a trial of the store, its newest whole moving average, the same pictures as `python -m model sample`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file
from stored_sweep import store_sweep

from model.__main__ import main
from model.backbone.transformer import DiffusionTransformer
from model.config import TrainConfig
from sweeper.records import PlannedTrial

Sweeper = Callable[..., Any]
FEW = ("--samples", "12", "--device", "cpu")


@pytest.fixture
def trial(home: Path) -> PlannedTrial:
    """A finished trial of the store."""
    return store_sweep().trials[0]


def write_average(home: Path, trial: PlannedTrial, step: int = 40, *, scale: float = 0.08, attempt: int = 1) -> Path:
    """Random weights as the trial's moving average."""
    config = TrainConfig.model_validate(trial.config)
    network = DiffusionTransformer(config.backbone, tokens=16, patch_values=4, classes=10, seed=0)
    generator = torch.Generator().manual_seed(3)
    weights = {name: scale * torch.randn(tensor.shape, generator=generator) for name, tensor in network.named_parameters()}
    path = home / "trials" / trial.fingerprint / f"attempt-{attempt}" / f"average-{step:08d}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
    return path


def pixels(path: str) -> np.ndarray:
    found: np.ndarray = np.load(path)["arr_0"]
    return found


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--label", "7"],
        ["--sampler", "heun", "--steps", "3", "--seed", "4", "--precision", "bf16"],
        ["--guidance", "2", "--guidance-interval", "0.1", "0.7"],
    ],
    ids=str,
)
def test_the_pictures_are_those_of_the_weights(options: list[str], sweeper: Sweeper, home: Path, trial: PlannedTrial) -> None:
    average = write_average(home, trial)
    said = sweeper("sample", trial.fingerprint[:6], *FEW, "--output", "a.png", "--npz", "a.npz", *options)
    assert (said.code, said.err) == (0, "")
    assert said.out == "drawn 12 of 12\n12 samples in a.png\n12 samples in a.npz\n"
    with Image.open("a.png") as grid:
        assert grid.size == ((1 if "--label" in options else 10) * 34 + 2, (12 if "--label" in options else 2) * 34 + 2)
    Path("trial.yaml").write_text(yaml.safe_dump(dict(trial.config)))
    words = ["sample", "--checkpoint", str(average), "--config", "trial.yaml", "--output", "b.png", "--npz", "b.npz"]
    assert main([*words, *FEW, *options]) == 0
    assert np.array_equal(pixels("a.npz"), pixels("b.npz"))
    assert len(np.unique(pixels("a.npz"))) > 20


def test_a_torn_average_is_passed_over_for_an_older_one(sweeper: Sweeper, home: Path, trial: PlannedTrial) -> None:
    write_average(home, trial, 20, scale=0.05)
    newest = write_average(home, trial, 40)
    for name in ("whole", "torn"):
        assert sweeper("sample", trial.fingerprint, *FEW, "--npz", f"{name}.npz").code == 0
        newest.write_bytes(newest.read_bytes()[:-100])
    assert not np.array_equal(pixels("whole.npz"), pixels("torn.npz"))


def test_a_trial_without_an_average_is_refused(sweeper: Sweeper, home: Path, trial: PlannedTrial) -> None:
    said = sweeper("sample", trial.fingerprint)
    folder = home / "trials" / trial.fingerprint
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"error: trial {trial.fingerprint[:8]} has no moving average in {folder}: it is written when a trial is evaluated,"
        " and may have been deleted since; let its sweep finish, or ask on the machine that trained it\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--label", "10"], "--label 10: the classes are 0 to 9; give one of them"),
        (["--label", "3", "--label", "-2"], "--label -2: the classes are 0 to 9; give one of them"),
        (["--guidance-interval", "0.7", "0.1"], "guidance: guidance.interval is [low, high] with 0 <= low < high <= 1, not [0.7, 0.1]"),
        (
            ["--sampler", "ancestral"],
            "evaluation.sampler.kind: ancestral does not sample process.kind: flow;"
            " set evaluation.sampler.kind: euler, heun, dopri5 or euler_maruyama",
        ),
        (["--sampler", "eular"], "--sampler is one of euler, heun, dopri5, euler_maruyama, ancestral, not 'eular'; did you mean euler?"),
        (["--device", "abacus"], "--device abacus: torch knows no such device; use cpu or cuda"),
    ],
    ids=str,
)
def test_what_cannot_be_drawn_is_refused_in_one_line(
    options: list[str], message: str, sweeper: Sweeper, home: Path, trial: PlannedTrial
) -> None:
    write_average(home, trial)
    said = sweeper("sample", trial.fingerprint, *FEW, *options)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"error: {message}\n"
    assert not Path("samples.png").exists()


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("abc", "trial 'abc' is too short; give at least the first 4 characters of its fingerprint"),
        ("zzzzzz", "no trial begins with 'zzzzzz'; `sweeper status` lists the trials of a sweep"),
    ],
)
def test_a_trial_that_is_none_is_refused(prefix: str, message: str, sweeper: Sweeper, trial: PlannedTrial) -> None:
    said = sweeper("sample", prefix)
    assert (said.code, said.out, said.err) == (2, "", f"error: {message}\n")
