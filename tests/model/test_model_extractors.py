"""Features of a tiny model of timm with random weights, what is kept of the real images, and a trial that is measured in them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from filelock import FileLock
from safetensors.torch import load_file, save_file
from tiny_trials import network_of, tiny
from trial_reports import run

from model.config import TrainConfig
from model.config.extractor import TimmExtractor
from model.data.dataset import DataSet, load
from model.errors import ConfigError, DataError
from model.evaluation import judge as judging
from model.evaluation import reference as referring
from model.evaluation.class_score import inception_score
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.evaluate import evaluate
from model.evaluation.extractors import Eye, open_eye
from model.evaluation.judge import Judge
from model.evaluation.neighbours import precision_and_recall
from model.evaluation.reference import Reference, judges_reference, load_or_make_reference
from model.patches import unpatchify
from model.reports import TrialReport
from model.sampling.generate import generate
from model.timm_models import load_timm_model
from model.training import loop

CPU = torch.device("cpu")
NAME = "test_vit"
"""160 x 160 pixels, 64 features."""


def nothing() -> None:
    return None


def eye_of(name: str = NAME, weights: str = "none") -> Eye:
    eye = open_eye(TimmExtractor(kind="timm", name=name, weights=weights), CPU)
    assert eye is not None
    return eye


@pytest.fixture(scope="module")
def eye() -> Eye:
    return eye_of()


@pytest.fixture
def few(tmp_path: Path) -> DataSet:
    """32 training and 8 held-out colour images."""
    return few_images(tmp_path / "few.npz")


def few_images(path: Path, seed: int = 0) -> DataSet:
    images = np.random.default_rng(seed).integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
    np.savez(path, images=images, labels=np.arange(40) % 4)
    return load(tiny(data={"kind": "npz", "path": str(path)}).data, 2, CPU, torch.float64)


def counting(eye: Eye) -> tuple[Eye, list[int]]:
    """The eye, and how many images it was shown at a time."""
    shown: list[int] = []

    def see(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        shown.append(len(images))
        return eye.see(images)

    return Eye(eye.name, see), shown


@pytest.mark.parametrize(("name", "mode"), [("test_vit", "bicubic"), ("test_resnet", "bilinear")])
def test_features_are_the_pooled_ones_of_the_resized_image(name: str, mode: str, digits: DataSet) -> None:
    tokens = digits.train.tokens[:3]
    features, logits = eye_of(name).look(tokens, 2, 1, nothing)
    model = load_timm_model(TimmExtractor(kind="timm", name=name, weights="none"), "{error}")
    pixels = (unpatchify(tokens, 2, 1).float() + 1) / 2
    big = F.interpolate(torch.cat([pixels] * 3, dim=1), (160, 160), mode=mode, antialias=True)
    with torch.no_grad():
        wanted = model((big - 0.5) / 0.5)
    assert logits is None
    assert (features.dtype, features.shape) == (torch.float64, wanted.shape)
    torch.testing.assert_close(features, wanted.double(), rtol=1e-4, atol=1e-5)
    assert features.std(dim=0).max() > 1e-3, "features differ between images"


def test_features_do_not_depend_on_blocks_precision_or_values_beyond_the_pixels(eye: Eye, few: DataSet) -> None:
    tokens = few.train.tokens
    seen, shown = counting(eye)
    whole, _ = seen.look(tokens[:3], 2, 3, nothing)
    assert shown == [3]
    torch.testing.assert_close(eye.look(tokens, 2, 3, nothing)[0][:3], whole, rtol=1e-4, atol=1e-5)
    loud, cut = (eye.look(values, 2, 3, nothing)[0] for values in (3 * tokens[:2], (3 * tokens[:2]).clamp(-1, 1)))
    assert torch.equal(loud, cut)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(eye.look(tokens[:3].float(), 2, 3, nothing)[0], whole)


def test_an_eye_is_named_by_its_weights(tmp_path: Path, eye: Eye) -> None:
    assert eye_of().name == eye.name
    assert eye_of("test_vit2").name != eye.name
    state = load_timm_model(TimmExtractor(kind="timm", name=NAME, weights="none"), "{error}").state_dict()
    save_file(state, tmp_path / "same.safetensors")
    save_file({name: value + 1e-3 for name, value in state.items()}, tmp_path / "other.safetensors")
    assert eye_of(weights=str(tmp_path / "same.safetensors")).name == eye.name, "wherever they come from"
    assert eye_of(weights=str(tmp_path / "other.safetensors")).name != eye.name


def test_what_is_no_eye_is_refused(tmp_path: Path, few: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ConfigError, match=r"evaluation\.extractor\.name: resnet18\.nonsense cannot be made \(.*nonsense.*\); choose another"
    ):
        eye_of("resnet18.nonsense")
    (tmp_path / "torn.pth").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"torn\.pth cannot be read .*; give evaluation\.extractor\.weights: a safetensors or torch file"):
        eye_of(weights=str(tmp_path / "torn.pth"))
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match=rf"the weights of {NAME} lack .* more; name the model that they are of"):
        eye_of(weights=str(tmp_path / "other.safetensors"))
    headless = eye_of()
    monkeypatch.setattr("timm.models.vision_transformer.VisionTransformer.forward_head", lambda self, x, pre_logits: x)
    with pytest.raises(ConfigError, match=rf"{NAME} gives no vector per image \(it gives \(101, 64\) numbers\); choose another model"):
        headless.look(few.train.tokens[:1], 2, 3, nothing)


def test_the_reference_is_that_of_the_real_images(eye: Eye, few: DataSet, tmp_path: Path) -> None:
    config = tiny(evaluation={"samples": 12, "extra_metrics": ["recall"]}).evaluation
    found = load_or_make_reference(config, few, 2, eye, tmp_path / "cache", nothing)
    train, held_out = (eye.look(part.tokens, 2, 3, nothing)[0] for part in (few.train, few.held_out))
    np.testing.assert_allclose(found.moments.mean, train.numpy().mean(axis=0))
    np.testing.assert_allclose(found.moments.covariance, np.cov(train.numpy(), rowvar=False))
    assert (found.moments.n, found.floor_n) == (32, 8)
    assert found.floor == pytest.approx(frechet_distance(Moments.of(train.numpy()), Moments.of(held_out.numpy())))
    assert found.neighbours is not None
    torch.testing.assert_close(found.neighbours, train[:12], rtol=1e-4, atol=1e-5)


def test_the_reference_is_computed_once_for_an_eye_and_its_images(eye: Eye, few: DataSet, tmp_path: Path) -> None:
    seen, shown = counting(eye)
    cache = tmp_path / "cache"

    def kept(evaluation: dict[str, Any], *, data: DataSet = few, by: Eye = seen) -> Reference:
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
    kept({"samples": 5}, by=Eye("another", seen.see))
    assert sum(shown) == 40
    kept({"samples": 5}, data=few_images(tmp_path / "other.npz", seed=1))
    assert sum(shown) == 40


def test_another_evaluator_keeps_its_own_reference(eye: Eye, few: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in (1, 2):
        monkeypatch.setattr(referring, "EVALUATOR_VERSION", version)
        load_or_make_reference(tiny().evaluation, few, 2, eye, tmp_path, nothing)
    assert len(list(tmp_path.glob("reference-*.safetensors"))) == 2


def test_a_torn_reference_is_computed_again(eye: Eye, few: DataSet, tmp_path: Path) -> None:
    config = tiny(evaluation={"extra_metrics": ["recall"]}).evaluation
    first = load_or_make_reference(config, few, 2, eye, tmp_path / "cache", nothing)
    files = sorted((tmp_path / "cache").glob("*.safetensors"))
    assert [file.name.split("-")[0] for file in files] == ["neighbours", "reference"]
    whole = [file.read_bytes() for file in files]
    for file, content in zip(files, whole, strict=True):
        file.write_bytes(content[:-10])
    again = load_or_make_reference(config, few, 2, eye, tmp_path / "cache", nothing)
    assert again.floor == first.floor
    assert [file.read_bytes() for file in files] == whole


def test_a_trial_says_that_it_lives_while_it_looks_and_while_it_waits(
    eye: Eye, few: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
        load_or_make_reference(config, few, 2, eye, tmp_path, after(2))  # in the midst of the images
    assert not list(tmp_path.glob("*.safetensors"))
    (lock,) = tmp_path.glob("*.lock")
    with FileLock(lock), pytest.raises(Stopped):
        load_or_make_reference(config, few, 2, eye, tmp_path, after(5))
    load_or_make_reference(config, few, 2, eye, tmp_path, nothing)


def test_metrics_by_hand(digits: DataSet, judge: Judge, tmp_path: Path) -> None:
    """In the eye's features all but the class metrics, which stay the judge's."""
    network = network_of(tiny())
    see = open_eye(TimmExtractor(kind="timm", name=NAME, weights="none"), CPU)
    assert see is not None
    real = see.look(digits.train.tokens[:60], 2, 1, nothing)[0]
    reference = Reference(see, Moments.of(real.numpy()), 1.5, 9, real[:20])
    asked = {"samples": 20, "extra_metrics": ["precision", "recall", "class_score"]}
    config = tiny(evaluation=asked | {"extractor": {"kind": "timm", "name": NAME, "weights": "none"}})
    found = evaluate(config, network, digits, judge, tmp_path / "grid.png", nothing, step=0, reference=reference)
    ((tokens, _),) = generate(network, config.evaluation, shape=(16, 4), dtype=torch.float64, tick=nothing)
    features = see.look(tokens, 2, 1, nothing)[0]
    by_judge = evaluate(
        tiny(evaluation=asked),
        network,
        digits,
        judge,
        tmp_path / "grid.png",
        nothing,
        step=0,
        reference=judges_reference(tiny(evaluation=asked).evaluation, digits, judge),
    )
    same = {name: by_judge.metrics[name] for name in ("held_out_loss", "class_accuracy", "class_score")}
    precision, recall = precision_and_recall(real[:20], features)
    assert found.metrics == same | {
        "fd_test_vit_random": pytest.approx(frechet_distance(reference.moments, Moments.of(features.numpy()))),
        "precision": precision,
        "recall": recall,
    }
    assert found.details == by_judge.details | {
        "fd_floor": 1.5,
        "fd_floor_n": 9,
        "fd_reference_n": 60,
        "fd_features": 64,
        "fd_note": "20 images in 64 features have a singular covariance",
        "neighbour_images": 20,
    }


def test_the_inception_score_is_of_the_published_weights_alone(
    digits: DataSet, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in that answers as the network does: numbers of an image, and logits."""
    logits = torch.randn(12, 7, generator=torch.Generator().manual_seed(0))
    stand_in = Eye("stand-in", lambda images: (images.mean(dim=(2, 3)), logits))
    reference = Reference(stand_in, Moments.of(np.random.default_rng(0).normal(size=(9, 3))), 1.0, 5, None)
    file = tmp_path / "weights.pth"
    file.write_bytes(b"any")

    def measured() -> dict[str, float]:
        config = tiny(evaluation={"samples": 12, "extractor": {"kind": "inception", "weights": str(file)}})
        return evaluate(config, network_of(tiny()), digits, judge, tmp_path / "a.png", nothing, step=0, reference=reference).metrics

    other = measured()
    assert set(other) == {"held_out_loss", "fd_inception", "class_accuracy"}
    monkeypatch.setattr("model.config.extractor.FID_WEIGHTS", "5eca7a7a2a0a7ec5a11d9c0000000000")
    monkeypatch.setattr("model.config.frozen._hash_of", lambda *_: "5eca7a7a2a0a7ec5")
    published = measured()
    assert set(published) == {"held_out_loss", "fid", "inception_score", "class_accuracy"}
    assert (published["fid"], published["inception_score"]) == (other["fd_inception"], inception_score(logits))


