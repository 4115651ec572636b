"""A published reference in ADM's layout: what is measured against it, what names it, and what is refused."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tiny_extractors import CPU, few_images, nothing
from tiny_inception import drawn_state, library
from tiny_trials import CLASSES, network_of, tiny
from torch import Tensor

from model.config import TrainConfig
from model.config.extractor import FID_WEIGHTS, InceptionExtractor
from model.config.section import identity
from model.data.dataset import DataSet
from model.errors import DataError
from model.evaluation import reference_file
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.evaluate import Evaluation, evaluate
from model.evaluation.evaluation_classifier import EvaluationClassifier
from model.evaluation.extractors import FeatureExtractor, load_extractor
from model.evaluation.kernel_distance import kernel_distance
from model.evaluation.neighbours import precision_and_recall
from model.evaluation.reference import Reference, load_or_make_reference
from model.evaluation.reference_file import ReferenceFile
from model.patches import unpatchify
from model.sampling.archive import to_pixels
from model.sampling.generate import generate

EXTRA = ["kid", "precision", "recall", "sfid"]
WIDE, SPATIAL = 5, 4
CUT = 64
"""Of each kind of features, the first ones: matrices of all of them take a minute on a busy processor."""


@dataclass(frozen=True)
class Measured:
    """An evaluation against a file, and what it is made of."""

    evaluation: Evaluation
    reference: Reference
    real: tuple[Tensor, Tensor]
    generated: Tensor
    images: Tensor


def statistics(pooled: np.ndarray, spatial: np.ndarray) -> dict[str, np.ndarray]:
    held = {"mu": pooled.mean(axis=0), "sigma": np.cov(pooled, rowvar=False)}
    return held | {"mu_s": spatial.mean(axis=0), "sigma_s": np.cov(spatial, rowvar=False)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, FeatureExtractor]]:
    """Weights, and the network as an extractor."""
    weights = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(drawn_state(), weights)
    extractor = load_extractor(InceptionExtractor(kind="inception", weights=str(weights)), CPU)
    assert extractor is not None
    yield weights, extractor
    weights.unlink()  # 95 MB


@pytest.fixture(scope="module")
def measured(
    whole: tuple[Path, FeatureExtractor], digits: DataSet, classifier: EvaluationClassifier, tmp_path_factory: pytest.TempPathFactory
) -> Measured:
    folder = tmp_path_factory.mktemp("reference")
    (weights, all_of_it), path = whole, folder / "VIRTUAL_tiny.npz"

    def widely(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        assert all_of_it.forward_with_spatial is not None
        features, logits, spatial = all_of_it.forward_with_spatial(images)
        return features[:, :CUT], logits, spatial[:, :CUT]

    extractor = FeatureExtractor(all_of_it.name, lambda images: widely(images)[:2], widely)
    pixels = np.random.default_rng(5).integers(0, 256, (20, 8, 8, 3)).astype(np.uint8)
    shown = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    assert np.array_equal(to_pixels(shown), pixels), "the network sees the file's own pixels"
    features, _, spatial = extractor.extract_with_spatial([shown], nothing)
    np.savez(path, arr_0=pixels, **statistics(features.numpy(), spatial.numpy()))  # type: ignore[arg-type]
    asked = {"samples": 14, "extra_metrics": EXTRA, "reference": str(path), "extractor": {"kind": "inception", "weights": str(weights)}}
    config, network = tiny(evaluation=asked), network_of(tiny())
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FEATURES", "SPATIAL_FEATURES"):
            patch.setattr(reference_file, name, CUT)
        reference = load_or_make_reference(config.evaluation, few_images(folder / "few.npz"), 2, extractor, folder / "cache", nothing)
    found = evaluate(config, network, digits, classifier, folder / "grid.png", nothing, step=0, reference=reference)
    ((tokens, _),) = generate(network, config.evaluation, shape=(16, 4), dtype=torch.float64, tick=nothing, channels=1)
    return Measured(found, reference, (features, spatial), extractor.extract_tokens(tokens, 2, 1, nothing)[0], unpatchify(tokens, 2, 1))


def theirs(real: np.ndarray, generated: np.ndarray) -> float:
    """torch-fidelity's function, in the space that the features span: a rotation changes no distance, and there are few features."""
    library()
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    basis = np.linalg.qr(np.concatenate([real, generated]).T)[0]
    both = [fid_features_to_statistics(torch.from_numpy(part @ basis)) for part in (generated, real)]
    return float(fid_statistics_to_metric(*both, verbose=False)["frechet_inception_distance"])


def test_the_distance_is_torch_fidelitys(measured: Measured) -> None:
    wanted = theirs(measured.real[0].numpy(), measured.generated.numpy())
    assert measured.evaluation.metrics["fd_inception"] == pytest.approx(wanted, rel=1e-6)


