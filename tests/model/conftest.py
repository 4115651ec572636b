"""One judge and one reading of the digits for the whole folder."""

from pathlib import Path

import pytest
import torch
from tiny_eyes import eye_of, few_images

from model.config import DigitsData
from model.data.dataset import DataSet, load
from model.evaluation.extractors import Eye
from model.evaluation.judge import Judge, load_or_train_judge


@pytest.fixture(scope="session")
def digits() -> DataSet:
    """The digits in float64, as 16 tokens of 2 x 2 pixels."""
    return load(DigitsData(), 2, torch.device("cpu"), torch.float64)


@pytest.fixture(scope="session")
def judge(digits: DataSet, cache: Path) -> Judge:
    return load_or_train_judge(digits, 2, cache)


@pytest.fixture(scope="session")
def eye() -> Eye:
    """The tiny model of timm that most tests see by."""
    return eye_of()


@pytest.fixture
def few(tmp_path: Path) -> DataSet:
    """Few colour images, also at `few.npz` in the test's folder."""
    return few_images(tmp_path / "few.npz")