def measured_by(path: Path, **more: Any) -> TrainConfig:
    evaluation = {"samples": 12, "extra_metrics": ["precision", "recall"], "extractor": {"kind": "timm", "name": NAME, "weights": "none"}}
    return tiny(data={"kind": "npz", "path": str(path)}, steps=2, precision="fp32", evaluation=evaluation, **more)


def test_a_trial_is_measured_in_the_features_it_asks_for(few: DataSet, eye: Eye, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "STEPS", 3)
    seen, shown = counting(eye)
    monkeypatch.setattr(loop, "open_eye", lambda *_: seen)
    first = run(measured_by(tmp_path / "few.npz"), tmp_path / "attempt-1", tmp_path / "cache")
    ((_, metrics),) = first.of("evaluation")
    assert {"fd_test_vit_random", "precision", "recall", "class_accuracy", "held_out_loss"} <= metrics.keys()
    assert not metrics.keys() & {"fd_classifier", "fid"}
    assert metrics["fd_test_vit_random"] > 0
    assert sum(shown) == 40 + 12 + 12, "all real images, those among which neighbours are, and the samples"
    (told,) = [report for report in first.reports if report.kind == "evaluation"]
    assert (told.details["fd_reference_n"], told.details["fd_floor_n"], told.details["samples"]) == (32, 8, 12)
    assert first.started().details["comparability"]["evaluator"].endswith(f"+{eye.name}")
    shown.clear()
    second = run(measured_by(tmp_path / "few.npz", seed=1), tmp_path / "attempt-2", tmp_path / "cache")
    assert sum(shown) == 12, "the samples alone"
    ((_, others),) = second.of("evaluation")
    assert others["fd_test_vit_random"] != metrics["fd_test_vit_random"]
    shown.clear()
    assert run(measured_by(tmp_path / "few.npz"), tmp_path / "attempt-3", tmp_path / "cache").of("evaluation") == first.of("evaluation")


