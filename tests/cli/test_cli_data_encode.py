"""`sweeper data encode` and `reference` of tables and of the hub: their options, and what is said."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
from PIL import Image

from tests.model.tiny_autoencoders import save_autoencoder


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    held = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(held, "png")
    kind = datasets.ClassLabel(names=["cat", "dog"])
    features = datasets.Features({"image": datasets.Image(), "fine": kind, "coarse": kind})
    rows = [{"image": {"bytes": held.getvalue(), "path": None}, "fine": row % 2, "coarse": row // 2} for row in range(4)]
    path = tmp_path / "in" / "test-0.parquet"
    path.parent.mkdir()
    datasets.Dataset.from_list(rows, features=features).to_parquet(path)
    (path.parent / "train-0.parquet").write_bytes(path.read_bytes())
    return path.parent


def test_a_table_is_encoded_as_the_options_say(sweeper: Callable[..., Any], home: Path, table: Path, tmp_path: Path) -> None:
    weights = save_autoencoder(tmp_path / "autoencoder")
    command = ("data", "encode", str(table), "out", "--autoencoder", str(weights), "--resolution", "16", "--device", "cpu")
    said = sweeper(*command, "--split", "test")
    assert (said.code, said.err) == (
        2,
        f"error: {table} has the label columns fine, coarse; say which: --label-column fine\n",
    )
    said = sweeper(*command, "--split", "test", "--label-column", "coarse")
    assert said.code == 0, said.err
    assert said.err == ""
    assert said.out.startswith("pictures: 1 of 2 shards are of the split test; left out: 1 train\n4 of 4 pictures, ")
    about = json.loads(Path("out/dataset.json").read_text())
    assert about["source"] == f"{table} (split test, pictures image, labels coarse)"
    assert about["class_names"] == ["cat", "dog"]


def test_ctrl_c_says_that_the_command_goes_on(sweeper: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("model.encode_data.encode_data", interrupted)
    said = sweeper("data", "encode", "in", "out", "--autoencoder", "a/b", "--resolution", "16", "--device", "cpu")
    assert (said.code, said.out, said.err) == (130, "", "error: interrupted; run the same command again to resume\n")


def test_a_name_on_the_hub(refused: Callable[..., str], table: Path) -> None:
    for command in (("encode", "hub:cifar10", "out", "--autoencoder", "a/b"), ("reference", "hub:cifar10", "out.npz")):
        assert refused("data", *command).endswith(
            "hub:cifar10 is no name on the Hugging Face hub; write hub:OWNER/NAME or hub:OWNER/NAME@REVISION"
        )
    said = refused("data", "reference", "hub:owner/name", "out.npz", "--split", "train")
    assert "hub:owner/name cannot be loaded (Couldn't reach 'owner/name' on the Hub (OfflineModeIsEnabled)); look at" in said


def test_features_of_what_was_encoded(sweeper: Callable[..., Any], home: Path, table: Path, tmp_path: Path) -> None:
    weights = save_autoencoder(tmp_path / "autoencoder")
    encode = ("data", "encode", str(table), "out", "--autoencoder", str(weights), "--resolution", "16", "--device", "cpu")
    chosen = ("--split", "test", "--label-column", "coarse")
    said = sweeper(*encode, *chosen, "--processes", "0")
    assert (said.code, said.err) == (2, "error: --processes 0: at least 1 has to do the work; leave the option out for the default\n")
    assert not Path("out").exists()
    assert sweeper(*encode, *chosen, "--threads", "1").code == 0
    features = ("data", "features", "out", "--encoder", "test_vit", "--weights", "none", "--device", "cpu", "--threads", "1")
    said = sweeper(*features, "--resolution", "30")
    assert (said.code, said.err) == (
        2,
        "error: --resolution: test_vit cuts an image into patches of 16, which 30 is no multiple of; give --resolution 32\n",
    )
    said = sweeper(*features, "--resolution", "32")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == "4 pictures, seen at 32 x 32, become 2 x 2 tokens of 64 each in float32: 0.00 GiB"
    assert said.out.splitlines()[-2:] == [
        "trials whose network sees an image as 4 tokens read them:",
        "  alignment: {kind: external, encoder: {name: test_vit, weights: none, resolution: 32}}",
    ]
    about = json.loads(Path("out/features-test_vit.json").read_text())
    assert about["shape"] == [4, 4, 64]
