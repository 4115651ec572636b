"""`sweeper export-weights`: a trial of the store, its newest whole moving average, in a file for the authors' code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from stored_sweep import store_sweep
from test_cli_sample import write_average

from model.backbone.checkpoints import load_network
from model.config import TrainConfig
from sweeper.records import PlannedTrial

Sweeper = Callable[..., Any]


@pytest.fixture
def trial(home: Path) -> PlannedTrial:
    """A finished trial of the store."""
    return store_sweep().trials[0]


def test_the_newest_average_in_a_file_named_for_trial_and_family(sweeper: Sweeper, home: Path, trial: PlannedTrial) -> None:
    write_average(home, trial, 20, scale=0.5)
    average = write_average(home, trial, 40)
    said = sweeper("export-weights", trial.fingerprint[:6], "--family", "sra")
    assert (said.code, said.err) == (0, "")
    written = Path(f"{trial.fingerprint[:8]}-sra.pt")
    assert said.out.startswith(f"{average} is in {written}, as the code of sra loads it (2505.02831")
    held = torch.load(written, weights_only=True)["ema"]
    assert held["x_embedder.proj.weight"].shape[1:] == (1, 2, 2), "a convolution over one channel"
    config = TrainConfig.model_validate(trial.config)
    back = load_network(written, "sra", config.backbone, channels=1, resolution=8, classes=10, outputs=1).state_dict()
    kept = load_file(average)
    assert all(torch.equal(back[name], tensor) for name, tensor in kept.items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--family", "sti"], 'error: --family sti: there is no such family; did you mean "sit"?'),
        (["--family", "dit"], "error: the code of family dit samples process ddpm, and this network was trained with process.kind flow;"),
        (["--family", "sit", "-o", "x.ckpt"], "error: --output x.ckpt: weights are written to .pt or .safetensors;"),
    ],
)
def test_what_cannot_be_written_is_one_message(options: list[str], message: str, sweeper: Sweeper, home: Path, trial: PlannedTrial) -> None:
    write_average(home, trial)
    before = sorted(Path.cwd().iterdir())
    said = sweeper("export-weights", trial.fingerprint[:6], *options)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(message)
    assert said.err.count("\n") == 1
    assert sorted(Path.cwd().iterdir()) == before


def test_a_trial_without_an_average(sweeper: Sweeper, trial: PlannedTrial) -> None:
    said = sweeper("export-weights", trial.fingerprint[:6], "--family", "sit")
    assert (said.code, said.out) == (2, "")
    assert f"trial {trial.fingerprint[:8]} has no moving average in" in said.err
