"""Features of pictures, written once: those of the encoder, whole or not there; trials on them are those on the pictures."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_extractors import NAME
from tiny_trials import tiny
from trial_reports import Told, run

from model.alignment.encoders import EncodedPictures, encode, load_encoder
from model.alignment.stored_features import StoredFeatures
from model.config import TrainConfig
from model.config.encoded_features import encoded_features, file_stem
from model.config.encoder import EncoderConfig
from model.data.block_arrays import BlockArrays
from model.data.dataset import load
from model.data.pictures import from_pixels
from model.data.source import facts
from model.encode_features import Featured, encode_features
from model.errors import ConfigError, DataError
from model.machine import cpu_model
from model.train_trial import ensure_trainable, preflight
from model.training import durable_file
from model.training.checkpoint import resume
from model.training.state import initial_state

IMAGES, SIDE = 150, 8
CPU = torch.device("cpu")
ENCODER: dict[str, Any] = {"name": NAME, "weights": "none", "resolution": 64}
ARRAY, ABOUT, JOURNAL = "features-test_vit.npy", "features-test_vit.json", "encoding-features-test_vit.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures as numpy writes them; the second half mirrors the first, as `--flip` does in turn."""
    random = np.random.default_rng(7)
    pixels = random.integers(256, size=(IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
    pixels[1::2] = pixels[::2, :, ::-1]
    path = tmp_path / "stored"
    path.mkdir()
    np.save(path / "images.npy", pixels)
    np.save(path / "labels.npy", np.arange(IMAGES) % 5)
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classifier of the pictures, which are the same in every test."""
    return tmp_path_factory.mktemp("cache")


def asking(folder: Path, **more: Any) -> Featured:
    return Featured(folder, EncoderConfig(**ENCODER), **{"name": NAME, "threads": 1} | more)


def written(folder: Path, **more: Any) -> list[str]:
    said: list[str] = []
    encode_features(asking(folder, **more), said.append)
    return said


def trial(folder: Path, **more: Any) -> TrainConfig:
    data = {"kind": "images", "path": str(folder), "resolution": SIDE, "classes": 5, "images": IMAGES, "held_out_fraction": 0.2}
    alignment = {"kind": "external", "encoder": ENCODER | more, "teacher": {"layer": 3}}
    return tiny({"alignment": alignment}, data=data, precision="fp32")


def test_they_are_the_encoders_and_stopped_anywhere_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = written(folder)
    assert said[0] == "150 pictures, seen at 64 x 64, become 4 x 4 tokens of 64 each in float32: 0.00 GiB"
    assert "150 pictures in" in said[-1]
    found, pixels = np.load(folder / ARRAY), np.load(folder / "images.npy")
    wanted = encode(load_encoder(EncoderConfig(**ENCODER), 64), from_pixels(pixels, CPU), 64)
    torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=1e-4, atol=1e-5)
    assert not np.allclose(found[0], found[1]), "a mirrored picture has features of its own"
    about = encoded_features(folder, EncoderConfig(**ENCODER))[folder / ARRAY]
    assert (about.shape, about.dtype, about.weights_hash, about.side) == ((IMAGES, 16, 64), "float32", "none", 64)
    assert {path.name for path in folder.iterdir()} == {"images.npy", "labels.npy", ARRAY, ABOUT, ".features-test_vit.lock"}
    with pytest.raises(DataError, match=r"has features-test_vit\.npy already, and it is whole; give another --name, or remove it"):
        written(folder)
    whole = (folder / ARRAY).read_bytes()
    (folder / ARRAY).unlink()
    (folder / ABOUT).unlink()

    monkeypatch.setattr("model.block_work.NOTE_SECONDS", 0.0)
    write, blocks = BlockArrays.write, 0

    def stopping(self: BlockArrays, first: int, rows: Any) -> None:
        nonlocal blocks
        blocks += 1
        if blocks == 2:
            raise KeyboardInterrupt
        write(self, first, rows)

    monkeypatch.setattr(BlockArrays, "write", stopping)
    with pytest.raises(KeyboardInterrupt):
        written(folder)
    assert json.loads((folder / JOURNAL).read_text())["done"] == 64
    assert encoded_features(folder, EncoderConfig(**ENCODER)) == {}, "nobody takes what is not whole"
    with pytest.raises(DataError, match=r"was begun with another dtype \(float32, now float16\); give the same command again, or remove"):
        written(folder, dtype="float16")
    held = json.loads((folder / JOURNAL).read_text())
    assert held["identity"]["block"] == 64
    monkeypatch.setattr("model.transfer.cpu_model", lambda: "cpu (another)")
    with pytest.raises(
        DataError,
        match=re.escape(
            f"was begun with another processor ({cpu_model()}, now cpu (another)); give the same command again on such a machine, or remove"
        ),
    ):
        written(folder)
    monkeypatch.setattr("model.transfer.cpu_model", cpu_model)
    del held["identity"]["block"], held["identity"]["processor"]  # as an earlier release wrote it
    (folder / JOURNAL).write_text(json.dumps(held))
    assert "64 of 150 pictures are done; going on" in written(folder, threads=None, processes=2)
    assert (folder / ARRAY).read_bytes() == whole


def test_a_trial_on_them_is_that_on_the_pictures(folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = trial(folder)
    names, before = config.training_identity(content_hash="x", precision="fp32"), run(config, tmp_path / "before", cache)
    begun = run(config, tmp_path / "begun", cache, stop=lambda report: report.kind == "checkpoint")
    written(folder)
    assert trial(folder).training_identity(content_hash="x", precision="fp32") == names
    data = load(config.data, 2, CPU, torch.float32)
    target = initial_state(config, data, CPU, torch.float32).objective.target
    assert isinstance(target, StoredFeatures)
    assert target.made_otherwise(cpu_model()) is None
    assert target.made_otherwise("NVIDIA H100") == f"float32 of {cpu_model()}"
    with monkeypatch.context() as patched:
        patched.setattr("model.alignment.encoders.encode", lambda *_: 1 / 0)
        ended = run(config, tmp_path / "ended", cache, resume_from=[begun.folder])
        assert preflight(config, facts(config.data)).checked == "one step, 2 samples"
    curves = [{step: point for step, point in told.of("points") if "align_loss" in point} for told in (before, ended)]
    assert curves[1]
    for step, point in curves[1].items():
        assert point == pytest.approx(curves[0][step], rel=1e-5)
    assert "features" not in ended.started().details["comparability"]


def test_halves_are_rounded_and_say_so(folder: Path, cache: Path, tmp_path: Path) -> None:
    written(folder, dtype="float16", name="halves")
    config = trial(folder)
    told = run(config, tmp_path / "halves", cache, stop=lambda report: report.kind == "points")
    assert told.started().details["comparability"]["features"] == f"float16 of {cpu_model()}"
    halves = np.load(folder / "features-halves.npy")
    written(folder)
    assert halves.dtype == np.float16
    np.testing.assert_allclose(halves, np.load(folder / ARRAY), rtol=1e-3, atol=1e-3)


def test_a_trial_goes_on_with_the_features_that_it_began_on(folder: Path, cache: Path, tmp_path: Path) -> None:
    config, halves = trial(folder), (folder / "features-halves.npy", folder / "features-halves.json")
    without = run(config, tmp_path / "without", cache, stop=lambda report: report.kind == "checkpoint")
    written(folder, dtype="float16", name="halves")
    begun = run(config, tmp_path / "begun", cache, stop=lambda report: report.kind == "checkpoint")
    here = cpu_model()
    refusals = [(without.folder, f"was on float32 of {here}, and those at hand are float16 of {here}; put features-NAME.npy and its .json")]
    with pytest.raises(DataError, match=re.escape(refusals[0][1])):
        run(config, tmp_path / "on", cache, resume_from=[without.folder])

    def resumed(name: str) -> Told:
        return run(config, tmp_path / name, cache, resume_from=[begun.folder], stop=lambda report: report.kind == "started")

    again = resumed("again").started()
    assert again.step == config.checkpoint_every
    assert again.details["comparability"]["features"] == f"float16 of {here}"
    away = [path.rename(tmp_path / path.name) for path in halves]
    with pytest.raises(DataError, match=re.escape(f"was on float16 of {here}, and those at hand are float32 of {here}; put features-NAME")):
        resumed("away")
    for path, back in zip(away, halves, strict=True):
        path.rename(back)
    edited(halves[1], lambda held: held.update(device="NVIDIA H100"))
    with pytest.raises(DataError, match=re.escape(f"was on float16 of {here}, and those at hand are float16 of NVIDIA H100;")):
        resumed("foreign")


def test_a_training_that_is_done_needs_no_features(folder: Path, cache: Path, tmp_path: Path) -> None:
    """Only its evaluation is made anew; on what it was trained is known."""
    written(folder, dtype="float16")
    done = run(trial(folder), tmp_path / "done", cache)
    for path in (folder / ARRAY, folder / ABOUT):
        path.unlink()
    for name in ("checkpoint", "average"):
        again = run(trial(folder), tmp_path / name, cache, resume_from=[done.folder]).started()
        assert again.step == trial(folder).steps
        assert again.details["comparability"]["features"] == f"float16 of {cpu_model()}"
        for path in done.folder.glob("checkpoint-*"):
            path.unlink()


def test_on_another_device_the_same_features_are_gone_on_with(folder: Path, cache: Path, tmp_path: Path) -> None:
    """As a trial that reads none is; and checkpoints of older code, which did not say, still are."""
    config = trial(folder)
    written(folder)
    begun = run(config, tmp_path / "begun", cache, stop=lambda report: report.kind == "checkpoint")
    state = initial_state(config, load(config.data, 2, CPU, torch.float32), CPU, torch.float32)
    (path,) = begun.folder.glob("checkpoint-*")
    tensors, about = durable_file.read(path)
    assert (about["features"], about["device"]) == ("", cpu_model())
    identity = about["identity"]

    def go_on(**more: str | None) -> int:
        changed = {name: value for name, value in (about | more).items() if value is not None}
        durable_file.write(tensors, changed, path, lambda: True)
        state.step = 0
        assert resume(state, [begun.folder], identity, at_most=config.steps) == []
        return state.step

    assert go_on(features=None, device=None) == config.checkpoint_every
    assert go_on(features=f"float32 of {cpu_model()}", device="NVIDIA H100") == config.checkpoint_every
    with pytest.raises(DataError, match=r"was on float32 of NVIDIA H100, and those at hand are float32 of cpu"):
        go_on(features="float32 of NVIDIA H100")


def test_of_several_files_the_very_pictures_come_first_and_then_float32(folder: Path) -> None:
    def read() -> Path:
        target = initial_state(config, load(config.data, 2, CPU, torch.float32), CPU, torch.float32).objective.target
        assert isinstance(target, StoredFeatures)
        return target.file.path

    config = trial(folder)
    written(folder, name="a", dtype="float16")
    written(folder, name="b")
    assert read() == folder / "features-b.npy"
    edited(folder / "features-b.json", lambda held: held.update(images_hash="of others"))
    assert read() == folder / "features-a.npy"


def test_features_are_of_the_images_that_are_trained_on(folder: Path) -> None:
    """With `train_images`, and a file under another name."""
    written(folder, name="mine/own")
    assert (folder / "features-mine_own.npy").exists()
    assert file_stem("vit.in1k") == "features-vit.in1k"
    config = trial(folder)
    data = load(config.data.model_copy(update={"train_images": 20}), 2, CPU, torch.float32)
    assert data.pictures is not None
    assert data.pictures.train is not None
    stored = initial_state(config, data, CPU, torch.float32).objective.target
    assert isinstance(stored, StoredFeatures)
    plain = EncodedPictures(load_encoder(EncoderConfig(**ENCODER), 64), 64, data.pictures.train, 64, "")
    places = torch.tensor([5, 0, 19, 5])

    class AlignmentBatch:
        images, clean = places, torch.zeros(1)

        class grouping:
            sort = staticmethod(lambda tokens: tokens)

    found, wanted = (target.features(AlignmentBatch()) for target in (stored, plain))  # type: ignore[arg-type]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_of_another_side_the_pictures_are_seen(folder: Path) -> None:
    encode_features(Featured(folder, EncoderConfig(**ENCODER | {"resolution": 32}), NAME), lambda _: None)
    config = trial(folder)
    target = initial_state(config, load(config.data, 2, CPU, torch.float32), CPU, torch.float32).objective.target
    assert isinstance(target, EncodedPictures)


def edited(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    held = json.loads(path.read_text())
    change(held)
    path.write_text(json.dumps(held))


def test_features_of_others_are_refused(folder: Path, tmp_path: Path) -> None:
    written(folder)
    torch.save(load_encoder(EncoderConfig(**ENCODER), 64).state_dict(), tmp_path / "weights.pt")
    other, config = trial(folder, weights=str(tmp_path / "weights.pt")), trial(folder)
    with pytest.raises(
        DataError,
        match=r"features-test_vit\.npy holds features of test_vit with the weights none \(none\), and alignment\.encoder\.weights is"
        r" .*weights\.pt \(\w{16}\); write those of these weights beside them: sweeper data features .* --name ANOTHER, or move both files",
    ):
        ensure_trainable(other)
    ensure_trainable(trial(folder, name="test_vit2"))
    ensure_trainable(config)

    def opened() -> None:
        initial_state(config, load(config.data, 2, CPU, torch.float32), CPU, torch.float32)

    about = (folder / ABOUT).read_text()
    edited(folder / ABOUT, lambda held: held.update(downloaded="test_vit 1234"))
    with pytest.raises(DataError, match=r"holds features of the weights test_vit 1234, and pretrained are now ; write them again: remove"):
        opened()
    (folder / ABOUT).write_text(about)
    whole = np.load(folder / ARRAY)
    np.save(folder / ARRAY, whole[::-1])
    for begin in (opened, lambda: preflight(config, facts(config.data))):
        with pytest.raises(
            DataError, match=r"holds other features than were written \(its rows are \w{16}, and \w{16} were written\); remove it and the"
        ):
            begin()
    edited(folder / ABOUT, lambda held: held.pop("rows_hash"))
    opened()  # an earlier release did not say
    np.save(folder / ARRAY, np.zeros((3, 16, 64), np.float32))
    with pytest.raises(DataError, match=r"has shape \(3, 16, 64\) of float32, and \(150, 16, 64\) of float32 was written; remove it and"):
        opened()
    (folder / ARRAY).unlink()
    with pytest.raises(DataError, match=r"features-test_vit\.npy cannot be read \(No such file .*\), and the \.json beside it says"):
        opened()
    pixels = np.load(folder / "images.npy")
    pixels[0] ^= 1
    np.save(folder / "images.npy", pixels)
    with pytest.raises(DataError, match=r"holds features of other pictures than are in images\.npy now; write them again"):
        opened()
    edited(folder / ABOUT, lambda held: held.update(format=2, a_field_of_format_2=1))
    with pytest.raises(DataError, match=r"\.json has format 2, and this release reads 1; upgrade sweeper, or write it again"):
        ensure_trainable(config)
    (folder / ABOUT).write_text("{}")
    with pytest.raises(DataError, match=r"features-test_vit\.json is not as `sweeper data features` writes it \(format: Field required\)"):
        ensure_trainable(config)


@pytest.mark.parametrize("kind", ["images", "latents"])
def test_a_path_too_long_is_refused_as_without_an_encoder(kind: str) -> None:
    where = {"kind": kind, "path": "/" + "x" * 300, "resolution": SIDE, "classes": 5, "images": IMAGES}
    data = where | ({"channels": 4} if kind == "latents" else {})
    alignment = {"kind": "external", "encoder": ENCODER, "teacher": {"layer": 3}}
    said = []
    for config in (tiny(data=data, precision="fp32"), tiny({"alignment": alignment}, data=data, precision="fp32")):
        with pytest.raises(DataError) as refused:
            ensure_trainable(config)
        said.append(str(refused.value))
    assert said[0] == said[1]


def test_a_refused_request_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    with pytest.raises(DataError, match=r"nowhere has no images\.npy; give a folder that sweeper data encode wrote with its pictures"):
        written(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"--processes 0: at least 1"):
        written(folder, processes=0)
    with pytest.raises(ConfigError, match=r"test_vit cuts an image into patches of 16, which 40 is no multiple of; give --resolution 32"):
        encode_features(Featured(folder, EncoderConfig(**ENCODER | {"resolution": 40}), NAME), lambda _: None)
    with pytest.raises(ConfigError, match=r"name: vit_smal is no model of timm"):
        encode_features(Featured(folder, EncoderConfig(name="vit_smal"), NAME), lambda _: None)
    assert {path.name for path in folder.iterdir()} <= before | {".features-test_vit.lock"}
