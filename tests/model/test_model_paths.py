"""Paths in configs: variables and the user's home are replaced, and the rest begins at the current folder."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from model.config import NpzData, TrainConfig
from model.config.paths import absolute_path


def test_variables_and_the_home_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SET", "digits")
    monkeypatch.setenv("HOME", str(tmp_path / "ann"))
    assert absolute_path("$DATA/x.npz") == tmp_path / "data" / "x.npz"
    assert absolute_path("${DATA}/my_$SET.npz") == tmp_path / "data" / "my_digits.npz"
    assert absolute_path("~/x.npz") == tmp_path / "ann" / "x.npz"
    assert absolute_path("x.npz") == tmp_path / "x.npz"
    (tmp_path / "$DATA").mkdir()
    assert absolute_path("$DATA") == tmp_path / "$DATA", "a folder of that name"


def test_in_a_config_and_in_a_file_of_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA", str(tmp_path))
    assert NpzData(kind="npz", path="$DATA/x.npz").path == tmp_path / "x.npz"
    (tmp_path / "weights.pth").write_bytes(b"weights")
    config = TrainConfig.model_validate({"evaluation": {"extractor": {"kind": "timm", "name": "resnet18", "weights": "$DATA/weights.pth"}}})
    assert config.evaluation.extractor.weights == str(tmp_path / "weights.pth")  # type: ignore[union-attr]


def test_a_variable_that_is_not_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_FOLDER", raising=False)
    message = r"\$NO_SUCH_FOLDER/x.npz: the variable NO_SUCH_FOLDER is not set; export it, or write the path without it"
    with pytest.raises(ValidationError, match=message):
        NpzData(kind="npz", path="$NO_SUCH_FOLDER/x.npz")
