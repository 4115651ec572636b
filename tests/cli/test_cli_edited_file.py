"""A report or status by a file that was edited since says which version it shows, and what the file says differently."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored_sweep import store_sweep

Sweeper = Callable[..., Any]


def noted(text: str) -> list[str]:
    """The sentences about the file, of a report's JSON or a status."""
    lines = json.loads(text)["notes"] if text.startswith("{") else text.splitlines()
    return [line for line in lines if "as it is now" in line]


def edit(old: str, new: str) -> None:
    text = Path("sweep.yaml").read_text()
    assert old in text
    Path("sweep.yaml").write_text(text.replace(old, new))


@pytest.fixture
def version(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "500")  # the smoke profile's steps are those that `store_sweep` sets
    return store_sweep().sweep.version


@pytest.mark.parametrize("command", [("report", "--format", "json"), ("status",)])
def test_which_version_is_shown(sweeper: Sweeper, version: str, command: tuple[str, ...]) -> None:
    assert noted(sweeper(command[0], "sweep.yaml", *command[1:]).out) == []
    question = next(line for line in Path("sweep.yaml").read_text().splitlines() if line.startswith("question:"))
    edit(question, "question: Is it another question now?")
    edit("baseline: single/none", "baseline: single/full")
    (said,) = noted(sweeper(command[0], "sweep.yaml", *command[1:]).out)
    assert said[0].lower() + said[1:].rstrip(".") == (
        f"shown is version {version}, stored {said.split('stored ')[1][:16]} UTC; sweep.yaml as it is now is another: it differs in"
        " question, baseline; `sweeper run sweep.yaml` stores it as it is"
    )
    assert noted(sweeper(command[0], "noise_aug_vs_interaction", *command[1:]).out) == [], "a sweep by its name has no file"


def test_factors_in_another_order_name_other_cells(sweeper: Sweeper, version: str) -> None:
    edit(
        "single: {timesteps.kind: single}\n        dual: {timesteps.kind: dual}",
        "dual: {timesteps.kind: dual}\n        single: {timesteps.kind: single}",
    )
    (said,) = noted(sweeper("status", "sweep.yaml").out)
    assert "it differs in design.factors.timesteps.levels; " in said


def test_a_sweep_that_ran_with_overrides_names_them(sweeper: Sweeper, version: str) -> None:
    store_sweep(steps=2000)
    (said,) = noted(sweeper("status", "sweep.yaml").out)
    assert "it ran as version" in said
    edit("baseline: single/none", "baseline: single/full")
    (said,) = noted(sweeper("status", "sweep.yaml").out)
    assert "it differs in base.steps, baseline; " in said


def test_a_file_that_could_not_run_is_said_to_be_another(sweeper: Sweeper, version: str) -> None:
    edit("seeds:", "sedes:")
    (said,) = noted(sweeper("status", "sweep.yaml").out)
    assert "sweep.yaml as it is now is another, which could not run: sedes: there is no field 'sedes'" in said


def test_a_file_that_was_put_back_names_the_version_that_it_ran_as(sweeper: Sweeper, version: str) -> None:
    before = Path("sweep.yaml").read_text()
    question = next(line for line in before.splitlines() if line.startswith("question:"))
    edit(question, "question: Is it another question now?")
    newer = store_sweep().sweep.version
    Path("sweep.yaml").write_text(before)
    (said,) = noted(sweeper("status", "sweep.yaml").out)
    assert said.startswith(f"shown is version {newer}, ")
    assert f"sweep.yaml as it is now is another: it ran as version {version}, stored " in said


def test_the_report_section_is_read_from_the_file_and_no_difference(sweeper: Sweeper, version: str) -> None:
    with Path("sweep.yaml").open("a") as file:
        file.write("report: {layout: effects}\n")
    assert noted(sweeper("report", "sweep.yaml", "--format", "json").out) == []
