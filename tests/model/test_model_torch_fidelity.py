"""FID's Inception as torch-fidelity has it, with made-up weights of the right names and shapes; and its formulas against ours."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_extractors import CPU, nothing
from tiny_inception import drawn_state, library
from tiny_trials import tiny
from torch import Tensor, nn
from trial_reports import run

from model.config.extractor import InceptionExtractor
from model.data.dataset import DataSet
from model.errors import DataError
from model.evaluation import evaluation_classifier as training
from model.evaluation.class_score import class_score, inception_score
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.extractors import FeatureExtractor, load_extractor, published_weights
from model.evaluation.neighbours import precision_and_recall
from model.patches import unpatchify


def extractor_of(weights: Path | str) -> FeatureExtractor:
    extractor = load_extractor(InceptionExtractor(kind="inception", weights=str(weights)), CPU)
    assert extractor is not None
    return extractor


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return drawn_state()


@pytest.fixture(scope="module")
def weights(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    file = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(state, file)
    yield file
    file.unlink()  # 95 MB


def by_hand(pixels: np.ndarray) -> np.ndarray:
    """(S, S) to (299, 299) as TensorFlow 1 resizes: pixel i of 299 lies at i S / 299, without half pixels; then (x - 128) / 128."""
    side = len(pixels)
    place = np.arange(299) * (side / 299)
    low = np.floor(place).astype(int)
    high, share = np.minimum(low + 1, side - 1), place - low
    rows = pixels[low] * (1 - share)[:, None] + pixels[high] * share[:, None]
    both = rows[:, low] * (1 - share) + rows[:, high] * share
    return np.asarray((both - 128) / 128)


def test_images_are_shown_as_the_published_protocol_shows_them(
    weights: Path, state: dict[str, Tensor], digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    extractor, tokens = extractor_of(weights), 1.02 * digits.train.tokens[:2]
    shown: list[Tensor] = []

    def watch(module: nn.Module, given: Any) -> None:
        if isinstance(module, nn.Conv2d) and module.in_channels == 3:
            shown.append(given[0].clone())

    handle = nn.modules.module.register_module_forward_pre_hook(watch)
    features, logits = extractor.extract_tokens(tokens, 2, 1, nothing)
    handle.remove()
    ((first, second),) = shown
    for image, x in ((first, tokens[:1]), (second, tokens[1:])):
        pixels = np.floor(np.clip(127.5 * unpatchify(x, 2, 1)[0, 0].clamp(-1, 1).numpy() + 128, 0, 255))
        for channel in image.numpy():
            np.testing.assert_allclose(channel, by_hand(pixels), atol=1e-5)
    assert logits is not None
    assert (features.shape, features.dtype, logits.shape) == ((2, 2048), torch.float64, (2, 1008))
    assert (features[0] - features[1]).abs().max() > 1e-3 * features.abs().max() > 0
    torch.testing.assert_close(logits.double(), features @ state["fc.weight"].double().T, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(logits.double(), features @ state["fc.weight"].double().T + state["fc.bias"].double(), rtol=1e-4, atol=1e-4)


def test_weights_are_known_by_their_content(weights: Path, state: dict[str, Tensor], tmp_path: Path) -> None:
    safe = tmp_path / "weights.safetensors"
    save_file(state, safe)
    assert extractor_of(safe).name == extractor_of(weights).name, "the same tensors"
    config = InceptionExtractor(kind="inception", weights=str(safe))
    assert config.weights_hash == hashlib.sha256(safe.read_bytes()).hexdigest()[:16]
    save_file(state | {"fc.bias": state["fc.bias"] + 1}, safe)
    with pytest.raises(DataError, match="changed since this trial was named"):
        load_extractor(config, CPU)
    assert extractor_of(safe).name != extractor_of(weights).name


class Hostile:
    """Unpickled, it leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.mark,)