def test_spatial_features_are_the_networks_own_feature_map(whole: tuple[Path, FeatureExtractor], measured: Measured) -> None:
    network = library().FeatureExtractorInceptionV3("direct", ["2048"], str(whole[0]))
    maps: list[Tensor] = []
    network.Mixed_6d.register_forward_hook(lambda _, __, found: maps.append(found[:, :7].clone()))
    network(torch.from_numpy(to_pixels(measured.images)).permute(0, 3, 1, 2))
    ((found),) = maps
    assert found.shape == (14, 7, 17, 17)
    generated = torch.stack([found[:, c, y, x] for y in range(17) for x in range(17) for c in range(7)], dim=1).double()
    features, _, spatial = whole[1].extract_with_spatial([measured.images[:3].float()], nothing)
    assert (features.shape[1], spatial.shape[1]) == (reference_file.FEATURES, reference_file.SPATIAL_FEATURES)
    torch.testing.assert_close(spatial, generated[:3], rtol=1e-4, atol=1e-4)
    generated = generated[:, :CUT]
    assert measured.evaluation.metrics["sfid_inception"] == pytest.approx(theirs(measured.real[1].numpy(), generated.numpy()), rel=1e-6)
    assert measured.reference.spatial is not None
    np.testing.assert_allclose(measured.reference.spatial.mean, measured.real[1].mean(dim=0))


def test_neighbours_and_kernels_are_of_the_files_images(measured: Measured) -> None:
    features, generated = measured.real[0], measured.generated
    near = precision_and_recall(features, generated)
    metrics = measured.evaluation.metrics
    assert (metrics["precision"], metrics["recall"]) == pytest.approx(near, abs=1e-9)
    assert metrics["kid_inception"] == pytest.approx(kernel_distance(features, generated, 0), rel=1e-4, abs=1e-9)
    details = measured.evaluation.details
    assert details["reference"].startswith("VIRTUAL_tiny.npz (")
    assert "fd_reference_n" not in details, "a file does not say of how many images it is"
    assert (details["fd_floor_n"], details["neighbour_images"], details["kid_reference_n"]) == (8, 20, 20)
    assert details["fd_floor"] > 0


def inception(path: Path, *extra: str, **more: Any) -> TrainConfig:
    return tiny(evaluation={"reference": str(path), "extractor": {"kind": "inception"}, "extra_metrics": extra} | more)


def some(path: Path, seed: int = 0, **changes: Any) -> Path:
    """A small file of the layout, of WIDE and SPATIAL features."""
    random = np.random.default_rng(seed)
    held = statistics(random.normal(size=(9, WIDE)), random.normal(size=(9, SPATIAL)))
    held |= {"arr_0": random.integers(0, 256, (6, 4, 4, 3)).astype(np.uint8)} | changes
    np.savez(path, **{name: value for name, value in held.items() if value is not None})  # type: ignore[arg-type]
    return path


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_file, "FEATURES", WIDE)
    monkeypatch.setattr(reference_file, "SPATIAL_FEATURES", SPATIAL)


def opened(config: TrainConfig) -> ReferenceFile:
    file = ReferenceFile.of(config.evaluation)
    assert file is not None
    return file


def named(config: TrainConfig) -> str:
    return json.dumps(config.evaluation_identity(content_hash="x"), sort_keys=True)


def test_a_file_goes_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = some(tmp_path / "a.npz"), some(tmp_path / "b.npz", seed=1)
    moved = tmp_path / "moved.npz"
    moved.write_bytes(first.read_bytes())
    config = inception(first)
    assert named(inception(moved)) == named(config) != named(inception(other))
    monkeypatch.chdir(tmp_path)
    assert inception(Path("a.npz")) == config, "a trial may run in another folder"
    plain = tiny(evaluation={"extractor": {"kind": "inception"}})
    assert named(config) != named(plain)
    assert named(tiny(evaluation={"reference": "training", "labels": "balanced"})) == named(tiny())
    assert not {"reference", "reference_hash", "labels"} & identity(plain.evaluation).keys()
    assert ReferenceFile.of(plain.evaluation) is None
    assert str(first) not in named(config)
    first.unlink()
    assert TrainConfig.model_validate(config.model_dump(mode="json")) == config, "what was written down needs no file"
    assert tiny(evaluation={"reference_hash": "0" * 16}) == tiny(), "training has no hash"


@pytest.mark.usefixtures("narrow")
def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    config = inception(some(tmp_path / "a.npz"))
    assert opened(config).moments().mean.shape == (WIDE,)
    some(tmp_path / "a.npz", seed=1)
    with pytest.raises(DataError, match=r"a\.npz changed since this trial was named; plan the sweep again, or put the old file back"):
        opened(config)
    (tmp_path / "a.npz").unlink()
    with pytest.raises(DataError, match=r"a\.npz cannot be read \(No such file"):
        opened(config)


