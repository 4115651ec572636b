"""Latents and pictures whose arrays lie, are damaged, or are something else: named and refused, with nothing started."""

import os
import pickle
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lying_files import LABELS, Trap, damaged, npy, plan_is_refused

from model.config import LatentsData
from model.data.latents import open_latents
from model.data.source import facts
from model.errors import DataError

MOMENTS = np.ones((40, 2, 8, 8), np.float32)


def zipped(path: Path) -> None:
    """What numpy opens like an array, and is none."""
    with path.open("wb") as file:
        np.savez(file, moments=MOMENTS)


LATENTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a zip": (zipped, "cannot be read as an array ("),
    "a pickle": (lambda path: path.write_bytes(pickle.dumps(Trap(path.parent / "trapped"))) and None, "cannot be read as an array ("),
    "objects": (lambda path: np.save(path, np.array([{}] * 40, dtype=object)), "cannot be read as an array (Array can't be memory-mapped"),
    "larger than it is": (lambda path: path.write_bytes(npy(MOMENTS, (10**12, 2, 8, 8))) and None, "cannot be read as an array ("),
    "beyond counting": (lambda path: path.write_bytes(npy(MOMENTS, (2**62, 2**62))) and None, "cannot be read as an array ("),
    "an unfinished header": (lambda path: path.write_bytes(npy(MOMENTS).replace(b"}", b"(")) and None, "cannot be read as an array ("),
    "empty": (lambda path: path.touch(), "cannot be read as an array ("),
    "a pipe": (os.mkfifo, "has no moments.npy; give a folder"),
    "a folder": (lambda path: path.mkdir(), "has no moments.npy; give a folder"),
    "a link to itself": (lambda path: path.symlink_to(path), "has no moments.npy; give a folder"),
}


@pytest.mark.parametrize("what", LATENTS)
def test_latents(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, message = LATENTS[what]
    folder = tmp_path / "shard"
    folder.mkdir()
    np.save(folder / "labels.npy", LABELS)
    spoil(folder / "moments.npy")
    data = f"{{kind: latents, path: {folder}, images: 40, channels: 1, resolution: 8, classes: 4, held_out_fraction: 0.2}}"
    said = plan_is_refused(monkeypatch, capsys, tmp_path / "home", data)
    assert str(folder) in said
    assert message in said
    assert not (folder / "trapped").exists(), "nothing was unpickled"


@pytest.mark.parametrize("what", LATENTS)
def test_pictures(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The same files in the place of `images.npy`."""
    spoil, message = LATENTS[what]
    folder = tmp_path / "stored"
    folder.mkdir()
    np.save(folder / "labels.npy", LABELS)
    spoil(folder / "moments.npy")
    (folder / "moments.npy").rename(folder / "images.npy")
    data = f"{{kind: images, path: {folder}, images: 40, resolution: 8, classes: 4, held_out_fraction: 0.2}}"
    said = plan_is_refused(monkeypatch, capsys, tmp_path / "home", data)
    assert str(folder) in said
    assert message.replace("moments.npy", "images.npy") in said
    assert not (folder / "trapped").exists(), "nothing was unpickled"


@pytest.mark.parametrize("name", ["x" * 300, "closed/shard"])
def test_latents_whose_place_nobody_can_look_at(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name too long, and a folder closed as it is to anyone but root: to plan it is not there, and to train it is refused."""
    stat = os.stat

    def closed(path: Any, *words: Any, **named: Any) -> os.stat_result:
        if "closed" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *words, **named)

    monkeypatch.setattr(os, "stat", closed)
    config = LatentsData(kind="latents", path=tmp_path / name)
    assert facts(config).content_hash.startswith("declared-")
    with pytest.raises(DataError, match="there is no folder"):
        open_latents(config)


def test_damaged_latents_are_read_or_refused(tmp_path: Path) -> None:
    """The first bytes, which say what the rest is."""
    draw, path = random.Random(0), tmp_path / "moments.npy"
    config = LatentsData(kind="latents", path=tmp_path, images=40, channels=1, resolution=8, classes=4, spread="any")
    np.save(tmp_path / "labels.npy", LABELS)
    whole = npy(MOMENTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy, about headers that Python 2 wrote
        for _ in range(1_000):
            path.write_bytes(damaged(whole[:128], draw) + whole[128:])
            try:
                assert len(open_latents(config).labels) == 40
            except DataError as error:
                assert str(path) in str(error)  # noqa: PT017 - most are refused, some read
