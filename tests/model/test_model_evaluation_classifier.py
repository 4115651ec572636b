"""The evaluation classifier: trained once, kept under the data set's content, told apart by its weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_trials import TOKENS

from model.config import NpzData
from model.data.dataset import DataSet, load
from model.data.examples import Examples
from model.evaluation import evaluation_classifier as training
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.evaluation_classifier import EvaluationClassifier, load_or_train_classifier

CPU = torch.device("cpu")


def npz(path: Path, held_out_fraction: float = 0.2, seed: int = 0) -> NpzData:
    random = np.random.default_rng(seed)
    path.parent.mkdir(exist_ok=True)
    np.savez(path, images=random.integers(0, 256, (40, 8, 8)).astype(np.uint8), labels=np.arange(40) % 4)
    return NpzData(kind="npz", path=path, held_out_fraction=held_out_fraction)


def test_the_judge_of_the_digits_knows_them(classifier: EvaluationClassifier, digits: DataSet) -> None:
    features, predicted = classifier.classify(digits.held_out.tokens)
    assert features.shape == (359, training.FEATURES)
    assert features.dtype == torch.float64
    accuracy = (predicted == digits.held_out.labels).double().mean().item()
    assert classifier.accuracy == pytest.approx(accuracy)
    assert accuracy > 0.95


def test_its_reference_and_floor_are_those_of_the_data(classifier: EvaluationClassifier, digits: DataSet) -> None:
    train, held_out = (Moments.of(classifier.classify(part.tokens)[0].numpy()) for part in (digits.train, digits.held_out))
    np.testing.assert_allclose(classifier.reference.mean, train.mean, atol=1e-9)
    np.testing.assert_allclose(classifier.reference.covariance, train.covariance, atol=1e-9)
    assert classifier.reference.n == len(digits.train)
    assert classifier.floor == pytest.approx(frechet_distance(train, held_out))
    assert classifier.floor_n == 359
    noise = torch.randn(400, TOKENS, 4, generator=torch.Generator().manual_seed(0))
    assert frechet_distance(classifier.reference, Moments.of(classifier.classify(noise)[0].numpy())) > 5 * classifier.floor > 0


def test_it_is_trained_once(classifier: EvaluationClassifier, digits: DataSet, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("trained a second time")

    monkeypatch.setattr(training, "_train", never)
    again = load_or_train_classifier(digits, 2, cache)
    assert again.name == classifier.name
    assert (again.accuracy, again.floor) == (classifier.accuracy, classifier.floor)
    assert torch.equal(again.classify(digits.held_out.tokens)[0], classifier.classify(digits.held_out.tokens)[0])


def test_it_is_trained_the_same_way_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS", 3)
    config = npz(tmp_path / "mine.npz")
    torch.manual_seed(5)
    first = load_or_train_classifier(load(config, 2, CPU, torch.float64), 2, tmp_path / "a")
    torch.manual_seed(6)
    second = load_or_train_classifier(
        load(config, 4, CPU, torch.float32), 4, tmp_path / "b"
    )  # patches and precision are the trial's affair
    assert first.name == second.name
    assert first.accuracy == second.accuracy
    other = load_or_train_classifier(load(npz(tmp_path / "other.npz", seed=1), 2, CPU, torch.float64), 2, tmp_path / "a")
    assert other.name != first.name
    assert len(list((tmp_path / "a").glob("judge-*.safetensors"))) == 2


def test_another_split_of_the_same_images_has_another_classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier may not have been trained on the images that are held out here."""
    monkeypatch.setattr(training, "STEPS", 3)
    path = tmp_path / "mine.npz"
    judges = [load_or_train_classifier(load(npz(path, fraction), 2, CPU, torch.float32), 2, tmp_path / "cache") for fraction in (0.2, 0.5)]
    assert [classifier.floor_n for classifier in judges] == [8, 20]
    assert [classifier.reference.n for classifier in judges] == [32, 20]


