"""What commands say of a user's data: which label is which class, and what was left out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("dog", "cat", "e\x1b[31mel"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(10):
            Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / "mine" / name / f"{number}.png")
    for number in range(14):
        (tmp_path / "mine" / "cat" / f"{number}.jp2").touch()
    (tmp_path / "mine" / "dog" / "._0.png").touch()
    return tmp_path / "mine"


SAID = (
    "  labels: 0 = cat, 1 = dog, 2 = e\\x1b[31mel",
    "  note: 14 of 44 files are no pictures by name: .jp2 (14)",
    "  note: 1 hidden file or leftover of an archive is skipped: dog/._0.png",
)


def test_a_plan_says_which_label_is_which_class_and_what_is_left_out(sweeper: Callable[..., Any], home: Path, pictures: Path) -> None:
    data = f"base.data={{kind: folder, path: {pictures}, resolution: 8}}"
    lines = sweeper("plan", "sweep.yaml", "--set", data).out.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("data "))
    assert tuple(lines[place + 1 : place + 4]) == SAID
    assert lines[place].endswith("24 images to train on, 6 held out, 3 x 8 x 8, 3 classes")
    said = json.loads(sweeper("plan", "sweep.yaml", "--set", data, "--json").out)["data"]
    assert [(one["class_names"], len(one["remarks"])) for one in said] == [(["cat", "dog", "e\\x1b[31mel"], 2)]
    assert not home.exists(), "a look makes no home, for a cache neither"


def test_a_plan_keeps_decoded_pictures_where_there_is_a_home(
    sweeper: Callable[..., Any], home: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.data.folder.SETTLED_NS", 0)
    home.mkdir()
    data = f"base.data={{kind: folder, path: {pictures}, resolution: 8}}"
    first = sweeper("plan", "sweep.yaml", "--set", data).out
    assert list((home / "artifacts" / "judges").glob("pictures-*.npy"))
    monkeypatch.setattr("model.data.folder._read", None)
    assert sweeper("plan", "sweep.yaml", "--set", data).out == first
