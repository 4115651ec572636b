"""One judge and one reading of the digits for the whole folder."""

from pathlib import Path

import pytest
import torch
from tiny_extractors import extractor_of, few_images

from model.config import DigitsData
from model.data.dataset import DataSet, load
from model.evaluation.evaluation_classifier import EvaluationClassifier, load_or_train_classifier
from model.evaluation.extractors import FeatureExtractor


@pytest.fixture(scope="session")
def digits() -> DataSet:
    """The digits in float64, as 16 tokens of 2 x 2 pixels."""
    return load(DigitsData(), 2, torch.device("cpu"), torch.float64)


@pytest.fixture(scope="session")
def classifier(digits: DataSet, cache: Path) -> EvaluationClassifier:
    return load_or_train_classifier(digits, 2, cache)


@pytest.fixture(scope="session")
def extractor() -> FeatureExtractor:
    """The tiny model of timm that most tests see by."""
    return extractor_of()


@pytest.fixture
def few(tmp_path: Path) -> DataSet:
    """Few colour images, also at `few.npz` in the test's folder."""
    return few_images(tmp_path / "few.npz")
