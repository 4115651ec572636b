"""The shipped sweep at smoke size, end to end, and what every command says of it afterwards."""

import json
import os
import signal
import sqlite3
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from sweeper_home import SHIPPED, Home, wait_for

VARIANTS = ["single/none", "single/full", "dual/none", "dual/full"]


def test_every_trial_finishes_and_the_table_is_printed(undisturbed: Home) -> None:
    output = (undisturbed.path / "output.txt").read_text()
    assert "8 trials to run on cpu" in output
    assert "[8/8]" in output
    for part in [*VARIANTS, "augmentation effect", "token-interaction effect", "factor interaction", "no interval"]:
        assert part in output, part
    outcomes = undisturbed.snapshot().outcomes
    assert [(o.variant, o.seed, o.state) for o in outcomes] == [(v, seed, "finished") for seed in (0, 1) for v in VARIANTS]
    assert {"held_out_loss", "fd_digits", "class_accuracy", "train_loss", "align_loss"} <= set(outcomes[0].metrics)


def test_only_our_progress_is_on_the_screen(undisturbed: Home) -> None:
    progress = (undisturbed.path / "output.txt").read_text().split("Question")[0].splitlines()
    assert all(line.startswith(("starting Ray", "8 trials", "started", "finished")) or not line.strip() for line in progress), progress


def test_running_again_trains_nothing_and_prints_the_same_table(undisturbed: Home) -> None:
    first = (undisturbed.path / "output.txt").read_text()
    again = undisturbed.run("run", str(SHIPPED), "--profile", "smoke")
    assert "to run" not in again
    assert again.strip() == first[first.index("Question") :].strip()
    assert {o.attempts for o in undisturbed.snapshot().outcomes} == {1}


def test_report_is_read_from_the_store_in_every_format(undisturbed: Home) -> None:
    held = json.loads(undisturbed.run("report", "--format", "json"))
    assert [row["name"] for row in held["variants"]] == VARIANTS
    assert len(held["contrasts"]) == 4
    assert undisturbed.run("report", "noise_aug_vs_interaction", "--table", "--format", "markdown").count("\n|") > 4
    undisturbed.run("report", str(SHIPPED), "--format", "latex", "--output", "table.tex")
    assert "\\toprule" in (undisturbed.path / "table.tex").read_text()


def test_show_says_where_everything_is(undisturbed: Home) -> None:
    trial = undisturbed.snapshot().outcomes[0]
    output = undisturbed.run("show", trial.fingerprint[:8])
    folder = undisturbed.path / "trials" / trial.fingerprint / "attempt-1"
    for name in ("checkpoint-00000040.safetensors", "average-00000040.safetensors", "log.txt"):
        assert (folder / name).exists()
        assert str(folder / name) in output
    for part in ("smoke", "single/none", "git_commit", "held_out_loss", "precision: fp32", "last 10 lines of the log"):
        assert part in output, part


def test_samples_are_a_picture(undisturbed: Home) -> None:
    trial = undisturbed.snapshot().outcomes[0]
    with Image.open(undisturbed.path / "trials" / trial.fingerprint / "attempt-1" / "samples-00000040.png") as picture:
        assert picture.size == (342, 274)  # 10 classes x 8 rows of 32 pixels, 2 between


def test_samples_drawn_afterwards_are_those_of_the_evaluation(undisturbed: Home) -> None:
    trial = undisturbed.snapshot().outcomes[0]
    undisturbed.run("sample", trial.fingerprint[:8], "--samples", "100", "--device", "cpu", "--output", "afterwards.png")
    picture = undisturbed.path / "trials" / trial.fingerprint / "attempt-1" / "samples-00000040.png"
    with Image.open(picture) as evaluated, Image.open(undisturbed.path / "afterwards.png") as afterwards:
        assert afterwards.size == (342, 342)
        assert np.array_equal(np.asarray(afterwards)[: evaluated.height], np.asarray(evaluated))


def test_status_and_plan_agree_that_all_is_done(undisturbed: Home) -> None:
    assert "8 trials: 8 finished" in undisturbed.run("status")
    plan = json.loads(undisturbed.run("plan", str(SHIPPED), "--profile", "smoke", "--json"))
    assert plan["counts"] == {"reuse": 8}


def test_mlflow_shows_a_parent_and_its_children_with_curves(undisturbed: Home) -> None:
    with sqlite3.connect(undisturbed.path / "mlflow.db") as database:
        tags = database.execute("select run_uuid, value from tags where key = 'sweeper.kind'").fetchall()
        parents = [run for run, kind in tags if kind == "sweep"]
        children = [run for run, kind in tags if kind == "trial"]
        linked = database.execute("select count(*) from tags where key = 'mlflow.parentRunId' and value = ?", parents).fetchone()[0]
        points = database.execute("select run_uuid, step from metrics where key = 'train_loss'").fetchall()
        status = {row[0] for row in database.execute("select status from runs")}
    database.close()
    assert (len(parents), len(children), linked) == (1, 8, 8)
    assert set(points) == {(child, step) for child in children for step in (10, 20, 30, 40)}
    assert status == {"FINISHED"}
    pictures = list((undisturbed.path / "artifacts" / "mlflow").rglob("samples/step-00000040.png"))
    assert len(pictures) == 8
    with undisturbed.store() as store:
        assert store.backlog() == 0


@pytest.mark.slow
def test_a_killed_driver_loses_nothing(undisturbed: Home, new_home: Callable[..., Home]) -> None:
    """kill -9 in the middle, then the same command: every metric but times and memory is that of the undisturbed run, bit for bit."""
    home = new_home("killed")
    process = home.start("run", str(SHIPPED), "--profile", "smoke")
    wait_for(lambda: len(list(home.path.glob("trials/*/attempt-1/average-*"))) >= 3)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert " running" not in home.run("status").splitlines()[1]
    kept = {o.fingerprint for o in home.snapshot().outcomes if o.state == "finished"}
    assert kept
    home.run("run", str(SHIPPED), "--profile", "smoke")
    outcomes = home.snapshot().outcomes
    assert {o.state for o in outcomes} == {"finished"}
    assert all(o.attempts == 1 for o in outcomes if o.fingerprint in kept)
    assert home.metrics() == undisturbed.metrics()
