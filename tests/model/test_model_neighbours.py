"""Precision, recall and class score against brute force and closed forms, and as a trial reports them."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.spatial.distance import cdist
from scipy.stats import entropy
from tiny_trials import network_of, tiny
from torch import Tensor

from model.config import NpzData, TrainConfig
from model.data.dataset import DataSet
from model.errors import DataError
from model.evaluation import neighbours
from model.evaluation.class_score import class_score
from model.evaluation.evaluate import evaluate
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.neighbours import precision_and_recall, radii
from model.evaluation.reference import classifier_reference
from model.sampling.generate import generate
from model.train_trial import check

ALL = ("class_score", "precision", "recall")


def cloud(n: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(shift, scale, size=(n, 5)))


def brute_force(real: Tensor, generated: Tensor, k: int) -> tuple[float, float]:
    def share(points: Tensor, centres: Tensor) -> float:
        inside = 0
        for point in points.numpy():
            for i, centre in enumerate(centres.numpy()):
                others = sorted(math.dist(centre, other) for j, other in enumerate(centres.numpy()) if j != i)
                if math.dist(point, centre) <= others[k - 1]:
                    inside += 1
                    break
        return inside / len(points)

    return share(generated, real), share(real, generated)


@pytest.mark.parametrize("block", [7, 1024])
@pytest.mark.parametrize(("shift", "scale", "k"), [(0.0, 1.0, 3), (1.0, 0.5, 3), (0.3, 2.0, 1), (9.0, 1.0, 3)])
def test_against_brute_force(shift: float, scale: float, k: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", block)
    real, generated = cloud(40, 0), cloud(31, 1, shift, scale)
    assert precision_and_recall(real, generated, k) == brute_force(real, generated, k)


def test_radii_are_distances_to_the_kth_other() -> None:
    points = cloud(30, 4)
    wanted = np.sort(cdist(points, points), axis=1)[:, 3]
    np.testing.assert_allclose(radii(points, 3), wanted, rtol=1e-12)
    line = torch.tensor([[0.0], [1.0], [3.0], [6.0], [6.0]], dtype=torch.float64)
    assert radii(line, 1).tolist() == [1.0, 1.0, 2.0, 0.0, 0.0]
    assert radii(line, 3).tolist() == [6.0, 5.0, 3.0, 5.0, 5.0]
    with pytest.raises(AssertionError, match="3 points have no 3-th nearest neighbours"):
        radii(line[:3], 3)


def test_closed_forms_of_precision_and_recall() -> None:
    real = cloud(50, 2)
    assert precision_and_recall(real, real) == (1.0, 1.0)
    assert precision_and_recall(real, real + 1000) == (0.0, 0.0)
    one_mode = real[:1] + 1e-6 * cloud(50, 3)
    precision, recall = precision_and_recall(real, one_mode)
    assert precision == 1.0, "every sample is near a real image"
    assert recall <= 1 / 50, "one image is all that they cover"
    assert precision_and_recall(one_mode, real) == (recall, precision)


@pytest.mark.parametrize("seed", range(3))
def test_class_score_against_scipy(seed: int) -> None:
    logits = torch.from_numpy(np.random.default_rng(seed).normal(scale=3, size=(40, 7)))
    p = torch.softmax(logits, dim=1).numpy()
    wanted = math.exp(np.mean([entropy(row, p.mean(axis=0)) for row in p]))
    assert class_score(torch.log_softmax(logits, dim=1)) == pytest.approx(wanted, rel=1e-10)


def test_closed_forms_of_the_class_score() -> None:
    sure = torch.log_softmax(1000 * torch.eye(5, dtype=torch.float64), dim=1)
    assert class_score(sure) == pytest.approx(5), "sure of each image, and all classes there"
    assert class_score(sure[:1].expand(8, -1)) == pytest.approx(1), "one class only"
    assert class_score(torch.full((6, 5), -math.log(5))) == pytest.approx(1), "no idea of any image"
    assert class_score(torch.eye(4).log()) == pytest.approx(4), "probabilities of exactly 0"
    assert class_score(sure[[0, 0, 1, 1]]) == pytest.approx(2)


def test_a_trial_reports_what_it_is_asked_for(digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path) -> None:
    network = network_of(tiny())

    def looked(*extra: str) -> tuple[dict[str, float], dict[str, object]]:
        config = tiny(evaluation={"samples": 25, "extra_metrics": extra})
        reference = classifier_reference(config.evaluation, digits, classifier)
        found = evaluate(config, network, digits, classifier, tmp_path / "grid.png", lambda: None, step=0, reference=reference)
        return found.metrics, found.details

    plain, beside = looked()
    metrics, details = looked(*ALL)
    ((tokens, _),) = generate(
        network, tiny(evaluation={"samples": 25}).evaluation, shape=(16, 4), dtype=torch.float64, tick=lambda: None, channels=1
    )
    features, verdicts = classifier.classify(tokens)
    log_p = classifier.log_probabilities(features)
    assert torch.equal(log_p.argmax(dim=1), verdicts)
    torch.testing.assert_close(log_p.exp().sum(dim=1), torch.ones(25, dtype=torch.float64))
    precision, recall = brute_force(classifier.classify(digits.train.tokens[:25])[0], features, 3)
    assert metrics == plain | {"class_score": class_score(log_p), "precision": precision, "recall": recall}
    assert details == beside | {"neighbour_images": 25}
    only, few = looked("recall")
    assert only == plain | {"recall": recall}
    assert few == details
    assert looked("class_score")[1] == beside


def test_metrics_that_are_asked_for_name_a_result_and_no_trial() -> None:
    def names(**evaluation: object) -> tuple[object, object]:
        config = tiny(evaluation=evaluation)
        return config.training_identity(content_hash="x", precision="fp32"), config.evaluation_identity(content_hash="x")

    assert names(extra_metrics=()) == names()
    assert "extra_metrics" not in names()[1]  # type: ignore[operator]
    assert names(extra_metrics=["recall", "precision"]) == names(extra_metrics=["precision", "recall"])
    assert names(extra_metrics=["recall"])[0] == names()[0]
    assert names(extra_metrics=["recall"])[1] != names()[1]


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ({"extra_metrics": ["recall", "recall"]}, "evaluation.extra_metrics names recall twice; name each metric once"),
        (
            {"extra_metrics": ["recall"], "samples": 3},
            "recall needs third-nearest neighbours among evaluation.samples, which are 3; draw at least 4",
        ),
        (
            {"extra_metrics": ["inception_score"]},
            "'class_score', 'cmmd', 'fd_infinity', 'kid', 'precision', 'recall', 'overfitting_gap' or 'sfid'",
        ),
    ],
)
def test_metrics_that_mean_nothing_are_refused(evaluation: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        tiny(evaluation=evaluation)
    assert message in caught.value.errors()[0]["msg"]


def test_too_few_real_images_are_refused_before_training(tmp_path: Path) -> None:
    path = tmp_path / "few.npz"
    np.savez(path, images=np.full((10, 8, 8), 200, np.uint8), labels=np.arange(10) % 2)
    data = NpzData(kind="npz", path=path, held_out_fraction=0.7)
    with pytest.raises(DataError, match=r"precision needs third-nearest neighbours among training images, which are 3; give at least 4"):
        check(TrainConfig(data=data, evaluation=tiny(evaluation={"extra_metrics": ["precision"]}).evaluation))
