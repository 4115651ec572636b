"""A trial that was stopped, killed, or asked for more steps is the undisturbed trial, bit for bit."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from test_model_golden_losses import RANDOM_ENCODER
from tiny_trials import CELLS, DDPM, tiny
from trial_reports import Told, run

from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.methods import METHODS
from model.presets import merge
from model.reports import TrialReport
from model.training import loop

pytestmark = pytest.mark.usefixtures("classifier")


class Killed(Exception):
    """Stands for kill -9."""


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says 'alive' after every step, so that a trial can be stopped anywhere."""
    monkeypatch.setattr(loop, "ALIVE_SECONDS", -1.0)


def assert_same_end(whole: Told, resumed: Told, after: int) -> None:
    """Final state, curve points after `after`, evaluations and pictures are equal."""
    assert resumed.result == whole.result
    for name in ("checkpoint-00000006.safetensors", "average-00000006.safetensors"):
        ours, theirs = resumed.tensors(name), whole.tensors(name)
        assert ours.keys() == theirs.keys()
        for key, value in theirs.items():
            assert torch.equal(ours[key], value), (name, key)
    for kind in ("points", "evaluation"):
        assert resumed.of(kind) == [said for said in whole.of(kind) if said[0] > after], kind
    assert len(resumed.of("evaluation")) == 1
    picture = "samples-00000006.png"
    assert (resumed.folder / picture).read_bytes() == (whole.folder / picture).read_bytes()


@pytest.mark.usefixtures("talkative")
@pytest.mark.parametrize(("cell", "precision"), [*((cell, "fp32") for cell in CELLS), ("dual_full", "float64"), ("dual_full", "bf16")])
def test_six_steps_are_three_and_three(cell: str, precision: str, tmp_path: Path, cache: Path) -> None:
    config = tiny(CELLS[cell], precision=precision)
    whole = run(config, tmp_path / "whole", cache)
    stopped = run(config, tmp_path / "attempt-1", cache, stop=lambda r: r.kind == "alive" and r.step == 3)
    assert (stopped.result.step, stopped.result.stopped) == (3, True)
    assert "checkpoint-00000003.safetensors" in stopped.files()
    assert stopped.reports[-1].kind == "checkpoint"
    assert stopped.of("evaluation") == []
    resumed = run(config, tmp_path / "attempt-2", cache, resume_from=[stopped.folder])
    assert resumed.started().step == 3
    assert stopped.of("points") + resumed.of("points") == whole.of("points")
    assert_same_end(whole, resumed, after=3)


@pytest.mark.usefixtures("talkative")
@pytest.mark.parametrize("name", METHODS)
def test_every_named_method_resumes_bit_for_bit(name: str, tmp_path: Path, cache: Path) -> None:
    """From the middle of a checkpoint's interval and of a curve's, with the weights of every part of the state compared."""
    rows = merge(METHODS[name], RANDOM_ENCODER) if name == "repa" else METHODS[name]
    sampler = {"evaluation": DDPM["evaluation"]} if name == "dit" else {}
    config = tiny(rows, sampler, {"log_every": 2, "checkpoint_every": 4}, precision="fp32")
    whole = run(config, tmp_path / "whole", cache)
    stopped = run(config, tmp_path / "attempt-1", cache, stop=lambda r: r.kind == "alive" and r.step == 3)
    assert stopped.result.stopped
    resumed = run(config, tmp_path / "attempt-2", cache, resume_from=[stopped.folder])
    assert resumed.started().step == 3
    assert_same_end(whole, resumed, after=3)


@pytest.mark.usefixtures("talkative")
def test_a_killed_trial_goes_on_from_its_last_checkpoint(tmp_path: Path, cache: Path) -> None:
    config = tiny(CELLS["dual_full"])
    whole = run(config, tmp_path / "whole", cache)

    def kill(report: TrialReport) -> bool:
        if report.kind == "alive" and report.step == 5:
            raise Killed
        return False

    with pytest.raises(Killed):
        run(config, tmp_path / "attempt-1", cache, stop=kill)
    resumed = run(config, tmp_path / "attempt-2", cache, resume_from=[tmp_path / "attempt-1"])
    assert resumed.started().step == 4
    assert_same_end(whole, resumed, after=4)


