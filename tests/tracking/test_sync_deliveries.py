"""What people find in MLflow after the outbox was drained."""

import json
import math
from typing import Any

import pytest
import yaml


def test_a_sweep_is_a_parent_with_a_child_per_trial(setup: Any) -> None:
    setup.source.whole_trial()
    setup.source.link("f1", seed=1)
    sync = setup.sync()
    assert sync.drain() == 9
    assert setup.source.backlog() == 0
    assert sync.refused == 0

    parent = setup.only("sweep")
    assert parent.info.run_name == "noise"
    assert parent.data.tags["sweeper.profile"] == "default"
    assert parent.data.tags["mlflow.note.content"] == "Does it help?"
    assert yaml.safe_load(setup.artifact(parent, "spec.yaml")) == {"question": "Does it help?", "seeds": [0, 1]}

    done, waiting = setup.runs("trial")
    for child in (done, waiting):
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.tags["sweeper.profile"] == "default"
        assert child.data.tags["sweeper.level.timesteps"] == "dual"
    assert [child.data.tags["sweeper.trial"] for child in (done, waiting)] == ["f0", "f1"]
    assert [child.info.run_name for child in (done, waiting)] == ["dual/none · seed 0", "dual/none · seed 1"]
    assert done.data.params == {
        "model.depth": "2",
        "model.preset": "nano",
        "seed": "0",
        "lr": "0.004",
        "betas": "[0.9, 0.95]",
        "data": "null",
    }
    assert json.loads(setup.artifact(done, "config.json"))["betas"] == [0.9, 0.95]
    for tag, value in {
        "sweeper.variant": "dual/none",
        "sweeper.seed": "0",
        "sweeper.device": "NVIDIA H100",
        "sweeper.torch": "2.11.0",
        "sweeper.git_sha": "abc123",
        "sweeper.state": "finished",
        "sweeper.detail.fd_floor": "1.25",
    }.items():
        assert done.data.tags[tag] == value, tag
    assert json.loads(setup.artifact(done, "attempts/attempt-1.json"))["provenance"]["packages"]["numpy"] == "2.3"
    assert not any((setup.folder / "cwd").iterdir())
    assert setup.look.get_experiment_by_name("somebody else's") is None


def test_curves_hold_the_exact_values_steps_and_times(setup: Any) -> None:
    setup.source.whole_trial()
    setup.source.points(4, {"train_loss": math.nan})
    setup.sync().drain()
    child = setup.only("trial")
    *numbers, (step, last, _) = setup.curve(child, "train_loss")
    assert numbers == [(1, 1.0, 1_000_001), (2, 0.5, 1_000_002), (3, 1 / 3, 1_000_003)]
    assert step == 4
    assert math.isnan(last)
    assert setup.curve(child, "held_out_loss") == [(3, 0.1234567890123, 2_000_003)]


def test_more_points_than_one_request_takes(setup: Any) -> None:
    setup.source.link()
    for step in range(700):
        setup.source.points(step, {"train_loss": float(step), "steps_per_second": 1.0})
    assert setup.sync().drain(limit=1000) == 701
    assert len(setup.curve(setup.only("trial"), "train_loss")) == 700


def test_replaying_everything_changes_nothing(setup: Any) -> None:
    setup.source.whole_trial()
    setup.image(3)
    rows = setup.source.pending(100)
    setup.sync().drain()
    before = [(kind, *everything(setup, setup.only(kind))) for kind in ("sweep", "trial")]
    for sync in (setup.sync(), setup.sync()):
        setup.source.put_again(rows)
        assert sync.drain() == len(rows)
        assert sync.refused == 0
    assert [(kind, *everything(setup, setup.only(kind))) for kind in ("sweep", "trial")] == before


def everything(setup: Any, run: Any) -> tuple[Any, ...]:
    curves = {metric: setup.curve(run, metric) for metric in run.data.metrics}
    artifacts = sorted(item.path for folder in (None, "samples") for item in setup.look.list_artifacts(run.info.run_id, folder))
    return run.info.run_id, run.info.run_name, run.info.status, run.info.end_time, run.data.tags, run.data.params, curves, artifacts


def test_a_row_at_a_time_gives_the_same_as_all_at_once(setup: Any) -> None:
    setup.source.whole_trial()
    sync = setup.sync()
    while sync.drain(limit=1):
        pass
    child = setup.only("trial")
    assert len(setup.curve(child, "train_loss")) == 3
    assert (child.info.status, child.info.end_time) == ("FINISHED", 3_000_000)


