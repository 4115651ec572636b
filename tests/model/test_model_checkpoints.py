"""What an attempt leaves in its folder, which checkpoints it trusts, and that it writes nowhere else."""

from pathlib import Path

import pytest
from tiny_trials import tiny
from trial_reports import Told, run

pytestmark = pytest.mark.usefixtures("classifier")


def checkpoint(folder: Path, step: int) -> Path:
    return folder / f"checkpoint-{step:08d}.safetensors"


@pytest.fixture
def first(tmp_path: Path, cache: Path) -> Told:
    """A finished attempt of 4 steps with checkpoints after 2 and 4."""
    return run(tiny(steps=4), tmp_path / "attempt-1", cache)


def passed_over(told: Told) -> list[str]:
    found = told.started().details["checkpoints_passed_over"]
    assert isinstance(found, list)
    return found


def test_the_newest_two_checkpoints_and_the_average_are_kept(tmp_path: Path, cache: Path) -> None:
    told = run(tiny(steps=7), tmp_path, cache)
    assert told.of("checkpoint") == [(2, {}), (4, {}), (6, {}), (7, {})]
    assert told.files() == {
        "data.json",
        "checkpoint-00000006.safetensors",
        "checkpoint-00000007.safetensors",
        "average-00000007.safetensors",
        "samples-00000007.png",
    }


def test_what_a_trial_says_and_when(tmp_path: Path, cache: Path) -> None:
    config = tiny(steps=5, log_every=2, checkpoint_every=3, held_out_every=2, evaluation={"every": 4})
    told = run(config, tmp_path, cache)
    assert [(report.kind, report.step) for report in told.reports] == [
        ("started", 0),
        ("points", 2),
        ("points", 2),
        ("checkpoint", 3),
        ("points", 4),
        ("points", 4),
        ("points", 4),
        ("evaluation", 4),
        ("points", 5),
        ("checkpoint", 5),
        ("points", 5),
        ("evaluation", 5),
    ]
    means = {"train_loss", "generation_loss", "align_loss", "grad_norm"}
    assert set(told.of("points")[0][1]) == means | {"loss_spikes", "attention_logit_max"}
    by_level = {"held_out_loss_by_t/0.25", "held_out_loss_by_t/0.75"}
    assert set(told.of("points")[1][1]) == by_level | {"held_out_loss"}
    assert set(told.of("points")[4][1]) == by_level, "of the evaluation that follows"
    assert set(told.of("evaluation")[0][1]) == {"held_out_loss", "fd_digits", "class_accuracy", "train_loss", "align_loss"}
    assert {"steps_per_second", "peak_memory_mib"} <= told.reports[-1].metrics.keys()
    key = told.started().details["comparability"]
    assert (key["precision"], key["threads"], key["micro_batch"], key["world_size"]) == ("float64", 1, 6, 1)
    assert {"device", "torch", "evaluator"} <= key.keys()


def test_points_are_means_over_the_steps_since_the_last(tmp_path: Path, cache: Path) -> None:
    each = run(tiny(steps=5, log_every=1), tmp_path / "each", cache).of("points")
    pairs = run(tiny(steps=5, log_every=2), tmp_path / "pairs", cache).of("points")
    each, pairs = ([(step, metrics) for step, metrics in points if "train_loss" in metrics] for points in (each, pairs))
    assert [step for step, _ in pairs] == [2, 4, 5]
    for name in ("train_loss", "generation_loss", "align_loss", "grad_norm"):
        single = [metrics[name] for _, metrics in each]
        means = [(single[0] + single[1]) / 2, (single[2] + single[3]) / 2, single[4]]
        assert [metrics[name] for _, metrics in pairs] == pytest.approx(means, rel=1e-12), name