@pytest.mark.parametrize(
    ("make", "extra", "message"),
    [
        (lambda path: None, (), "a.npz cannot be read (No such file or directory); give training, or a reference file of ADM"),
        (lambda path: path.write_bytes(b"nothing"), (), "a.npz is no whole .npz file (File is not a zip file); give training"),
        (lambda path: some(path, sigma=None), (), "evaluation.reference: the Fréchet distance needs the array sigma, which "),
        (lambda path: some(path, mu_s=None), ("sfid",), "evaluation.reference: sfid needs the array mu_s, which "),
        (lambda path: some(path, arr_0=None), ("recall",), "evaluation.reference: recall needs the array arr_0, which "),
        (lambda path: some(path, arr_0=None), ("kid",), "evaluation.reference: kid needs the array arr_0, which "),
    ],
)
def test_what_cannot_be_measured_against_is_refused_when_it_is_named(
    make: Callable[[Path], object], extra: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    make(tmp_path / "a.npz")
    with pytest.raises(ValidationError) as caught:
        inception(tmp_path / "a.npz", *extra)
    (said,) = (error["msg"] for error in caught.value.errors())
    assert message in said
    assert "\n" not in said


def test_other_features_are_refused(tmp_path: Path) -> None:
    path = some(tmp_path / "a.npz", arr_0=None, mu_s=None)
    inception(path, "class_score")
    for extractor in ({"kind": "classifier"}, {"kind": "timm", "name": "resnet18"}):
        with pytest.raises(ValidationError, match=r"statistics of Inception's features, but evaluation\.extractor\.kind is .*; set eval"):
            tiny(evaluation={"reference": str(path), "extractor": extractor})
        with pytest.raises(ValidationError, match=r"sfid is in Inception's spatial features, but .*; set evaluation\.extractor\.kind: in"):
            tiny(evaluation={"extra_metrics": ["sfid"], "extractor": extractor})


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mu": np.zeros(WIDE + 1)}, r"mu is \(6,\) of float64, not \(5,\) floats"),
        ({"sigma": np.zeros((WIDE, WIDE + 1))}, r"sigma is \(5, 6\) of float64, not \(5, 5\) floats"),
        ({"mu": np.array([0, 0, np.nan, 0, 0])}, "mu holds values that are not finite"),
        ({"sigma": np.triu(np.ones((WIDE, WIDE)))}, "sigma is not symmetric, so it is no covariance"),
        ({"mu": np.array([None] * WIDE)}, r"mu is \(5,\) of object, not"),
    ],
)
def test_statistics_of_something_else_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"a\.npz: {message}"):
        opened(inception(some(tmp_path / "a.npz", **changes))).moments()


@pytest.mark.usefixtures("narrow")
def test_a_torn_array_is_one_line(tmp_path: Path) -> None:
    path = some(tmp_path / "a.npz")
    held = bytearray(path.read_bytes())
    at = held.index(b"mu.npy") + 160  # in the values behind the header
    held[at] ^= 255
    path.write_bytes(held)
    with pytest.raises(DataError, match=r"a\.npz: mu cannot be read \(Bad CRC-32.*\); fetch the file again") as caught:
        opened(inception(path)).moments()
    assert "\n" not in str(caught.value)


def test_images_are_read_in_blocks_and_no_more_than_asked(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 4, 4, 3)).astype(np.uint8)
    file = opened(inception(some(tmp_path / "a.npz", arr_0=pixels)))
    blocks = list(file.images(CPU, 3, 5))
    assert [len(block) for block in blocks] == [3, 2]
    assert np.array_equal(to_pixels(torch.cat(blocks)), pixels[:5])
    assert len(torch.cat(list(file.images(CPU, 3, 100)))) == 7
    with pytest.raises(DataError, match=r"arr_0 is \(7, 4, 4\) of uint8, not images"):
        list(opened(inception(some(tmp_path / "b.npz", arr_0=pixels[..., 0]))).images(CPU, 3, 5))


def test_the_names_of_the_numbers(tmp_path: Path) -> None:
    path = some(tmp_path / "a.npz")
    assert inception(path, "sfid").feature_metrics == ("fid", "inception_score", "sfid")
    other = tiny(evaluation={"extractor": {"kind": "inception", "weights": __file__}, "extra_metrics": ["sfid"]})
    assert other.feature_metrics == ("fd_inception", "sfid_inception")
    assert inception(path).evaluation.extractor.weights_hash == FID_WEIGHTS[:16]  # type: ignore[union-attr]


