"""`sweeper status` says how far a sweep is and what failed; `sweeper show` says all that is known of one trial."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored_sweep import store_sweep

Sweeper = Callable[..., Any]


def test_status_counts_states_and_prints_the_first_line_of_an_error(sweeper: Sweeper, home: Path) -> None:
    endings = {("dual/none", 1): "failed", ("dual/full", 1): "diverged", ("single/full", 1): None, ("single/none", 1): "running"}
    planned = store_sweep(endings=endings)
    failed = next(t.fingerprint[:8] for t in planned.trials if (t.variant, t.seed) == ("dual/none", 1))
    said = sweeper("status")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == f"noise_aug_vs_interaction (profile smoke, version {planned.sweep.version})"
    assert lines[1] == "8 trials: 4 finished, 1 diverged, 1 failed, 1 running, 1 pending"
    assert f"{failed} dual/none seed 1: RuntimeError: the images caught fire" in lines
    assert f"  `sweeper why {failed}` says what was done about it and what to do next" in lines
    assert "Traceback" not in said.out
    assert "dual/full seed 1: train_loss became nan at step 12; the weights before that step are kept" in said.out


def test_status_has_a_row_per_trial_and_names_other_sweeps(sweeper: Sweeper, home: Path) -> None:
    store_sweep(profile=None)
    planned = store_sweep()
    said = sweeper("status")
    rows = [line.split() for line in said.out.splitlines() if line.endswith(" finished         1")]
    assert [row[:4] for row in rows] == [[t.fingerprint[:8], t.variant, str(t.seed), "40/40"] for t in planned.trials]
    assert "also stored: noise_aug_vs_interaction (default)" in said.out


def test_status_of_a_large_sweep_lists_what_one_looks_for(sweeper: Sweeper, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper.cli.status.LISTED", 7)
    store_sweep(endings={("dual/none", 1): "failed", ("single/full", 1): None, ("single/none", 1): "running"})
    said = sweeper("status")
    lines = said.out.splitlines()
    assert lines[1] == "8 trials: 5 finished, 1 failed, 1 running, 1 pending"
    assert [line.split()[1] for line in lines if line.endswith("  1")] == ["single/none", "dual/none"]
    assert "(more than 7 trials: 2 that run, failed or diverged are listed; `sweeper status --json` lists every one)" in lines
    assert "RuntimeError: the images caught fire" in said.out


@pytest.fixture
def trial(home: Path) -> str:
    """The fingerprint of a finished trial with files in its folder."""
    fingerprint = store_sweep().trials[0].fingerprint
    folder = home / "trials" / fingerprint / "attempt-1"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("checkpoint-00000020.safetensors", "checkpoint-00000040.safetensors", "average-00000040.safetensors"):
        (folder / name).touch()
    (folder / "samples-00000040.png").touch()
    (folder / "log.txt").write_text("".join(f"line {i}\n" for i in range(30)))
    return fingerprint


def test_show_has_config_provenance_metrics_and_paths(sweeper: Sweeper, home: Path, trial: str) -> None:
    said = sweeper("show", trial[:6])
    assert (said.code, said.err) == (0, "")
    folder = home / "trials" / trial / "attempt-1"
    for expected in (
        f"trial {trial}",
        "  noise_aug_vs_interaction (smoke): single/none, seed 0",
        "  timesteps: {kind: single, gap: independent, ordering: none, distribution: uniform, shift: 1.0}",
        "attempt 1: finished, steps 0 to 40",
        f"  checkpoint {folder / 'checkpoint-00000020.safetensors'}",
        f"  checkpoint {folder / 'checkpoint-00000040.safetensors'}",
        f"  average    {folder / 'average-00000040.safetensors'}",
        f"  samples    {folder / 'samples-00000040.png'}",
        f"  log        {folder / 'log.txt'}",
        "    git: {sha: 0123abc, dirty: false}",
        "  step       40  held_out_loss      0.5",
        "  {samples: 100, fd_floor: 1.25}",
        "  last 10 lines of the log",
        "    line 29",
    ):
        assert expected in said.out.splitlines(), expected
    assert "    line 19" not in said.out.splitlines()
    assert "device: cpu (A)" in said.out


def test_show_has_the_whole_error_of_a_failed_trial(sweeper: Sweeper, home: Path) -> None:
    planned = store_sweep(endings={("single/none", 0): "failed"})
    said = sweeper("show", planned.trials[0].fingerprint)
    assert said.code == 0
    folder = home / "trials" / planned.trials[0].fingerprint / "attempt-1"
    assert f"  folder     {folder} (not on this machine)" in said.out.splitlines()
    assert "    RuntimeError: the images caught fire\n    Traceback (most recent call last):" in said.out


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("abc", "trial 'abc' is too short; give at least the first 4 characters of its fingerprint"),
        ("", "trial '' is too short; give at least the first 4 characters of its fingerprint"),
        ("zzzzzz", "no trial begins with 'zzzzzz'; `sweeper status` lists the trials of a sweep"),
        ("%%%%", "no trial begins with '%%%%'; `sweeper status` lists the trials of a sweep"),
    ],
)
def test_a_trial_that_is_none_is_refused(sweeper: Sweeper, home: Path, prefix: str, message: str) -> None:
    store_sweep()
    said = sweeper("show", prefix)
    assert (said.code, said.out, said.err) == (2, "", f"error: {message}\n")