def test_a_trial_can_be_stopped_while_its_reference_is_computed(few: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "STEPS", 3)
    monkeypatch.setattr(loop, "ALIVE_SECONDS", -1.0)

    def soon(report: TrialReport) -> bool:
        return report.kind == "alive"

    told = run(measured_by(tmp_path / "few.npz"), tmp_path / "attempt-1", tmp_path / "cache", stop=soon)
    assert (told.result.stopped, told.result.step) == (True, 0)


def test_weights_that_cannot_be_had_end_a_trial_before_it_starts(few: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "STEPS", 3)
    (tmp_path / "torn.pth").write_bytes(b"nothing")
    config = measured_by(tmp_path / "few.npz")
    extractor = {"kind": "timm", "name": NAME, "weights": str(tmp_path / "torn.pth")}
    config = TrainConfig.model_validate(config.model_dump() | {"evaluation": {"extractor": extractor}})
    with pytest.raises(DataError, match=r"torn\.pth cannot be read"):
        run(config, tmp_path / "attempt-1", tmp_path / "cache")
    assert list((tmp_path / "attempt-1").iterdir()) == []


def test_kept_statistics_are_plain_tensors(eye: Eye, few: DataSet, tmp_path: Path) -> None:
    found = load_or_make_reference(tiny().evaluation, few, 2, eye, tmp_path, nothing)
    (file,) = tmp_path.glob("*.safetensors")
    held = load_file(file)
    assert {name: (value.dtype, tuple(value.shape)) for name, value in held.items()} == {
        "mean": (torch.float64, (64,)),
        "covariance": (torch.float64, (64, 64)),
        "floor": (torch.float64, ()),
    }
    assert held["floor"].item() == found.floor
