"""What a frozen network is shown and what it answers, and the metrics in its features by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tiny_extractors import NAME, counting, extractor_of, nothing
from tiny_trials import network_of, tiny

from model.config.extractor import TimmExtractor
from model.data.dataset import DataSet
from model.errors import ConfigError, DataError
from model.evaluation.class_score import inception_score
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.evaluate import evaluate
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.extractors import FeatureExtractor
from model.evaluation.neighbours import precision_and_recall
from model.evaluation.reference import Reference, classifier_reference
from model.patches import unpatchify
from model.sampling.generate import generate
from model.timm_models import load_timm_model


@pytest.mark.parametrize(("name", "mode"), [("test_vit", "bicubic"), ("test_resnet", "bilinear")])
def test_features_are_the_pooled_ones_of_the_resized_image(name: str, mode: str, digits: DataSet) -> None:
    tokens = digits.train.tokens[:3]
    features, logits = extractor_of(name).extract_tokens(tokens, 2, 1, nothing)
    model = load_timm_model(TimmExtractor(kind="timm", name=name, weights="none"), "{error}")
    pixels = (unpatchify(tokens, 2, 1).float() + 1) / 2
    big = F.interpolate(torch.cat([pixels] * 3, dim=1), (160, 160), mode=mode, antialias=True)
    with torch.no_grad():
        wanted = model((big - 0.5) / 0.5)
    assert logits is None
    assert (features.dtype, features.shape) == (torch.float64, wanted.shape)
    torch.testing.assert_close(features, wanted.double(), rtol=1e-4, atol=1e-5)
    assert features.std(dim=0).max() > 1e-3, "features differ between images"


def test_features_do_not_depend_on_blocks_precision_or_values_beyond_the_pixels(extractor: FeatureExtractor, few: DataSet) -> None:
    tokens = few.train.tokens
    seen, shown = counting(extractor)
    whole, _ = seen.extract_tokens(tokens[:3], 2, 3, nothing)
    assert shown == [3]
    torch.testing.assert_close(extractor.extract_tokens(tokens, 2, 3, nothing)[0][:3], whole, rtol=1e-4, atol=1e-5)
    loud, cut = (extractor.extract_tokens(values, 2, 3, nothing)[0] for values in (3 * tokens[:2], (3 * tokens[:2]).clamp(-1, 1)))
    assert torch.equal(loud, cut)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(extractor.extract_tokens(tokens[:3].float(), 2, 3, nothing)[0], whole)


def test_an_eye_is_named_by_its_weights(tmp_path: Path, extractor: FeatureExtractor) -> None:
    assert extractor_of().name == extractor.name
    assert extractor_of("test_vit2").name != extractor.name
    state = load_timm_model(TimmExtractor(kind="timm", name=NAME, weights="none"), "{error}").state_dict()
    save_file(state, tmp_path / "same.safetensors")
    save_file({name: value + 1e-3 for name, value in state.items()}, tmp_path / "other.safetensors")
    assert extractor_of(weights=str(tmp_path / "same.safetensors")).name == extractor.name, "wherever they come from"
    assert extractor_of(weights=str(tmp_path / "other.safetensors")).name != extractor.name


def test_what_is_no_extractor_is_refused(tmp_path: Path, few: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ConfigError, match=r"evaluation\.extractor\.name: resnet18\.nonsense cannot be made \(.*nonsense.*\); choose another"
    ):
        extractor_of("resnet18.nonsense")
    (tmp_path / "torn.pth").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"torn\.pth cannot be read .*; give evaluation\.extractor\.weights: a safetensors or torch file"):
        extractor_of(weights=str(tmp_path / "torn.pth"))
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match=rf"the weights of {NAME} lack .* more; name the model that they are of"):
        extractor_of(weights=str(tmp_path / "other.safetensors"))
    headless = extractor_of()
    monkeypatch.setattr("timm.models.vision_transformer.VisionTransformer.forward_head", lambda self, x, pre_logits: x)
    with pytest.raises(ConfigError, match=rf"{NAME} gives no vector per image \(it gives \(101, 64\) numbers\); choose another model"):
        headless.extract_tokens(few.train.tokens[:1], 2, 3, nothing)


def test_metrics_by_hand(digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path) -> None:
    """In the extractor's features all but the class metrics, which stay the evaluation classifier's."""
    network = network_of(tiny())
    forward = extractor_of()
    real = forward.extract_tokens(digits.train.tokens[:60], 2, 1, nothing)[0]
    reference = Reference(forward, Moments.of(real.numpy()), 1.5, 9, real[:20])
    asked = {"samples": 20, "extra_metrics": ["precision", "recall", "class_score"]}
    config = tiny(evaluation=asked | {"extractor": {"kind": "timm", "name": NAME, "weights": "none"}})
    found = evaluate(config, network, digits, classifier, tmp_path / "grid.png", nothing, step=0, reference=reference)
    ((tokens, _),) = generate(network, config.evaluation, shape=(16, 4), dtype=torch.float64, tick=nothing, channels=1)
    features = forward.extract_tokens(tokens, 2, 1, nothing)[0]
    by_classifier = evaluate(
        tiny(evaluation=asked),
        network,
        digits,
        classifier,
        tmp_path / "grid.png",
        nothing,
        step=0,
        reference=classifier_reference(tiny(evaluation=asked).evaluation, digits, classifier),
    )
    same = {name: by_classifier.metrics[name] for name in ("held_out_loss", "class_accuracy", "class_score")}
    precision, recall = precision_and_recall(real[:20], features)
    assert found.metrics == same | {
        "fd_test_vit_random": pytest.approx(frechet_distance(reference.moments, Moments.of(features.numpy()))),
        "precision": precision,
        "recall": recall,
    }
    assert found.details == by_classifier.details | {
        "fd_floor": 1.5,
        "fd_floor_n": 9,
        "fd_reference_n": 60,
        "fd_features": 64,
        "fd_note": "20 images in 64 features have a singular covariance",
        "neighbour_images": 20,
    }


def test_the_inception_score_is_of_the_published_weights_alone(
    digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in that answers as the network does: numbers of an image, and logits."""
    logits = torch.randn(12, 7, generator=torch.Generator().manual_seed(0))
    stand_in = FeatureExtractor("stand-in", lambda images: (images.mean(dim=(2, 3)), logits))
    reference = Reference(stand_in, Moments.of(np.random.default_rng(0).normal(size=(9, 3))), 1.0, 5, None)
    file = tmp_path / "weights.pth"
    file.write_bytes(b"any")

    def measured() -> dict[str, float]:
        config = tiny(evaluation={"samples": 12, "extractor": {"kind": "inception", "weights": str(file)}})
        return evaluate(config, network_of(tiny()), digits, classifier, tmp_path / "a.png", nothing, step=0, reference=reference).metrics

    other = measured()
    assert set(other) == {"held_out_loss", "fd_inception", "class_accuracy"}
    monkeypatch.setattr("model.config.extractor.FID_WEIGHTS", "5eca7a7a2a0a7ec5a11d9c0000000000")
    monkeypatch.setattr("model.config.frozen._hash_of", lambda *_: "5eca7a7a2a0a7ec5")
    published = measured()
    assert set(published) == {"held_out_loss", "fid", "inception_score", "class_accuracy"}
    assert (published["fid"], published["inception_score"]) == (other["fd_inception"], inception_score(logits))
