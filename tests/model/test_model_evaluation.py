"""Every metric of given weights, the held-out loss by hand, and the picture of samples."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_trials import network_of, tiny
from torch import Tensor, nn
from trial_reports import run

from model.backbone.transformer import DiffusionTransformer
from model.config.evaluation import EvaluationConfig
from model.data.dataset import DataSet
from model.data.examples import Examples
from model.evaluation import evaluation_classifier as training
from model.evaluation import held_out as holding
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.evaluate import Evaluation, evaluate
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.grid import save_grid
from model.evaluation.held_out import held_out_loss, held_out_losses
from model.evaluation.reference import classifier_reference
from model.grouping import Grouping
from model.randomness import stream
from model.sampling.generate import generate


@pytest.fixture
def network() -> DiffusionTransformer:
    return network_of(tiny())


def test_the_held_out_loss_by_hand(network: DiffusionTransformer, digits: DataSet) -> None:
    few = Examples(digits.held_out.tokens[:9], digits.held_out.labels[:9])
    config = EvaluationConfig(held_out_levels=4, seed=3)
    errors = []
    with torch.no_grad():
        for level, t in enumerate((0.125, 0.375, 0.625, 0.875)):
            noise = stream(3, "held_out_noise", level).normal(few.tokens.shape).double()
            for i in range(9):
                one, e = few.tokens[i : i + 1], noise[i : i + 1]
                levels = torch.full((1, 1), t, dtype=torch.float64)
                predicted, _ = network((1 - t) * one + t * e, levels, few.labels[i : i + 1], Grouping.whole(16))
                errors.append((predicted - (e - one)).square().mean().item())
    assert held_out_loss(network, few, config) == pytest.approx(np.mean(errors), rel=1e-10)


def test_the_held_out_loss_of_a_network_that_predicts_nothing(digits: DataSet) -> None:
    """E |e - x0|^2 = 1 + E x0^2 per value."""
    silent = network_of(tiny())
    nn.init.zeros_(silent.final_layer.linear.weight)
    nn.init.zeros_(silent.final_layer.linear.bias)
    found = held_out_loss(silent, digits.held_out, EvaluationConfig(held_out_levels=8))
    assert found == pytest.approx(1 + digits.held_out.tokens.square().mean().item(), rel=0.01)


def test_the_held_out_loss_does_not_depend_on_blocks(
    network: DiffusionTransformer, digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EvaluationConfig(held_out_levels=2)
    whole = held_out_loss(network, digits.held_out, config)
    monkeypatch.setattr(holding, "BLOCK", 100)
    assert held_out_loss(network, digits.held_out, config) == pytest.approx(whole, rel=1e-12)


def looked_at(
    config_seed: int, network: DiffusionTransformer, digits: DataSet, classifier: EvaluationClassifier, path: Path, **settings: int
) -> Evaluation:
    config = tiny(seed=config_seed, evaluation={"samples": 25} | settings)
    reference = classifier_reference(config.evaluation, digits, classifier)
    return evaluate(config, network, digits, classifier, path, lambda: None, step=0, reference=reference)


def test_metrics_belong_to_the_weights_not_to_the_training_seed(
    network: DiffusionTransformer, digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path
) -> None:
    a, b = (looked_at(seed, network, digits, classifier, tmp_path / "grid.png") for seed in (0, 1))
    assert a == b
    other = looked_at(0, network, digits, classifier, tmp_path / "grid.png", seed=1)
    assert all(other.metrics[name] != a.metrics[name] for name in ("held_out_loss", "fd_digits"))


def test_metrics_by_hand(network: DiffusionTransformer, digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path) -> None:
    config = tiny(evaluation={"samples": 25})
    found = looked_at(0, network, digits, classifier, tmp_path / "grid.png")
    ((tokens, labels),) = generate(network, config.evaluation, shape=(16, 4), dtype=torch.float64, tick=lambda: None, channels=1)
    features, predicted = classifier.classify(tokens)
    assert found.metrics == {
        "held_out_loss": held_out_loss(network, digits.held_out, config.evaluation),
        "fd_digits": pytest.approx(frechet_distance(classifier.reference, Moments.of(features.numpy()))),
        "class_accuracy": pytest.approx((predicted == labels).double().mean().item()),
    }
    assert found.details == {
        "samples": 25,
        "fd_floor": classifier.floor,
        "fd_floor_n": 359,
        "fd_reference_n": 1438,
        "fd_features": 64,
        "fd_note": "25 images in 64 features have a singular covariance",
        "classifier_accuracy": classifier.accuracy,
        "held_out_images": 359,
        "training_images": 1438,
        "passes": 0.0,
    }


@pytest.mark.parametrize(("samples", "rows"), [(7, 1), (25, 3), (80, 8), (300, 8)])
def test_the_picture_has_a_row_per_draw_and_a_column_per_class(
    samples: int, rows: int, network: DiffusionTransformer, digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path
) -> None:
    looked_at(0, network, digits, classifier, tmp_path / "grid.png", samples=samples)
    with Image.open(tmp_path / "grid.png") as picture:
        assert (picture.size, picture.mode) == ((10 * 34 + 2, rows * 34 + 2), "L")
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGB"), (2, "L")])
def test_a_grid_shows_its_images_in_order(channels: int, mode: str, tmp_path: Path) -> None:
    values = torch.tensor([-1.0, -0.5, 0.0, 0.5, 7.0])
    images: Tensor = values[:, None, None, None].expand(5, channels, 16, 16)
    save_grid(images, 3, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        assert (picture.size, picture.mode) == ((3 * 34 + 2, 2 * 34 + 2), mode)
        pixels = np.asarray(picture.convert("L"))
    centres = [[int(pixels[18 + 34 * row, 18 + 34 * column]) for column in range(3)] for row in range(2)]
    assert centres == [[0, 64, 128], [191, 255, 255]]


def test_large_images_are_not_enlarged(tmp_path: Path) -> None:
    save_grid(torch.zeros(2, 1, 40, 40), 2, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (2 * 42 + 2, 42 + 2)


def test_a_users_own_images_are_trained_on_and_their_distance_has_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS", 3)
    random = np.random.default_rng(0)
    path = tmp_path / "mine.npz"
    np.savez(path, images=random.integers(0, 256, (30, 8, 8, 3)).astype(np.uint8), labels=np.arange(30) % 3)
    config = tiny(data={"kind": "npz", "path": str(path)}, steps=2, precision="fp32")
    told = run(config, tmp_path / "attempt-1", tmp_path / "cache")
    ((step, metrics),) = told.of("evaluation")
    assert step == 2
    assert "fd_classifier" in metrics
    assert not any(name.startswith("fd_digits") for name in metrics)
    with Image.open(told.folder / "samples-00000002.png") as picture:
        assert (picture.size, picture.mode) == ((3 * 34 + 2, 4 * 34 + 2), "RGB")


def test_a_trial_evaluates_its_moving_average(digits: DataSet, classifier: EvaluationClassifier, cache: Path, tmp_path: Path) -> None:
    config = tiny(steps=3, held_out_every=2)
    told = run(config, tmp_path / "attempt-1", cache)
    average = network_of(config)
    average.load_state_dict(told.tensors("average-00000003.safetensors"))
    reference = classifier_reference(config.evaluation, digits, classifier)
    picture = tmp_path / "samples-00000003.png"
    wanted = evaluate(config, average, digits, classifier, picture, lambda: None, step=3, reference=reference)
    ((_, metrics),) = told.of("evaluation")
    assert {name: metrics[name] for name in wanted.metrics} == wanted.metrics
    assert (tmp_path / "samples-00000003.png").read_bytes() == (told.folder / "samples-00000003.png").read_bytes()
    average.load_state_dict(
        {k.removeprefix("average/"): v for k, v in told.tensors("checkpoint-00000002.safetensors").items() if "average" in k}
    )
    curve = [metrics["held_out_loss"] for _, metrics in told.of("points") if "held_out_loss" in metrics]
    assert curve == [held_out_loss(average, digits.held_out, config.evaluation)]


def test_the_loss_of_each_noise_level_has_the_whole_for_its_mean(network: DiffusionTransformer, digits: DataSet) -> None:
    config = EvaluationConfig(held_out_levels=4)
    found = held_out_losses(network, digits.held_out, config)
    assert list(found.by_level) == [f"held_out_loss_by_t/{t}" for t in (0.125, 0.375, 0.625, 0.875)]
    assert np.mean(list(found.by_level.values())) == pytest.approx(found.loss, rel=1e-12)
    assert len(set(found.by_level.values())) == 4


def test_pictures_on_the_way_show_what_an_evaluation_would_and_change_nothing(cache: Path, tmp_path: Path) -> None:
    plain = run(tiny(steps=5, evaluation={"samples": 40, "every": 2}), tmp_path / "attempt-1", cache)
    drawn = run(tiny(steps=5, samples_every=2, evaluation={"samples": 40}), tmp_path / "attempt-2", cache)
    assert sorted(path.name for path in drawn.folder.glob("samples-*")) == [f"samples-0000000{step}.png" for step in (2, 4, 5)]
    for step in (2, 4):
        with (
            Image.open(plain.folder / f"samples-0000000{step}.png") as whole,
            Image.open(drawn.folder / f"samples-0000000{step}.png") as few,
        ):
            assert few.size == (342, 3 * 34 + 2)
            assert np.array_equal(np.asarray(whole)[: few.height], np.asarray(few))
    (last,), (same,) = plain.of("evaluation")[-1:], drawn.of("evaluation")[-1:]
    assert {k: v for k, v in last[1].items() if "second" not in k and "peak" not in k} == {
        k: v for k, v in same[1].items() if "second" not in k and "peak" not in k
    }
