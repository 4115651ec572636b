"""Features of real images: computed once, kept by content, and a trial that is measured against them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file
from tiny_extractors import NAME, counting, few_images, nothing
from tiny_trials import tiny
from trial_reports import run

from model.config import TrainConfig
from model.data.dataset import DataSet
from model.errors import DataError
from model.evaluation import evaluation_classifier as training
from model.evaluation import reference as referring
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.extractors import FeatureExtractor
from model.evaluation.reference import Reference, load_or_make_reference
from model.reports import TrialReport
from model.training import loop


def test_the_reference_is_that_of_the_real_images(extractor: FeatureExtractor, few: DataSet, tmp_path: Path) -> None:
    config = tiny(evaluation={"samples": 12, "extra_metrics": ["recall"]}).evaluation
    found = load_or_make_reference(config, few, 2, extractor, tmp_path / "cache", nothing)
    train, held_out = (extractor.extract_tokens(part.tokens, 2, 3, nothing)[0] for part in (few.train, few.held_out))
    np.testing.assert_allclose(found.moments.mean, train.numpy().mean(axis=0))
    np.testing.assert_allclose(found.moments.covariance, np.cov(train.numpy(), rowvar=False))
    assert (found.moments.n, found.floor_n) == (32, 8)
    assert found.floor == pytest.approx(frechet_distance(Moments.of(train.numpy()), Moments.of(held_out.numpy())))
    assert found.neighbours is not None
    torch.testing.assert_close(found.neighbours, train[:12], rtol=1e-4, atol=1e-5)


def test_the_reference_is_computed_once_for_an_eye_and_its_images(extractor: FeatureExtractor, few: DataSet, tmp_path: Path) -> None:
    seen, shown = counting(extractor)
    cache = tmp_path / "cache"

    def kept(evaluation: dict[str, Any], *, data: DataSet = few, by: FeatureExtractor = seen) -> Reference:
        shown.clear()
        return load_or_make_reference(tiny(evaluation=evaluation).evaluation, data, 2, by, cache, nothing)

    first = kept({"samples": 5})
    assert (sum(shown), first.neighbours) == (40, None)
    again = kept({"samples": 9, "seed": 4})
    assert shown == []
    assert (again.floor, again.moments.n) == (first.floor, first.moments.n)
    np.testing.assert_array_equal(again.moments.covariance, first.moments.covariance)
    near = kept({"samples": 5, "extra_metrics": ["precision"]})
    assert (sum(shown), near.moments.mean.tolist()) == (5, first.moments.mean.tolist())
    assert torch.equal(kept({"samples": 5, "extra_metrics": ["recall"]}).neighbours, near.neighbours)  # type: ignore[arg-type]
    assert shown == []
    more = kept({"samples": 6, "extra_metrics": ["recall"]}).neighbours
    assert more is not None
    assert (sum(shown), len(more)) == (6, 6), "as many real images as samples"
    kept({"samples": 5}, by=FeatureExtractor("another", seen.forward))
    assert sum(shown) == 40
    kept({"samples": 5}, data=few_images(tmp_path / "other.npz", seed=1))
    assert sum(shown) == 40


def test_another_evaluator_keeps_its_own_reference(
    extractor: FeatureExtractor, few: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (1, 2):
        monkeypatch.setattr(referring, "EVALUATOR_VERSION", version)
        load_or_make_reference(tiny().evaluation, few, 2, extractor, tmp_path, nothing)
    assert len(list(tmp_path.glob("reference-*.safetensors"))) == 2


def test_a_torn_reference_is_computed_again(extractor: FeatureExtractor, few: DataSet, tmp_path: Path) -> None:
    config = tiny(evaluation={"extra_metrics": ["recall"]}).evaluation
    first = load_or_make_reference(config, few, 2, extractor, tmp_path / "cache", nothing)
    files = sorted((tmp_path / "cache").glob("*.safetensors"))
    assert [file.name.split("-")[0] for file in files] == ["neighbours", "reference"]
    whole = [file.read_bytes() for file in files]
    for file, content in zip(files, whole, strict=True):
        file.write_bytes(content[:-10])
    again = load_or_make_reference(config, few, 2, extractor, tmp_path / "cache", nothing)
    assert again.floor == first.floor
    assert [file.read_bytes() for file in files] == whole


def test_a_trial_says_that_it_lives_while_it_looks_and_while_it_waits(
    extractor: FeatureExtractor, few: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    def after(n: int) -> Callable[[], None]:
        left = iter(range(n))

        def tick() -> None:
            if next(left, None) is None:
                raise Stopped

        return tick

    monkeypatch.setattr(referring, "ASK_SECONDS", 0.01)
    config = tiny().evaluation
    with pytest.raises(Stopped):
        load_or_make_reference(config, few, 2, extractor, tmp_path, after(2))  # in the midst of the images
    assert not list(tmp_path.glob("*.safetensors"))
    (lock,) = tmp_path.glob("*.lock")
    with FileLock(lock), pytest.raises(Stopped):
        load_or_make_reference(config, few, 2, extractor, tmp_path, after(5))
    load_or_make_reference(config, few, 2, extractor, tmp_path, nothing)


def test_kept_statistics_are_plain_tensors(extractor: FeatureExtractor, few: DataSet, tmp_path: Path) -> None:
    found = load_or_make_reference(tiny().evaluation, few, 2, extractor, tmp_path, nothing)
    (file,) = tmp_path.glob("*.safetensors")
    held = load_file(file)
    assert {name: (value.dtype, tuple(value.shape)) for name, value in held.items()} == {
        "mean": (torch.float64, (64,)),
        "covariance": (torch.float64, (64, 64)),
        "floor": (torch.float64, ()),
    }
    assert held["floor"].item() == found.floor


def measured_by(path: Path, **more: Any) -> TrainConfig:
    evaluation = {"samples": 12, "extra_metrics": ["precision", "recall"], "extractor": {"kind": "timm", "name": NAME, "weights": "none"}}
    return tiny(data={"kind": "npz", "path": str(path)}, steps=2, precision="fp32", evaluation=evaluation, **more)


def test_a_trial_is_measured_in_the_features_it_asks_for(
    few: DataSet, extractor: FeatureExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "STEPS", 3)
    seen, shown = counting(extractor)
    monkeypatch.setattr(loop, "load_extractor", lambda *_: seen)
    first = run(measured_by(tmp_path / "few.npz"), tmp_path / "attempt-1", tmp_path / "cache")
    ((_, metrics),) = first.of("evaluation")
    assert {"fd_test_vit_random", "precision", "recall", "class_accuracy", "held_out_loss"} <= metrics.keys()
    assert not metrics.keys() & {"fd_classifier", "fid"}
    assert metrics["fd_test_vit_random"] > 0
    assert sum(shown) == 40 + 12 + 12, "all real images, those among which neighbours are, and the samples"
    (told,) = [report for report in first.reports if report.kind == "evaluation"]
    assert (told.details["fd_reference_n"], told.details["fd_floor_n"], told.details["samples"]) == (32, 8, 12)
    assert first.started().details["comparability"]["evaluator"].endswith(f"+{extractor.name}")
    shown.clear()
    second = run(measured_by(tmp_path / "few.npz", seed=1), tmp_path / "attempt-2", tmp_path / "cache")
    assert sum(shown) == 12, "the samples alone"
    ((_, others),) = second.of("evaluation")
    assert others["fd_test_vit_random"] != metrics["fd_test_vit_random"]
    shown.clear()
    assert run(measured_by(tmp_path / "few.npz"), tmp_path / "attempt-3", tmp_path / "cache").of("evaluation") == first.of("evaluation")


def test_a_trial_can_be_stopped_while_its_reference_is_computed(few: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS", 3)
    monkeypatch.setattr(loop, "ALIVE_SECONDS", -1.0)

    def soon(report: TrialReport) -> bool:
        return report.kind == "alive"

    told = run(measured_by(tmp_path / "few.npz"), tmp_path / "attempt-1", tmp_path / "cache", stop=soon)
    assert (told.result.stopped, told.result.step) == (True, 0)
    assert not list((tmp_path / "cache").glob("reference-*.safetensors")), "it was not waited for"


def test_weights_that_cannot_be_had_end_a_trial_before_it_starts(few: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS", 3)
    (tmp_path / "torn.pth").write_bytes(b"nothing")
    config = measured_by(tmp_path / "few.npz")
    extractor = {"kind": "timm", "name": NAME, "weights": str(tmp_path / "torn.pth")}
    config = TrainConfig.model_validate(config.model_dump() | {"evaluation": {"extractor": extractor}})
    with pytest.raises(DataError, match=r"torn\.pth cannot be read"):
        run(config, tmp_path / "attempt-1", tmp_path / "cache")
    assert list((tmp_path / "attempt-1").iterdir()) == []