@pytest.mark.parametrize("damage", ["half", "empty", "text", "one byte short"])
def test_a_torn_checkpoint_is_passed_over_for_an_older_one(damage: str, first: Told, tmp_path: Path, cache: Path) -> None:
    path = checkpoint(first.folder, 4)
    whole = path.read_bytes()
    path.write_bytes({"half": whole[: len(whole) // 2], "empty": b"", "text": b"not a checkpoint", "one byte short": whole[:-1]}[damage])
    resumed = run(tiny(), tmp_path / "attempt-2", cache, resume_from=[first.folder])
    assert resumed.started().step == 2
    (said,) = passed_over(resumed)
    assert f"{path} is torn or unreadable" in said
    undisturbed = run(tiny(), tmp_path / "whole", cache)
    assert resumed.of("evaluation") == undisturbed.of("evaluation")


def test_with_every_checkpoint_torn_the_trial_starts_over(first: Told, tmp_path: Path, cache: Path) -> None:
    for step in (2, 4):
        checkpoint(first.folder, step).write_bytes(b"")
    resumed = run(tiny(), tmp_path / "attempt-2", cache, resume_from=[first.folder])
    assert resumed.started().step == 0
    assert len(passed_over(resumed)) == 2
    assert resumed.of("evaluation") == run(tiny(), tmp_path / "whole", cache).of("evaluation")


@pytest.mark.parametrize("change", [{"seed": 1}, {"precision": "fp32"}, {"timesteps": {"kind": "dual"}}, {"optimizer": {"clip": 2.0}}])
def test_a_checkpoint_of_another_trial_is_refused(change: dict[str, object], first: Told, tmp_path: Path, cache: Path) -> None:
    other = run(tiny(change), tmp_path / "attempt-2", cache, resume_from=[first.folder])
    assert other.started().step == 0
    assert passed_over(other) == [f"{checkpoint(first.folder, step)} belongs to another trial" for step in (4, 2)]


def test_a_checkpoint_without_a_tensor_is_refused(first: Told, tmp_path: Path, cache: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    path = checkpoint(first.folder, 4)
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    del about["sha256"]  # as older files, without one
    tensors = load_file(path)
    del tensors["sums/train_loss"]
    save_file(tensors, path, metadata=about)
    resumed = run(tiny(), tmp_path / "attempt-2", cache, resume_from=[first.folder])
    assert resumed.started().step == 2
    assert passed_over(resumed) == [f"{path} lacks sums/train_loss and 0 more"]


def test_the_furthest_checkpoint_of_all_attempts_is_taken(first: Told, tmp_path: Path, cache: Path) -> None:
    shorter = run(tiny(steps=3), tmp_path / "attempt-2", cache)
    resumed = run(tiny(), tmp_path / "attempt-3", cache, resume_from=[shorter.folder, tmp_path / "never made", first.folder])
    assert resumed.started().step == 4
    assert passed_over(resumed) == []


@pytest.mark.parametrize(("recorded", "lost", "start"), [(4, (), 4), (3, (), 2), (2, (), 2), (2, (2,), 4), (0, (), 0)])
def test_a_checkpoint_beyond_the_recorded_curve_is_the_second_choice(
    recorded: int, lost: tuple[int, ...], start: int, first: Told, tmp_path: Path, cache: Path
) -> None:
    for step in lost:
        checkpoint(first.folder, step).unlink()
    resumed = run(tiny(), tmp_path / "attempt-2", cache, resume_from=[first.folder], recorded={first.folder: recorded})
    assert resumed.started().step == start
    assert resumed.of("evaluation")[-1][1] == run(tiny(), tmp_path / "whole", cache).of("evaluation")[-1][1]


def test_nothing_is_written_into_earlier_attempts(first: Told, tmp_path: Path, cache: Path) -> None:
    checkpoint(first.folder, 4).write_bytes(b"torn")

    def contents() -> dict[str, tuple[bytes, int]]:
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in first.folder.iterdir()}

    before, folder_before = contents(), first.folder.stat().st_mtime_ns
    run(tiny(steps=8), tmp_path / "attempt-2", cache, resume_from=[first.folder])
    assert contents() == before
    assert first.folder.stat().st_mtime_ns == folder_before
    assert {path.name for path in tmp_path.iterdir()} == {"attempt-1", "attempt-2"}
