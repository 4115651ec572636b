"""Names of classes: from a folder into a trial's folder, its pictures, and what `--label` takes."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_trials import TINY, tiny
from trial_reports import run

from model.__main__ import main
from model.data.facts_file import read_facts
from model.data.folder import SETTLED_NS
from model.data.images import DataFacts
from model.data.source import facts
from model.errors import ConfigError
from model.evaluation.grid import save_grid
from model.sample_trial import Subject

NAMES = ("cat", "a dog with a very long name indeed", "3", "1")
LABELS_OF_NAMES = "0 = 1, 1 = 3, 2 = a dog with a very long name indeed, 3 = cat"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in NAMES:
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(10):
            Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / "mine" / name / f"{number}.png")
    time.sleep(2 * SETTLED_NS / 1e9)
    return tmp_path / "mine"


@pytest.fixture
def trained(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """The folder of a trial on them, trained by the command."""
    monkeypatch.chdir(tmp_path)
    config = TINY | {"data": {"kind": "folder", "path": str(pictures), "resolution": 8, "channels": 1}, "precision": "fp32", "steps": 2}
    Path("a.yaml").write_text(yaml.safe_dump(config))
    (pictures / "cat" / "notes.txt").touch()
    assert main(["a.yaml", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"labels: {LABELS_OF_NAMES}\n1 of 41 files is no picture by name: .txt (1)\ndevice cpu")
    average = next(Path("model-run").glob("average-*"))
    generator = torch.Generator().manual_seed(3)  # two steps leave labels without a say
    redrawn = {name: torch.randn(tensor.shape, generator=generator) / 5 for name, tensor in load_file(average).items()}
    save_file(redrawn, average)
    return tmp_path / "model-run"


def sampled(folder: Path, *labels: str) -> int:
    options = ["--config", "a.yaml", "--samples", "8", "--npz", "a.npz", "--device", "cpu", "--output", "a.png"]
    return main(["sample", "--checkpoint", str(next(folder.glob("average-*"))), *options, *(f"--label={label}" for label in labels)])


def drawn(folder: Path, *labels: str) -> np.ndarray:
    assert sampled(folder, *labels) == 0
    with np.load("a.npz") as archive:
        return archive["arr_0"]


def test_a_label_may_be_a_name(trained: Path, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, label in (("cat", "label:3"), ("a dog with a very long name indeed", "2"), ("name:3", "label:1"), ("1", "1")):
        if name != label:
            assert np.array_equal(drawn(trained, name), drawn(trained, label))
    assert not np.array_equal(drawn(trained, "cat"), drawn(trained, "name:1"))
    with Image.open("a.png") as grid:
        assert int(grid.info["sweeper:above"]) > 0
    capsys.readouterr()
    assert sampled(trained, "3") == 2
    assert capsys.readouterr().err == (
        "error: --label 3: label 3 is cat, and the class that is called 3 has label 1; write label:3 or name:3\n"
    )
    assert sampled(trained, "cta") == 2
    assert capsys.readouterr().err == f'error: --label cta: the classes are {LABELS_OF_NAMES}; did you mean "cat"?\n'
    assert sampled(trained, "4") == 2
    assert f"--label 4: the classes are {LABELS_OF_NAMES}; give one of them" in capsys.readouterr().err
    pictures.rename(pictures.with_name("elsewhere"))
    assert sampled(trained, "cat") == 0, "a trial's folder knows what its data were"


def test_a_trials_folder_says_what_its_data_were(pictures: Path, tmp_path: Path) -> None:
    config = tiny(data={"kind": "folder", "path": str(pictures), "resolution": 8, "channels": 1}, precision="fp32", steps=1)
    told = run(config, tmp_path / "attempt-1", tmp_path / "cache")
    assert told.started().details["classes"] == LABELS_OF_NAMES
    assert read_facts(told.folder) == facts(config.data)
    assert list((tmp_path / "cache").glob("pictures-*.npy"))
    with Image.open(told.folder / "samples-00000001.png") as grid:
        words = grid.info
        assert grid.height == int(words["sweeper:above"]) + 3 * 34 + 2
        heading = np.asarray(grid)[: int(words["sweeper:above"])]
    columns = np.array_split(heading[:, 2:], 4, axis=1)
    assert all(column.min() < 128 for column in columns), "a name above each column"
    assert len({column.tobytes() for column in columns}) == 4


def test_what_a_folder_says_may_be_anything(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"channels": 1}', "\ud800", '{"channels": [], "resolution": 1}'):
        (tmp_path / "data.json").write_bytes(text.encode("utf-8", "surrogatepass"))
        assert read_facts(tmp_path) is None
    assert read_facts(tmp_path / "nowhere") is None


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b" * 200)])
def test_names_stand_above_their_columns(names: tuple[str, str], tmp_path: Path) -> None:
    save_grid(torch.zeros(4, 1, 40, 40), 2, tmp_path / "plain.png")
    save_grid(torch.zeros(4, 1, 40, 40), 2, tmp_path / "named.png", names)
    with Image.open(tmp_path / "plain.png") as plain, Image.open(tmp_path / "named.png") as named:
        above = int(named.info["sweeper:above"])
        assert named.size == (plain.width, plain.height + above)
        assert np.array_equal(np.asarray(named)[above:], np.asarray(plain))
        assert "sweeper:above" not in plain.info
        assert (above > 20) == (len(names[1]) > 1), "level where they fit, else upright"


def subject(*names: str, classes: int = 0) -> Subject:
    fields: dict[str, Any] = {"channels": 1, "resolution": 8, "classes": classes or len(names)}
    config = tiny()
    return Subject(config.backbone, **fields, process=config.process, evaluation=config.evaluation, class_names=names)


def test_labels_by_number_where_there_are_no_names() -> None:
    assert subject(classes=10).labels_of(["3", 0, "label:9"]) == (3, 0, 9)
    for wrong in ("10", "-1", "cat", "name:1", "\u0663", ""):
        with pytest.raises(ConfigError, match=f"--label {wrong}: the classes are 0 to 9; give one of them"):
            subject(classes=10).labels_of([wrong])


def test_a_name_may_look_like_an_option() -> None:
    assert subject("label:1", "name:1", "1").labels_of(["label:1", "name:1", "name:label:1"]) == (0, 1, 0)


def test_facts_hold_names_of_every_class_or_of_none(tmp_path: Path) -> None:
    from model.data.facts_file import write_facts

    write_facts(DataFacts("x", 1, 8, 3, 20, 4, ("a", "b")), tmp_path)
    assert read_facts(tmp_path) is None
