"""The bundled photographs: disjoint crops with the photograph's own pixels, the same data set in a plan and in a trial."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model.config import PhotographsData, TrainConfig
from model.config.extractor import feature_metrics
from model.data import photographs
from model.data.dataset import load
from model.data.source import facts, read
from model.errors import DataError


def data(resolution: int = 16) -> PhotographsData:
    return PhotographsData(kind="photographs", resolution=resolution)


@pytest.fixture(scope="module")
def china() -> np.ndarray:
    found = importlib.util.find_spec("sklearn")
    assert found is not None
    assert found.origin is not None
    with Image.open(Path(found.origin).parent / "datasets" / "images" / "china.jpg") as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize(("resolution", "rows", "columns"), [(16, 26, 40), (32, 13, 20), (48, 8, 13)])
def test_the_crops_are_the_photograph_cut_up(resolution: int, rows: int, columns: int, china: np.ndarray) -> None:
    found = read(data(resolution))
    assert found.images.shape == (2 * rows * columns, 3, resolution, resolution)
    assert found.images.dtype == np.float32
    assert np.bincount(found.labels).tolist() == [rows * columns] * 2
    assert found.class_names == ("china", "flower")
    grey = np.round((found.images[: rows * columns].transpose(0, 2, 3, 1) + 1) * 127.5).astype(np.uint8)
    for number in (0, columns - 1, columns, rows * columns - 1):
        top, left = number // columns * resolution, number % columns * resolution
        assert np.array_equal(grey[number], china[top : top + resolution, left : left + resolution]), number


def test_values_span_black_to_white() -> None:
    images = read(data()).images
    assert (images.min(), images.max()) == (-1, 1)
    assert 0.4 < images.std() < 1


def test_a_plan_and_a_trial_see_one_data_set() -> None:
    believed, found = facts(data()), load(data(), 2, torch.device("cpu"), torch.float32)
    assert believed == found.facts(2)
    assert (believed.train, believed.held_out, believed.channels, believed.classes) == (1664, 416, 3, 2)
    assert found.held_out.tokens.shape == (416, 64, 12), "64 tokens of 2 x 2 pixels"


def test_other_crops_are_another_data_set() -> None:
    assert len({facts(data(resolution)).content_hash for resolution in (8, 16, 32)}) == 3


def test_the_training_images_can_be_fewer() -> None:
    assert facts(data().model_copy(update={"train_images": 100})).train == 100


def test_the_distance_is_in_the_features_of_their_own_classifier() -> None:
    config = TrainConfig.model_validate({"data": {"kind": "photographs"}, "seed": 0})
    assert feature_metrics(config.evaluation.extractor, config.data.kind) == ("fd_classifier",)


def test_photographs_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", ("china", "lost"))
    with pytest.raises(DataError, match=r"scikit-learn's lost\.jpg is not installed; install scikit-learn from its wheel"):
        read(data())