@pytest.mark.parametrize("kind", ["points", "checkpoint"])
def test_a_trial_told_to_stop_by_any_report_keeps_its_steps(kind: str, tmp_path: Path, cache: Path) -> None:
    """`Report`: False asks the trial to checkpoint and stop."""
    config = tiny(checkpoint_every=4 if kind == "checkpoint" else 100)
    stopped = run(config, tmp_path / "attempt-1", cache, stop=lambda r: r.kind == kind and r.step == 4)
    assert (stopped.result.step, stopped.result.stopped) == (4, True)
    assert "checkpoint-00000004.safetensors" in stopped.files()


def test_a_trial_told_to_stop_at_an_evaluation_keeps_its_steps(tmp_path: Path, cache: Path) -> None:
    config = tiny(checkpoint_every=100, evaluation={"every": 3})
    stopped = run(config, tmp_path / "attempt-1", cache, stop=lambda r: r.kind == "evaluation")
    assert stopped.result.stopped
    assert stopped.result.step < 6
    assert f"checkpoint-{stopped.result.step:08d}.safetensors" in stopped.files()


def test_an_evaluation_that_was_due_when_the_trial_stopped_is_made_up_for(tmp_path: Path, cache: Path) -> None:
    config = tiny(checkpoint_every=3, evaluation={"every": 3})
    whole = run(config, tmp_path / "whole", cache)
    stopped = run(config, tmp_path / "attempt-1", cache, stop=lambda r: r.kind == "checkpoint")
    resumed = run(config, tmp_path / "attempt-2", cache, resume_from=[stopped.folder])
    assert [step for step, _ in whole.of("evaluation")] == [3, 6]
    assert stopped.of("evaluation") + resumed.of("evaluation") == whole.of("evaluation")


def test_a_trial_told_to_stop_at_once_trains_nothing(tmp_path: Path, cache: Path) -> None:
    stopped = run(tiny(), tmp_path, cache, stop=lambda r: r.kind == "started")
    assert (stopped.result.step, stopped.result.stopped) == (0, True)
    assert len(stopped.reports) == 1


@pytest.mark.parametrize("shorter", [3, 4])
def test_more_steps_continue_a_shorter_run(shorter: int, tmp_path: Path, cache: Path) -> None:
    cell = CELLS["dual_full"]
    whole = run(tiny(cell), tmp_path / "whole", cache)
    short = run(tiny(cell, steps=shorter), tmp_path / "attempt-1", cache)
    assert short.result.step == shorter
    longer = run(tiny(cell), tmp_path / "attempt-2", cache, resume_from=[short.folder])
    assert longer.started().step == shorter
    assert_same_end(whole, longer, after=shorter)


def test_an_evaluation_between_points_does_not_show_where_a_shorter_run_ended(tmp_path: Path, cache: Path) -> None:
    cadence = {"log_every": 4, "evaluation": {"every": 6}}
    whole = run(tiny(cadence, steps=7), tmp_path / "whole", cache)
    short = run(tiny(cadence, steps=5), tmp_path / "attempt-1", cache)
    longer = run(tiny(cadence, steps=7), tmp_path / "attempt-2", cache, resume_from=[short.folder])
    assert longer.of("evaluation") == whole.of("evaluation")