def test_a_file_of_something_else_is_refused_and_never_unpickled(tmp_path: Path, state: dict[str, Tensor]) -> None:
    lacking, narrow = (
        {name: value for name, value in state.items() if name != "fc.weight"},
        state | {"fc.weight": torch.zeros(1000, 2048)},
    )
    remedy = r"give weights-inception-2015-12-05-6726825d\.pth, or evaluation\.extractor\.weights: hub"
    for held, said in ((lacking, "fc.weight"), (narrow, "size mismatch for fc.weight"), (state | {"more": torch.zeros(1)}, "more")):
        torch.save(held, tmp_path / "wrong.pth")
        with pytest.raises(DataError, match=rf"holds no weights of FID's Inception-v3 \(.*{said}.*\); {remedy}"):
            extractor_of(tmp_path / "wrong.pth")
    torch.save({"fc.weight": Hostile(tmp_path / "mark")}, tmp_path / "hostile.pth")
    with pytest.raises(DataError, match=r"hostile\.pth cannot be read"):
        extractor_of(tmp_path / "hostile.pth")
    assert not (tmp_path / "mark").exists()


def test_the_hub_is_asked_once_and_its_file_is_checked(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network here, its place is taken by a stand-in."""
    asked: list[tuple[str, str]] = []

    def download(url: str, path: str, *, hash_prefix: str, progress: bool) -> None:
        asked.append((url.rsplit("/", 1)[-1], hash_prefix))
        if len(asked) == 1:
            raise URLError("no route to host")
        Path(path).write_bytes(weights.read_bytes())

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(DataError, match=r"the published file .*no route to host.*; give evaluation\.extractor\.weights: a safetensors or"):
        extractor_of("hub")
    path = published_weights()
    assert path == tmp_path / "hub" / "checkpoints" / "weights-inception-2015-12-05-6726825d.pth"
    whole = hashlib.sha256(b"").hexdigest()
    assert [(name, len(prefix)) for name, prefix in asked] == [("weights-inception-2015-12-05-6726825d.pth", len(whole))] * 2
    assert asked[0][1].startswith("6726825d")
    with pytest.raises(DataError, match="is not the published file that its name says; remove it, and it is fetched again"):
        extractor_of("hub")
    assert len(asked) == 2
    for place in ("model.config.frozen._hash_of", "model.timm_models.read_hash"):
        monkeypatch.setattr(place, lambda *_: "6726825d0af5f729")
    assert extractor_of("hub").name == extractor_of(weights).name
    assert len(asked) == 2, "the file is there"


def features(n: int, seed: int, width: int = 6) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.asarray(random.normal(size=(n, width)) @ random.normal(size=(width, width)) + random.normal(size=width))


@pytest.mark.parametrize("seed", range(3))
def test_our_formulas_are_those_of_the_library(seed: int) -> None:
    """Ours stay: the library's are inner functions of a program that reads folders, and a trial without FID does not need it."""
    library()
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    real, generated = features(60, seed), features(80, seed + 10)
    statistics = [fid_features_to_statistics(torch.from_numpy(x)) for x in (generated, real)]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(Moments.of(real), Moments.of(generated)) == pytest.approx(theirs, rel=1e-6)
    near = [torch.from_numpy(x) for x in (generated, real)]
    assert precision_and_recall(near[1], near[0]) == pytest.approx(calculate_precision_recall_full(*near), abs=1e-6)
    logits = torch.from_numpy(3 * features(50, seed, 7))
    for splits in (1, 5):
        theirs = isc_features_to_metric(logits, splits=splits, shuffle=False)["inception_score_mean"]
        assert inception_score(logits, split=50 // splits) == pytest.approx(theirs, rel=1e-10)
    assert inception_score(logits) == class_score(torch.log_softmax(logits, dim=1)), "fewer than 5,000 are one split"


@pytest.mark.slow
def test_a_trial_is_measured_in_inceptions_features(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up weights, so no FID; 2048 features of 10 real images."""
    monkeypatch.setattr(training, "STEPS", 3)
    path = tmp_path / "few.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3)).astype(np.uint8), labels=np.arange(10) % 2)
    evaluation = {"samples": 4, "extractor": {"kind": "inception", "weights": str(weights)}}
    config = tiny(data={"kind": "npz", "path": str(path)}, steps=1, precision="fp32", evaluation=evaluation)
    told = run(config, tmp_path / "attempt-1", tmp_path / "cache")
    (said,) = [report for report in told.reports if report.kind == "evaluation"]
    assert said.metrics["fd_inception"] > 0
    assert not {"fid", "inception_score", "fd_classifier"} & said.metrics.keys()
    assert said.details["fd_note"] == "4 images in 2,048 features have a singular covariance"
    assert (said.details["fd_floor"] > 0, said.details["fd_floor_n"], said.details["fd_reference_n"]) == (True, 2, 8)
