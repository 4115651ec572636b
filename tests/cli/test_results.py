"""`from sweeper import results`: the numbers of a sweep as a tidy data frame."""

import subprocess
import sys
from pathlib import Path

import pytest
from stored_sweep import OFFSETS, store_sweep

from sweeper import results
from sweeper.errors import RequestError


def test_a_row_per_trial_step_and_metric(home: Path) -> None:
    store_sweep(endings={("dual/full", 0): "failed", ("dual/full", 1): None})
    frame = results("noise_aug_vs_interaction")
    assert list(frame.columns) == [
        "sweep", "profile", "variant", "timesteps", "separation",
        "seed", "trial", "state", "kind", "step", "metric", "value", "unit",
    ]  # fmt: skip
    losses = frame[frame["metric"] == "held_out_loss"]
    assert len(losses) == 6
    assert set(losses["kind"]) == {"final"}
    assert set(losses["step"]) == {40}
    means = losses.groupby("variant")["value"].mean()
    for name in ("single/none", "single/full", "dual/none"):
        assert means[name] == pytest.approx(0.505 + OFFSETS[name])
    assert set(frame["variant"]) == {"single/none", "single/full", "dual/none"}, "a failed trial has no number"
    assert set(frame[frame["metric"] == "steps_per_second"]["unit"]) == {"steps/s"}
    assert frame.attrs["metrics"]["held_out_loss"] == {"label": "held-out loss", "unit": "1", "direction": "lower"}


def test_training_curves_when_asked_for(home: Path) -> None:
    store_sweep()
    frame = results(curves=True)
    training = frame[frame["kind"] == "training"]
    assert set(training["metric"]) == {"train_loss"}
    assert set(training["step"]) == {10}
    assert len(training) == 8


def test_an_unknown_sweep_is_refused_and_nothing_is_made(home: Path) -> None:
    with pytest.raises(RequestError, match="nothing has run"):
        results("x")
    assert not home.exists()


def test_importing_sweeper_stays_light() -> None:
    code = "import sys, sweeper; sweeper.results; print([m for m in ('pandas', 'numpy', 'sqlalchemy', 'pydantic') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert found.stdout.strip() == "[]"
