"""A result stands under the name of what made it: data and code replaced after a trial was named, and folders of another trial."""

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tiny_trials import TINY, tiny
from trial_reports import run

import model
from model.__main__ import main
from model.config import LatentsData, TrainConfig
from model.config.user_classes import imported_beside, source_hash
from model.data.source import facts
from model.errors import DataError
from model.reports import TrialReport
from model.train_trial import train_trial
from sweeper.execution.jobs import Job
from sweeper.execution.trial_worker import AttemptFailed, run_attempt

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
LABELS = np.arange(40) % 4
OWN = """
import torch
from model.noise.assignments import Assignment

class Raster(Assignment):
    def order(self, counts, streams, purpose):
        return torch.arange(sum(counts)).expand(streams.size, -1)
"""


@pytest.fixture
def own_npz(tmp_path: Path) -> TrainConfig:
    np.savez(tmp_path / "mine.npz", images=IMAGES, labels=LABELS)
    return tiny(data={"kind": "npz", "path": str(tmp_path / "mine.npz")}, precision="fp32", steps=2)


def named(config: TrainConfig) -> dict[str, str]:
    """As a plan would."""
    return config.named_content(facts(config.data).content_hash)


def refused(config: TrainConfig, content: dict[str, str], folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        train_trial(config, folder, lambda _: True, cache=folder.parent / "cache", named=content)
    assert list(folder.iterdir()) == [], "nothing was trained"
    return str(caught.value)


def test_data_replaced_after_a_trial_was_named_end_it(own_npz: TrainConfig, tmp_path: Path) -> None:
    content = named(own_npz)
    assert content == {"data": facts(own_npz.data).content_hash}
    np.savez(tmp_path / "mine.npz", images=IMAGES[::-1], labels=LABELS)
    assert refused(own_npz, content, tmp_path / "attempt-1") == (
        f"data.path: {tmp_path / 'mine.npz'} was replaced after this trial was planned: its content is"
        f" {facts(own_npz.data).content_hash}, not {content['data']}; put the old content back, or run the same command again, which plans"
        " with the new"
    )


def test_a_worker_ends_an_attempt_on_other_data_as_a_data_error(own_npz: TrainConfig, tmp_path: Path) -> None:
    content, said = named(own_npz), []
    np.savez(tmp_path / "mine.npz", images=IMAGES[::-1], labels=LABELS)
    job = Job("a/1", own_npz.model_dump(mode="json"), tmp_path / "attempt-1", (), {}, tmp_path / "cache", "cpu", 1, content, ())
    job.folder.mkdir()
    with pytest.raises(AttemptFailed):
        run_attempt(job, said.append)
    assert [message["report"]["kind"] for message in said if "report" in message] == []
    ended: dict[str, Any] = said[-1]["ended"]
    assert (ended["state"], ended["failure"]) == ("failed", "data error")
    assert "was replaced after this trial was planned" in ended["error"].splitlines()[0]


def test_a_class_of_the_users_replaced_after_a_trial_was_named_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "replaced_orders", raising=False)
    (tmp_path / "replaced_orders.py").write_text(OWN)
    config = tiny(partition={"assignment": "replaced_orders.Raster"}, attention={"separation": "full"}, precision="fp32")
    content = named(config)
    (tmp_path / "replaced_orders.py").write_text(f"{OWN}# another\n")
    said = refused(config, content, tmp_path / "attempt-1")
    assert said.startswith("the file of partition.assignment replaced_orders.Raster was replaced after this trial was planned: its content")


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of the user's that takes its order from one in a package beside it."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("imports_orders", "orders_kit", "orders_kit.order", "orders_kit.deeper"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "orders_kit").mkdir()
    (tmp_path / "orders_kit" / "__init__.py").touch()
    (tmp_path / "orders_kit" / "order.py").write_text("from . import deeper\n\ndef order(tokens): return deeper.order(tokens)\n")
    (tmp_path / "orders_kit" / "deeper.py").write_text("import torch\n\ndef order(tokens): return torch.arange(tokens)\n")
    own = OWN.replace("torch.arange(sum(counts))", "order(sum(counts))").replace("import torch\n", "from orders_kit.order import order\n")
    (tmp_path / "imports_orders.py").write_text(own)
    return tmp_path


OF_IMPORTS = {"partition": {"assignment": "imports_orders.Raster"}, "attention": {"separation": "full"}, "precision": "fp32", "steps": 2}


@pytest.mark.parametrize("changed", ["order.py", "deeper.py", "__init__.py"])
def test_a_module_that_the_users_class_imports_names_the_trial_too(own_module: Path, changed: str) -> None:
    config = tiny(OF_IMPORTS)
    content, said = named(config), []
    with (own_module / "orders_kit" / changed).open("a") as file:
        file.write("another = 1\n")
    job = Job("a/1", config.model_dump(mode="json"), own_module / "a-1", (), {}, own_module / "cache", "cpu", 1, content, ())
    job.folder.mkdir()
    with pytest.raises(AttemptFailed):
        run_attempt(job, said.append)
    ended: dict[str, Any] = said[-1]["ended"]
    assert (ended["state"], ended["failure"]) == ("failed", "data error")
    assert "the file of partition.assignment imports_orders.Raster, or of what it imports (orders_kit" in ended["error"].splitlines()[0]
    assert named(config)["assignment"] != content["assignment"], "the next plan names another trial"