def test_a_finished_trial_is_evaluated_again_without_a_step(tmp_path: Path, cache: Path) -> None:
    first = run(tiny(), tmp_path / "attempt-1", cache)
    again = run(tiny(evaluation={"samples": 30}), tmp_path / "attempt-2", cache, resume_from=[first.folder])
    assert [report.kind for report in again.reports] == ["started", "points", "evaluation"]
    assert again.started().step == 6
    metrics, before = (told.of("evaluation")[0][1] for told in (again, first))
    assert metrics["held_out_loss"] == before["held_out_loss"]
    assert metrics["train_loss"] == before["train_loss"]
    assert metrics["fd_digits"] != before["fd_digits"]
    weights = (told.tensors("average-00000006.safetensors") for told in (first, again))
    for a, b in zip(*(list(w.values()) for w in weights), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("log_every", [2, 4])
def test_without_checkpoints_a_finished_trial_is_evaluated_again_from_its_average(log_every: int, tmp_path: Path, cache: Path) -> None:
    """At a point of the curve and between two of them; and once more from what that left."""
    first = run(tiny(log_every=log_every), tmp_path / "attempt-1", cache)
    for path in first.folder.glob("checkpoint-*"):
        path.unlink()
    folders = [first.folder]
    for number in (2, 3):
        again = run(tiny(log_every=log_every, evaluation={"samples": 30}), tmp_path / f"attempt-{number}", cache, resume_from=folders)
        assert [(report.kind, report.step) for report in again.reports] == [("started", 6), ("points", 6), ("evaluation", 6)]
        metrics, before = (told.of("evaluation")[0][1] for told in (again, first))
        for name in ("held_out_loss", "train_loss", "align_loss"):
            assert metrics[name] == before[name], name
        assert again.reports[-1].metrics["steps_per_second"] == first.reports[-1].metrics["steps_per_second"]
        assert not list(again.folder.glob("checkpoint-*")), "an average alone is no state to train from"
        folders = [again.folder]


def test_an_average_is_nothing_to_train_on_from(tmp_path: Path, cache: Path) -> None:
    first = run(tiny(), tmp_path / "attempt-1", cache)
    (first.folder / "checkpoint-00000006.safetensors").unlink()
    assert run(tiny(steps=8), tmp_path / "attempt-2", cache, resume_from=[first.folder]).started().step == 4
    evaluated = run(tiny(evaluation={"samples": 30}), tmp_path / "attempt-3", cache, resume_from=[first.folder])
    assert evaluated.started().step == 6


def test_an_average_that_older_code_wrote_is_not_evaluated_for_want_of_its_curve(tmp_path: Path, cache: Path) -> None:
    from safetensors.torch import save_file

    first = run(tiny(), tmp_path / "attempt-1", cache)
    average = first.folder / "average-00000006.safetensors"
    with safe_open(average, framework="pt") as file:
        about = {name: file.metadata()[name] for name in ("step", "identity")}
    save_file(load_file(average), average, metadata=about)
    (first.folder / "checkpoint-00000006.safetensors").unlink()
    again = run(tiny(evaluation={"samples": 30}), tmp_path / "attempt-2", cache, resume_from=[first.folder])
    assert again.started().step == 4
    assert "was written by older code" in str(again.started().details["checkpoints_passed_over"])


def test_fewer_steps_begin_at_the_newest_checkpoint_before_them(tmp_path: Path, cache: Path) -> None:
    first = run(tiny(), tmp_path / "attempt-1", cache)
    shorter = run(tiny(steps=5), tmp_path / "attempt-2", cache, resume_from=[first.folder])
    assert (shorter.started().step, shorter.result.step) == (4, 5)


def test_a_checkpoint_holds_the_state_of_its_step(tmp_path: Path, cache: Path, classifier: EvaluationClassifier) -> None:
    told = run(tiny(), tmp_path, cache)
    state = load_file(told.folder / "checkpoint-00000006.safetensors")
    average = load_file(told.folder / "average-00000006.safetensors")
    assert {name.removeprefix("average/") for name in state if name.startswith("average/")} == average.keys()
    assert all(torch.equal(state[f"average/{name}"], value) for name, value in average.items())
    assert {value.item() for name, value in state.items() if name.startswith("moments/") and name.endswith("/step")} == {6}
