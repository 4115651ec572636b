"""A reference file of one's own: the pictures' statistics in Inception, block by block, in ADM's layout."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_autoencoders import SIDE, pictures, save_autoencoder
from tiny_extractors import CPU, nothing
from tiny_inception import drawn_state

from model.config.autoencoder import AutoencoderConfig
from model.config.evaluation import EvaluationConfig
from model.config.extractor import InceptionExtractor
from model.encode_data import Encoding, encode_data
from model.errors import ConfigError, DataError
from model.evaluation.extractors import load_extractor
from model.evaluation.reference_file import ReferenceFile
from model.make_reference import Referenced, RunningMoments, make_reference

COUNT = 17
"""Pictures of each class: more than a block in all."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    file = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(drawn_state(), file)
    yield file
    file.unlink()  # 95 MB


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    shown, labels = pictures()
    pixels = ((shown + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    for label in (0, 1):
        (root / str(label)).mkdir()
        for place, picture in enumerate(pixels[labels.numpy() == label][:COUNT]):
            Image.fromarray(picture).save(root / str(label) / f"{place:02}.png")
    return root


@pytest.fixture(scope="module")
def made(folder: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, said = tmp_path_factory.mktemp("made") / "own.npz", []
    assert make_reference(Referenced(folder, path, SIDE, weights=str(weights)), said.append) == 2 * COUNT
    assert said[-1].startswith("34 of 34 pictures")
    return path


def test_moments_of_blocks_are_those_of_the_whole() -> None:
    features = np.random.default_rng(0).normal(loc=1e3, size=(101, 7))
    running = RunningMoments()
    for first in range(0, 101, 32):
        running.add(features[first : first + 32])
    np.testing.assert_allclose(running.mean, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(running.covariance(), np.cov(features, rowvar=False), rtol=1e-9, atol=1e-12)


def test_the_file_holds_the_statistics_and_the_pictures(folder: Path, weights: Path, made: Path) -> None:
    shown = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*/*.png"))])
    with np.load(made) as held:
        found = dict(held)
    assert np.array_equal(found["arr_0"], shown)
    extractor = load_extractor(InceptionExtractor(kind="inception", weights=str(weights)), CPU)
    assert extractor is not None
    images = torch.from_numpy(shown).permute(0, 3, 1, 2).float() / 127.5 - 1
    pooled, _, spatial = (part.numpy() for part in extractor.extract_with_spatial(images.split(32), nothing))
    for (mean, covariance), features in ((("mu", "sigma"), pooled), (("mu_s", "sigma_s"), spatial)):
        np.testing.assert_allclose(found[mean], features.mean(axis=0), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found[covariance], np.cov(features, rowvar=False), rtol=1e-6, atol=1e-9)
    asked = {"extractor": {"kind": "inception", "weights": str(weights)}, "reference": str(made), "extra_metrics": ["sfid"]}
    file = ReferenceFile.of(EvaluationConfig.model_validate(asked))
    assert file is not None
    assert np.array_equal(file.moments().covariance, found["sigma"])
    assert np.array_equal(file.spatial().mean, found["mu_s"])


def test_of_encoded_pictures_it_is_the_same(folder: Path, weights: Path, made: Path, tmp_path: Path) -> None:
    autoencoder = AutoencoderConfig(weights=str(save_autoencoder(tmp_path / "autoencoder")))
    encode_data(Encoding(folder, tmp_path / "latents", autoencoder, SIDE), lambda line: None)
    make_reference(Referenced(tmp_path / "latents", tmp_path / "latents.npz", SIDE, weights=str(weights)), lambda line: None)
    with np.load(made) as one, np.load(tmp_path / "latents.npz") as other:
        assert all(np.array_equal(one[name], other[name]) for name in one.files)


def test_what_cannot_be_made_is_refused_and_leaves_nothing(folder: Path, weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"own\.txt is no \.npz; give the reference a name that ends so"):
        make_reference(Referenced(folder, tmp_path / "own.txt", SIDE, weights=str(weights)), print)
    with pytest.raises(DataError, match="there is no folder"):
        make_reference(Referenced(tmp_path / "nowhere", tmp_path / "own.npz", SIDE, weights=str(weights)), print)
    with pytest.raises(ConfigError, match=r"--device abc: torch knows no such device; use cpu or cuda"):
        make_reference(Referenced(folder, tmp_path / "own.npz", SIDE, weights=str(weights), device="abc"), print)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "images.npy").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"images\.npy cannot be read .*; encode the data set again"):
        make_reference(Referenced(tmp_path / "torn", tmp_path / "own.npz", SIDE, weights=str(weights)), print)
    (tmp_path / "there.npz").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"there\.npz is there already; give another name, or remove it"):
        make_reference(Referenced(folder, tmp_path / "there.npz", SIDE, weights=str(weights)), print)
    assert {path.name for path in tmp_path.iterdir()} == {"torn", "there.npz"}