def test_a_module_that_imports_trains_and_goes_by_what_it_imports_not_by_its_folder(
    own_module: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(OF_IMPORTS)
    content = named(config)
    assert train_trial(config, own_module / "a-1", lambda _: True, cache=cache, named=content).step == 2
    moved = own_module / "moved"
    (own_module / "moved").mkdir()
    for name in ("imports_orders.py", "orders_kit"):
        (own_module / name).rename(moved / name)
    monkeypatch.setattr(sys, "path", [str(moved) if folder == str(own_module) else folder for folder in sys.path])
    for name in [name for name in sys.modules if name.startswith(("imports_orders", "orders_kit"))]:
        monkeypatch.delitem(sys.modules, name)
    assert named(config) == content


def test_what_is_not_the_users_does_not_name_a_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed modules, ours in a clone, and one that another of its name comes before; of a module that imports no other, its file."""
    monkeypatch.syspath_prepend(tmp_path / "clone")
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "model").symlink_to(Path(model.__file__).parent)
    (tmp_path / "clone" / "in_a_clone.py").write_text(OWN)
    assert imported_beside("in_a_clone.Raster") == ()
    (tmp_path / "random.py").write_text("1")
    (tmp_path / "of_others.py").write_text(f"import random, yaml.nodes\nfrom os import path\nimport no_such\n{OWN}")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert source_hash("of_others.Raster") == hashlib.sha256((tmp_path / "of_others.py").read_bytes()).hexdigest()
    assert imported_beside("of_others.Raster") == ()


def test_of_an_installed_module_its_own_package_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "lib" / "site-packages"
    for name, text in {
        "mine/__init__.py": "",
        "mine/a.py": "import other\nfrom .b import c\nfrom .. import no",
        "mine/b.py": "c = 1",
    }.items():
        (installed / name).parent.mkdir(parents=True, exist_ok=True)
        (installed / name).write_text(text)
    (installed / "other.py").write_text("1")
    monkeypatch.syspath_prepend(installed)
    assert imported_beside("mine.a.C") == ("mine.b",)


@pytest.fixture
def latents(tmp_path: Path) -> TrainConfig:
    folder = tmp_path / "shard"
    folder.mkdir()
    moments = np.random.default_rng(1).normal(size=(40, 2, 8, 8)).astype(np.float32)
    moments[:, 1:] = 0.1
    moments /= 0.18215
    np.save(folder / "moments.npy", moments)
    np.save(folder / "labels.npy", LABELS)
    data = LatentsData(kind="latents", path=folder, images=40, channels=1, resolution=8, classes=4, held_out_fraction=0.2)
    return tiny(data=data.model_dump(mode="json"), precision="fp32")


def test_latents_written_to_while_they_are_trained_on_end_the_trial(latents: TrainConfig, tmp_path: Path) -> None:
    path = tmp_path / "shard" / "moments.npy"

    def spoil(report: TrialReport) -> bool:
        if report.kind == "checkpoint" and report.step == 2:
            with path.open("r+b") as file:
                file.seek(-4, os.SEEK_END)
                file.write(b"\0\0\0\0")
        return False

    with pytest.raises(DataError, match=r"moments\.npy was written to while it was trained on; put the old content back, or run the same"):
        run(latents, tmp_path / "attempt-1", tmp_path / "cache", stop=spoil)
    assert not (tmp_path / "attempt-1" / "checkpoint-00000004.safetensors").exists()


def test_latents_that_another_file_took_the_name_of_are_trained_on_as_they_were(latents: TrainConfig, tmp_path: Path) -> None:
    path = tmp_path / "shard" / "moments.npy"
    whole = run(latents, tmp_path / "whole", tmp_path / "cache")

    def replace(report: TrialReport) -> bool:
        if report.kind == "started":
            (tmp_path / "other.npy").write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
            (tmp_path / "other.npy").replace(path)
        return False

    assert run(latents, tmp_path / "attempt-1", tmp_path / "cache", stop=replace).of("points") == whole.of("points")


@pytest.fixture
def home(tmp_path: Path, cache: Path, classifier: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder whose default run folder has the classifier of the digits."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model-run").mkdir()
    (tmp_path / "model-run" / "judges").symlink_to(cache)
    return tmp_path


def trained(**changes: Any) -> int:
    Path("a.yaml").write_text(yaml.safe_dump(TINY | {"precision": "fp32"} | changes))
    return main(["a.yaml", "--device", "cpu"])


def kept() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path("model-run").glob("checkpoint-*")}


@pytest.mark.usefixtures("home")
def test_the_default_folder_belongs_to_one_trial(capsys: pytest.CaptureFixture[str]) -> None:
    assert trained() == 0
    before = kept()
    assert sorted(before) == ["checkpoint-00000004.safetensors", "checkpoint-00000006.safetensors"]
    capsys.readouterr()
    assert trained(seed=1, steps=2) == 2
    assert capsys.readouterr().err == (
        "error: model-run is the folder of another trial: seed is 0 there and 1 here; give --folder another one, or remove this one\n"
    )
    assert kept() == before
    assert trained(steps=8) == 0, "a longer run of the trial goes on in it"


@pytest.mark.usefixtures("home")
def test_a_folder_from_before_folders_had_owners(capsys: pytest.CaptureFixture[str]) -> None:
    assert trained() == 0
    Path("model-run/trial.json").unlink()
    capsys.readouterr()
    assert trained(seed=1) == 2
    assert "model-run is the folder of another trial: checkpoint-0000000" in capsys.readouterr().err
    assert trained() == 0


@pytest.mark.usefixtures("home")
def test_a_shorter_run_of_a_trial_keeps_what_it_writes() -> None:
    """Its checkpoints are older than those of the longer run, and were deleted as they were written."""
    assert trained(steps=8) == 0
    assert trained(steps=2) == 0
    assert sorted(kept()) == [f"checkpoint-{step:08d}.safetensors" for step in (2, 6, 8)]
