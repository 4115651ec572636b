"""A user's own classifier: what it says of samples and held-out images by hand, and what is refused."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from safetensors.torch import save_file
from tiny_extractors import CPU, counting, nothing
from tiny_trials import network_of, tiny
from torch import Tensor, nn
from trial_reports import run

from model.config import TrainConfig
from model.config.classifier import TimmClassifier
from model.data.dataset import DataSet
from model.errors import ConfigError, DataError
from model.evaluation.class_score import class_score
from model.evaluation.evaluate import evaluate
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.own_classifier import OwnClassifier, open_own_classifier
from model.evaluation.reference import classifier_reference
from model.patches import unpatchify
from model.sampling.generate import generate
from model.timm_models import import_timm
from model.train_trial import check
from tests.model.test_model_extractor_config import LATENTS

NAME = "test_resnet"
ASKED = {"samples": 20, "extra_metrics": ["class_score"]}


def network(path: Path, classes: int = 10, centred_on: Tensor | None = None) -> nn.Module:
    """A tiny classifier and its weights in a file; on images (n, T, P) on which it is centred its verdicts differ."""
    made: nn.Module = import_timm().create_model(NAME, num_classes=classes)
    generator = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    made.eval()
    if centred_on is not None:
        with torch.no_grad():
            made.get_classifier().bias -= made(shown(centred_on)).mean(dim=0)  # type: ignore[operator, union-attr]
    save_file(made.state_dict(), path)
    return made


def shown(tokens: Tensor) -> Tensor:
    """The digits as timm's test networks are shown pictures."""
    pixels = (unpatchify(tokens, 2, 1).float().clamp(-1, 1) + 1) / 2
    return (F.interpolate(torch.cat([pixels] * 3, dim=1), (160, 160), mode="bilinear", antialias=True) - 0.5) / 0.5


def wrap(weights: Path | str, **more: Any) -> TrainConfig:
    return tiny(evaluation=ASKED | more | {"classifier": {"kind": "timm", "name": NAME, "weights": str(weights)}})


def opened(config: TrainConfig, data: DataSet) -> OwnClassifier:
    found = open_own_classifier(config.evaluation.classifier, data, 2, CPU)
    assert found is not None
    return found


def test_classes_are_its_own_and_all_else_stays(tmp_path: Path, digits: DataSet, classifier: EvaluationClassifier) -> None:
    transformer = network_of(tiny())
    plain = tiny(evaluation=ASKED).evaluation
    ((tokens, labels),) = generate(transformer, plain, shape=(16, 4), dtype=torch.float64, tick=nothing, channels=1)
    made = network(tmp_path / "own.safetensors", centred_on=tokens)
    config = wrap(tmp_path / "own.safetensors")
    own = opened(config, digits)
    results = []
    for with_own in (None, dataclasses.replace(own, accuracy=0.25)):
        reference = classifier_reference(config.evaluation, digits, classifier)
        picture = tmp_path / "grid.png"
        results.append(evaluate(config, transformer, digits, classifier, picture, nothing, step=0, reference=reference, own=with_own))
    without, found = results
    with torch.no_grad():
        logits = made(shown(tokens))
    assert len(logits.argmax(dim=1).unique()) > 1, "a network that says one thing of all would prove nothing"
    assert found.metrics["class_accuracy"] == (logits.argmax(dim=1) == labels).double().mean().item()
    assert found.metrics["class_score"] == pytest.approx(class_score(torch.log_softmax(logits.double(), dim=1)), rel=1e-4)
    assert {name for name in without.metrics if without.metrics[name] != found.metrics[name]} <= {"class_accuracy", "class_score"}
    assert without.metrics["class_score"] != found.metrics["class_score"]
    assert found.details == without.details | {"classifier_accuracy": 0.25}


def test_its_accuracy_is_on_held_out_images_and_computed_once(tmp_path: Path, digits: DataSet) -> None:
    made = network(tmp_path / "own.safetensors", centred_on=digits.held_out.tokens[:20])
    own = opened(wrap(tmp_path / "own.safetensors"), digits)
    with torch.no_grad():
        right = made(shown(digits.held_out.tokens)).argmax(dim=1) == digits.held_out.labels
    assert own.measured(digits, tmp_path / "cache", nothing).accuracy == right.double().mean().item()
    extractor, seen = counting(own.extractor)
    again = OwnClassifier(extractor, own.patch, own.channels)
    assert again.measured(digits, tmp_path / "cache", nothing).accuracy == right.double().mean().item()
    assert seen == []


def test_a_trial_says_whose_classes_they_are(tmp_path: Path, cache: Path) -> None:
    network(tmp_path / "own.safetensors")
    config = wrap(tmp_path / "own.safetensors").model_copy(update={"steps": 2, "checkpoint_every": 2})
    told = run(config, tmp_path / "trial", cache)
    classifier, _, own = told.started().details["comparability"]["evaluator"].partition("+classes by ")
    assert classifier
    assert len(own) == 16
    (report,) = [report for report in told.reports if report.kind == "evaluation"]
    assert 0 <= report.details["classifier_accuracy"] < 0.5, "it was never trained"


def test_a_config_without_one_keeps_its_names(tmp_path: Path) -> None:
    network(tmp_path / "own.safetensors")
    plain, own = tiny(), tiny(evaluation={"classifier": {"kind": "timm", "name": NAME, "weights": str(tmp_path / "own.safetensors")}})
    assert "classifier" not in plain.evaluation_identity(content_hash="x")
    named = own.evaluation_identity(content_hash="x")["classifier"]
    assert named.keys() == {"kind", "name", "weights_hash"}, "by what it is and the content of its weights, not by its place"
    assert own.training_identity(content_hash="x", precision="fp32") == plain.training_identity(content_hash="x", precision="fp32")


def test_other_classes_are_refused(tmp_path: Path, digits: DataSet) -> None:
    network(tmp_path / "four.safetensors", classes=4)
    with pytest.raises(DataError, match=r"evaluation\.classifier\.weights tell 4 classes apart, and the data has 10; give a classifier of"):
        opened(wrap(tmp_path / "four.safetensors"), digits)
    with pytest.raises(ConfigError, match=rf"weights: the published {NAME} tells 1000 classes apart, and the data has 10; give a file of"):
        opened(wrap("pretrained"), digits)


def test_random_weights_are_no_classifier() -> None:
    with pytest.raises(
        ValidationError, match=r"evaluation\.classifier\.weights: .*none cannot be read .*; give pretrained, or a file of weights"
    ):
        wrap("none")


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    network(tmp_path / "own.safetensors")
    classifier = TimmClassifier(kind="timm", name=NAME, weights=str(tmp_path / "own.safetensors")).model_dump(mode="json")
    with pytest.raises(ValidationError, match=r"evaluation.classifier.kind: timm looks at pictures, but data.kind: latents are none"):
        tiny(LATENTS, evaluation={"classifier": classifier})
    np.savez(tmp_path / "four.npz", images=np.full((40, 8, 8, 4), 200, np.uint8), labels=np.arange(40) % 4)
    four = {"data": {"kind": "npz", "path": str(tmp_path / "four.npz")}}
    with pytest.raises(ConfigError, match=r"evaluation.classifier.kind: timm looks at pictures, but data have 4 channels; use grey or RGB"):
        check(tiny(four, evaluation={"classifier": classifier}))