def test_samples_beyond_the_pixel_range_are_clamped(classifier: EvaluationClassifier, digits: DataSet) -> None:
    tokens = digits.held_out.tokens[:5]
    loud, cut = classifier.classify(3 * tokens), classifier.classify((3 * tokens).clamp(-1, 1))
    assert torch.equal(loud[0], cut[0])


def test_its_verdict_does_not_depend_on_the_precision_of_the_trial(classifier: EvaluationClassifier, digits: DataSet) -> None:
    """Its reference moments are of single precision; features rounded to bfloat16 are not comparable with them."""
    tokens = digits.held_out.tokens.float()
    plain = classifier.classify(tokens)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = classifier.classify(tokens)[0]
    torch.testing.assert_close(under_autocast, plain, rtol=1e-5, atol=1e-5)


def test_training_it_leaves_the_thread_count_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS", 1)
    torch.set_num_threads(2)
    try:
        load_or_train_classifier(load(npz(tmp_path / "mine.npz"), 2, CPU, torch.float32), 2, tmp_path)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def rounds_of(
    tmp_path: Path, patch: pytest.MonkeyPatch, *accuracies: float
) -> tuple[list[tuple[range, int]], list[int], EvaluationClassifier]:
    """Steps and images of every round, how many images each accuracy was of, and the classifier; the accuracies are given."""
    fitted: list[tuple[range, int]] = []
    asked: list[int] = []
    fit = training._fit

    def fitting(classifier: training.Classifier, images: Examples, steps: range, *rest: int) -> None:
        fitted.append((steps, len(images)))
        fit(classifier, images, steps, *rest)

    def accuracy(_: object, images: Examples, *__: object) -> float:
        asked.append(len(images))
        return accuracies[len(asked) - 1]

    patch.setattr(training, "STEPS", 3)
    patch.setattr(training, "_fit", fitting)
    patch.setattr(training, "_accuracy", accuracy)
    made = load_or_train_classifier(load(npz(tmp_path / "mine.npz"), 2, CPU, torch.float32), 2, tmp_path)
    return fitted, asked, made


def test_one_that_fits_its_images_has_no_more_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, asked, _ = rounds_of(tmp_path, monkeypatch, training.FITTED)
    assert (fitted, asked) == ([(range(3), 32)], [32])


def test_it_goes_on_while_images_kept_aside_are_told_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never by the 8 held-out images, on which its accuracy is stated."""
    fitted, asked, _ = rounds_of(tmp_path, monkeypatch, 0.9, 0.3, 0.5, 0.505)
    assert fitted == [(range(3), 32), (range(3), 29), (range(3, 9), 29), (range(9, 21), 29)]
    assert asked == [32, 3, 3, 3]


def test_a_round_that_tells_them_worse_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worse = rounds_of(tmp_path / "a", monkeypatch, 0.9, 0.5, 0.4)[2]
    monkeypatch.undo()
    monkeypatch.setattr(training, "ROUNDS", 2)
    better = rounds_of(tmp_path / "b", monkeypatch, 0.9, 0.5, 0.6)[2]
    monkeypatch.undo()
    assert worse.name != better.name
    again = rounds_of(tmp_path / "c", monkeypatch, 0.9, 0.5, 0.5)[2]
    assert again.name == worse.name, "the first round's weights"


def test_rounds_are_bounded_by_the_pixels_that_they_take() -> None:
    assert [training._rounds(side) for side in (8, 32, 33, 64, 128, 256)] == [4, 4, 3, 2, 1, 1]


def test_rounds_make_a_better_classifier(digits: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS", 10)
    with_rounds = load_or_train_classifier(digits, 2, tmp_path / "a")
    monkeypatch.setattr(training, "ROUNDS", 1)
    assert with_rounds.accuracy > load_or_train_classifier(digits, 2, tmp_path / "b").accuracy + 0.1