@pytest.mark.usefixtures("narrow")
def test_against_a_file_the_training_images_are_not_looked_at(tmp_path: Path) -> None:
    shown: list[int] = []

    def forward(images: Tensor) -> tuple[Tensor, Tensor]:
        shown.append(len(images))
        return images.flatten(1)[:, :WIDE], images.flatten(1)[:, :3]

    few, cache = few_images(tmp_path / "few.npz"), tmp_path / "cache"

    def kept(*extra: str) -> Reference:
        shown.clear()
        config = inception(some(tmp_path / "a.npz"), *extra).evaluation
        return load_or_make_reference(config, few, 2, FeatureExtractor("stand-in", forward), cache, nothing)

    first = kept()
    assert (sum(shown), first.floor_n, first.neighbours, first.features, first.spatial) == (8, 8, None, None, None)
    again = kept("recall", "sfid")
    assert (sum(shown), again.floor) == (6, first.floor)
    assert again.neighbours is not None
    assert again.spatial is not None
    assert (again.neighbours.shape, again.spatial.mean.shape) == ((6, WIDE), (SPATIAL,))
    assert torch.equal(kept("kid").features, again.neighbours)  # type: ignore[arg-type]
    assert shown == []


def test_spatial_features_of_the_training_images_are_kept(tmp_path: Path) -> None:
    looks: list[int] = []

    def widely(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        looks.append(len(images))
        flat = images.flatten(1)
        return flat[:, :5], flat[:, :3], flat[:, 5:9]

    few = few_images(tmp_path / "few.npz")
    extractor = FeatureExtractor("stand-in", lambda images: widely(images)[:2], widely)
    config = tiny(evaluation={"extractor": {"kind": "inception"}, "extra_metrics": ["sfid"]}).evaluation
    first, again = (load_or_make_reference(config, few, 2, extractor, tmp_path / "cache", nothing) for _ in range(2))
    assert sum(looks) == 32 + 8 + 32
    wanted = Moments.of(unpatchify(few.train.tokens.float(), 2, 3).flatten(1)[:, 5:9].double().numpy())
    for found in (first, again):
        assert found.spatial is not None
        assert frechet_distance(found.spatial, wanted) == pytest.approx(0, abs=1e-9)


def test_a_distance_is_never_negative() -> None:
    sets = [Moments.of(np.random.default_rng(seed).normal(size=(5, 40))) for seed in range(20)]
    assert all(frechet_distance(same, same) >= 0 for same in sets)
    for scale in (1.0, 2.0):
        a, b = Moments(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 9), Moments(np.ones(3), scale**2 * np.diag([1.0, 4.0, 9.0]), 9)
        assert frechet_distance(a, b) == pytest.approx(3 + (scale - 1) ** 2 * 14)


def drawn_labels(samples: int, seed: int = 0, **more: Any) -> tuple[Tensor, Tensor]:
    config = tiny(evaluation={"samples": samples, "seed": seed, "sampler": {"steps": 2}} | more).evaluation
    blocks = list(generate(network_of(tiny()), config, shape=(16, 4), dtype=torch.float64, tick=nothing, channels=1))
    return torch.cat([tokens for tokens, _ in blocks]), torch.cat([labels for _, labels in blocks])


def test_random_labels_are_drawn_by_the_generation_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.sampling.generate.BLOCK", 16)
    _, few = drawn_labels(11, labels="random")
    _, more = drawn_labels(300, labels="random")
    assert torch.equal(more[:11], few), "a longer run begins with the shorter"
    counts = more.bincount(minlength=CLASSES)
    assert len(counts) == CLASSES
    assert counts.min() > 0
    assert counts.tolist() != [30] * CLASSES
    assert not torch.equal(drawn_labels(300, seed=1, labels="random")[1], more)
    assert drawn_labels(12)[1].tolist() == [i % CLASSES for i in range(12)]


def test_random_labels_move_no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.sampling.generate.guided_field", lambda *_: lambda x, _: torch.zeros_like(x))
    assert torch.equal(drawn_labels(12, labels="random")[0], drawn_labels(12)[0])


def test_a_picture_of_random_labels_is_ordered_by_class(
    digits: DataSet, classifier: EvaluationClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.evaluation.reference import classifier_reference

    saved: list[tuple[Tensor, object]] = []
    monkeypatch.setattr("model.evaluation.sample_metrics.save_grid", lambda images, _, __, names: saved.append((images, names)))
    config = tiny(evaluation={"labels": "random", "samples": 30})
    reference = classifier_reference(config.evaluation, digits, classifier)
    evaluate(config, network_of(tiny()), digits, classifier, tmp_path / "grid.png", nothing, step=0, reference=reference)
    tokens, labels = drawn_labels(30, labels="random")
    ((images, names),) = saved
    assert names == ()
    torch.testing.assert_close(images, unpatchify(tokens.float(), 2, 1)[labels.argsort(stable=True)])