def test_a_second_sweep_gets_the_history_of_a_trial_it_reuses(setup: Any) -> None:
    setup.source.whole_trial()
    setup.image(3, content=b"grid")
    setup.sync().drain()
    setup.source.sweep("other", "smoke")
    setup.source.link(name="other", profile="smoke")
    setup.sync().drain()
    first, second = setup.only("trial"), setup.only("trial", "other")
    assert first.info.run_id != second.info.run_id
    for metric in first.data.metrics:
        assert setup.curve(first, metric) == setup.curve(second, metric), metric
    assert setup.artifact(second, "samples/step-00000003.png") == b"grid"
    assert second.data.tags["sweeper.detail.samples"] == "1000"
    assert second.data.tags["sweeper.device"] == "NVIDIA H100"
    assert (second.info.status, second.info.end_time) == ("FINISHED", 3_000_000)
    parent = setup.only("sweep", "other")
    assert (parent.info.run_name, parent.info.status) == ("other (smoke)", "FINISHED")
    # From here on, both hear of the trial.
    setup.source.points(4, {"train_loss": 0.25})
    setup.sync().drain()
    assert setup.curve(first, "train_loss") == setup.curve(second, "train_loss") != []


def test_profiles_of_one_sweep_are_two_parents_in_one_experiment(setup: Any) -> None:
    for profile in ("default", "smoke"):
        setup.source.sweep(profile=profile)
        setup.source.link(profile=profile)
    setup.sync().drain()
    assert sorted(run.data.tags["sweeper.profile"] for run in setup.runs("sweep")) == ["default", "smoke"]
    assert len({run.data.tags["mlflow.parentRunId"] for run in setup.runs("trial")}) == 2


def test_the_sample_image_of_an_evaluation_is_uploaded(setup: Any) -> None:
    setup.image(800, attempt=2, content=b"attempt two")
    setup.source.link()
    setup.sync().drain()
    setup.source.evaluation(800, {"fd_digits": 9.6}, {}, attempt=2)
    setup.source.evaluation(900, {"fd_digits": 9.5}, {}, attempt=2)
    setup.sync().drain()
    child = setup.only("trial")
    assert setup.artifact(child, "samples/step-00000800.png") == b"attempt two"
    assert [item.path for item in setup.look.list_artifacts(child.info.run_id, "samples")] == ["samples/step-00000800.png"]


def test_a_later_version_of_the_config_adds_params_and_changes_none(setup: Any) -> None:
    setup.source.link()
    setup.sync().drain()
    setup.source.rows.clear()
    setup.source.link(lr=1.0, dropout="x" * 7000)
    sync = setup.sync()
    sync.drain()
    params = setup.only("trial").data.params
    assert params["lr"] == "0.004"
    assert len(params["dropout"]) == 6000
    assert sync.refused == 0


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("running", "RUNNING"),
        ("finished", "FINISHED"),
        ("failed", "FAILED"),
        ("diverged", "FAILED"),
        ("lost", "FAILED"),
        ("stopped", "KILLED"),
    ],
)
def test_the_state_of_an_attempt_is_the_status_of_the_run(setup: Any, state: Any, status: str) -> None:
    error = "Traceback (most recent call last):\n  File x\nValueError: bad\n" if state == "failed" else None
    setup.source.link()
    setup.sync().drain()
    assert setup.only("trial").info.status == "SCHEDULED"
    setup.source.attempt(state, error=error)
    setup.sync().drain()
    child = setup.only("trial")
    assert child.info.status == status
    assert child.data.tags["sweeper.state"] == state
    assert child.data.tags["sweeper.error"] == ("ValueError: bad" if error else "")
    assert child.info.end_time == (None if state == "running" else 3_000_000)
    assert setup.only("sweep").info.status == status


def test_the_parent_follows_its_children(setup: Any) -> None:
    source, sync = setup.source, setup.sync()

    def parent_after(state: Any, fingerprint: str, number: int = 1) -> str:
        source.attempt(state, fingerprint, number)
        sync.drain()
        return str(setup.only("sweep").info.status)

    source.sweep()
    source.link("f0")
    source.link("f1")
    sync.drain()
    assert setup.only("sweep").info.status == "SCHEDULED"
    assert parent_after("running", "f0") == "RUNNING"
    assert parent_after("failed", "f0") == "SCHEDULED", "f1 has not begun"
    assert parent_after("running", "f1") == "RUNNING"
    assert parent_after("finished", "f1") == "FAILED"
    assert parent_after("running", "f0", 2) == "RUNNING"
    assert parent_after("finished", "f0", 2) == "FINISHED"
    source.link("f2")
    sync.drain()
    assert setup.only("sweep").info.status == "SCHEDULED"
