"""Latents as EDM2's and REPA's data set tools write them: read as they are, packed, what a trial draws of them, and what is refused."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_trials import tiny
from trial_reports import run

from model.__main__ import main
from model.config import LatentsData
from model.data import latents
from model.data.dataset import load
from model.data.latents import open_latents
from model.data.source import facts
from model.errors import DataError
from model.patches import unpatchify
from model.randomness import BatchStreams, stream

IMAGES, CHANNELS, SIDE, CLASSES = 30, 4, 8, 3
SCALE = 0.18215
Entries = list[list[Any]]


def moments_of(image: int) -> np.ndarray:
    """As of Stable Diffusion's autoencoder: wide means, narrow deviations."""
    random = np.random.default_rng(image)
    mean, std = random.normal(scale=5, size=(CHANNELS, SIDE, SIDE)), random.uniform(0.01, 0.5, (CHANNELS, SIDE, SIDE))
    return np.concatenate([mean, std]).astype(np.float32)


def name_of(image: int) -> str:
    return f"{image // 10:05d}/img-mean-std-{image:08d}.npy"


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def in_a_folder(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def in_a_zip(files: dict[str, bytes], path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def labels() -> Entries:
    return [[name_of(image), image * 7 % CLASSES] for image in reversed(range(IMAGES))]  # not in the order of names


@pytest.fixture
def files(labels: Entries) -> dict[str, bytes]:
    """What the tool writes, by name in its folder or zip."""
    return {name_of(image): npy(moments_of(image)) for image in range(IMAGES)} | {"dataset.json": json.dumps({"labels": labels}).encode()}


def config_of(path: Path, **fields: Any) -> LatentsData:
    known = {"channels": CHANNELS, "resolution": SIDE, "classes": CLASSES, "images": IMAGES, "held_out_fraction": 0.2}
    return LatentsData.model_validate({"kind": "latents", "path": path} | known | fields)


def packed(source: Path, folder: Path) -> int:
    return main(["pack-latents", str(source), str(folder)])


def test_a_trial_draws_mean_plus_std_times_noise_scaled(files: dict[str, bytes], tmp_path: Path) -> None:
    """By hand, from the files themselves, in the order of their names as the authors read them."""
    data = load(config_of(in_a_folder(files, tmp_path / "vae-sd")), 2, torch.device("cpu"), torch.float64)
    streams = BatchStreams(seed=3, step=7, batch_size=12)
    places, tokens, drawn_labels = data.train.batch(streams)
    images = stream(0, "held_out").permutation(IMAGES)[6:][places]
    noise = streams.normal("posterior", CHANNELS, SIDE, SIDE).double().numpy()
    for z, image, label, eps in zip(unpatchify(tokens, 2, CHANNELS).numpy(), images.tolist(), drawn_labels.tolist(), noise, strict=True):
        stored = np.load(tmp_path / "vae-sd" / name_of(image)).astype(np.float64)
        assert np.array_equal(z, (stored[:CHANNELS] + stored[CHANNELS:] * eps) * SCALE)
        assert label == image * 7 % CLASSES


def test_folder_parent_zip_and_packed_are_one_data_set(files: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = in_a_folder(files, tmp_path / "data" / "vae-sd")
    (tmp_path / "data" / "images").mkdir()
    archive = in_a_zip(files, tmp_path / "latents.zip")
    wrapped = in_a_zip({f"vae-sd/{name}": content for name, content in files.items()}, tmp_path / "wrapped.zip")
    sources = (folder, folder.parent, archive, wrapped)
    shards = [open_latents(config_of(source)) for source in sources]
    for number, source in enumerate(sources):
        assert packed(source, tmp_path / f"packed {number}") == 0
        written = f"path: {tmp_path}/packed {number}, images: 30, classes: 3, channels: 4, resolution: 8}}\n"
        assert capsys.readouterr().out == f"data: {{kind: latents, {written}"
        shards.append(open_latents(config_of(tmp_path / f"packed {number}")))
        assert sorted(path.name for path in (tmp_path / f"packed {number}").iterdir()) == ["labels.npy", "moments.npy"]
    for shard in shards:
        assert np.array_equal(shard.moments, np.stack([moments_of(image) for image in range(IMAGES)]))
        assert shard.content_hash == shards[0].content_hash == facts(config_of(folder)).content_hash


def test_a_trial_trains_on_a_folder_as_on_its_packed_arrays(files: dict[str, bytes], tmp_path: Path) -> None:
    folder = in_a_folder(files, tmp_path / "vae-sd")
    assert packed(folder, tmp_path / "packed") == 0
    told = [
        run(tiny(data=config_of(path).model_dump(), precision="fp32"), tmp_path / f"attempt-{path.name}", tmp_path / "judges")
        for path in (folder, tmp_path / "packed")
    ]
    assert told[0].of("points") == told[1].of("points")


def test_many_files_are_packed_first(files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "MOST_FILES", IMAGES - 1)
    folder = in_a_folder(files, tmp_path / "vae sd")
    with pytest.raises(DataError) as caught:
        open_latents(config_of(folder))
    assert str(caught.value) == (
        f"data.path: {folder} has 30 files, and every trial would open each when it starts, which is done up to 29; pack them once:"
        f" python -m model pack-latents '{folder}' NEW_FOLDER, and set data.path: NEW_FOLDER"
    )


def changed(image: int, change: Callable[[np.ndarray], Any]) -> Callable[[dict[str, bytes], Entries], None]:
    """One image's moments, spoiled in place or replaced."""

    def spoil(files: dict[str, bytes], _: Entries) -> None:
        moments = moments_of(image)
        replaced = change(moments)
        files[name_of(image)] = npy(moments if replaced is None else replaced)

    return spoil


def relabelled(change: Callable[[int], Any]) -> Callable[[dict[str, bytes], Entries], None]:
    def spoil(_: dict[str, bytes], labels: Entries) -> None:
        labels[:] = [[name, change(label)] for name, label in labels]

    return spoil


IMAGE_7 = "ROOT/00000/img-mean-std-00000007.npy"
SPOILED: dict[str, tuple[Callable[[dict[str, bytes], Entries], Any], str]] = {
    "shape": (changed(7, lambda m: m[:, :4]), f"{IMAGE_7} has shape (8, 4, 8); give (2 x channels, side, side): means, then standard dev"),
    "no deviations": (changed(7, lambda m: m[:3]), f"{IMAGE_7} has shape (3, 8, 8); give (2 x channels, side, side)"),
    "another shape": (
        changed(7, lambda m: m[:, :4, :4]),
        f"{IMAGE_7} has shape (8, 4, 4) of float32, and ROOT/00000/img-mean-std-00000000.npy (8, 8, 8) of float32; all images",
    ),
    "dtype": (changed(7, lambda m: m.astype(np.float64)), f"{IMAGE_7} holds float64; give float16 or float32"),
    "not finite": (changed(7, lambda m: m.__setitem__((0, 0, 0), np.nan)), f"{IMAGE_7} has values that are not finite; encode it again"),
    "log-variances": (
        changed(7, lambda m: m.__setitem__((5, 0, 0), -3)),
        f"{IMAGE_7} has a negative standard deviation, -3; the first 4 channels are means, the others standard deviations: not their log",
    ),
    "torn": (
        lambda files, _: files.update({name_of(7): files[name_of(7)][:-9]}),
        f"{IMAGE_7} says to be (8, 8, 8) of float32, 2,048 bytes, but holds 2,039; encode it again",
    ),
    "no array": (lambda files, _: files.update({name_of(7): b"none"}), f"{IMAGE_7} cannot be read as an array ("),
    "missing": (lambda files, _: files.pop(name_of(7)), "dataset.json has labels of a file that is not there: 00000/img-mean-std-00000007"),
    "unlabelled": (lambda _, labels: labels.pop(), "dataset.json has no label for the file beside it: 00000/img-mean-std-00000000.npy;"),
    "several unlabelled": (lambda _, labels: labels.__delitem__(slice(0, 2)), "dataset.json has no label for 2 files beside it: 00002/img"),
    "labels null": (lambda _, labels: labels.clear() or labels.append(None), "dataset.json: labels are null, which the `encode` of EDM2's"),
    "one-hot": (relabelled(lambda label: [0, 1]), "dataset.json: labels are [[name, label], ...] with integers from 0, not ['00002/img"),
    "floats": (relabelled(float), "dataset.json: labels are [[name, label], ...] with integers from 0, not ['00002/img"),
    "from 1": (
        relabelled(lambda label: label + 1),
        "dataset.json: labels go from 1 to 3, and no image has label 0; they count from 0: subtract 1 from each, and set data.classes: 3",
    ),
    "gaps": (relabelled(lambda label: label + (label > 0)), "dataset.json: no image has label 1, and labels go to 3; number the classes"),
    "negative": (relabelled(lambda label: label - 1), "is none of 0 to "),
    "labelled twice": (lambda _, labels: labels.append([name_of(7), 1]), "dataset.json: 00000/img-mean-std-00000007.npy has 2 labels;"),
}


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("what", SPOILED)
def test_what_is_not_of_the_layout_is_named(
    what: str, zipped: bool, files: dict[str, bytes], labels: Entries, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, message = SPOILED[what]
    spoil(files, labels)
    files["dataset.json"] = json.dumps({"labels": None if labels == [None] else labels}).encode()
    root = in_a_zip(files, tmp_path / "latents.zip") if zipped else in_a_folder(files, tmp_path / "latents")
    wanted = message.replace("ROOT", str(root))
    classes = 4 if what == "gaps" else CLASSES
    with pytest.raises(DataError) as caught:
        open_latents(config_of(root, classes=classes))
    assert wanted in str(caught.value)
    assert packed(root, tmp_path / "packed") == 2
    said = capsys.readouterr().err
    assert wanted in said
    assert said.count("\n") == 1
    assert list((tmp_path / "packed").glob("*")) == [], "neither array is left"


def test_no_archive_of_the_layout(files: dict[str, bytes], tmp_path: Path) -> None:
    for archive, message in (
        (in_a_zip(files, tmp_path / "a.zip", zipfile.ZIP_DEFLATED), r"a\.zip is compressed \(.*npy is\).*; write it with .*`zip -0 -r`"),
        (in_a_zip({name_of(0): b""}, tmp_path / "b.zip"), r"b\.zip has no dataset\.json; give what the `encode` of EDM2's"),
        (in_a_folder({"c.zip": b"PK"}, tmp_path) / "c.zip", r"c\.zip cannot be read \(File is not a zip file\); give a folder or a zip"),
    ):
        with pytest.raises(DataError, match=message):
            open_latents(config_of(archive))


def test_no_data_set_to_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source, message in (
        (tmp_path / "nowhere", "nowhere cannot be read (No such file or directory); give a folder or a zip that the"),
        (tmp_path, f"{tmp_path} has no dataset.json; give what the `encode` of EDM2's"),
    ):
        assert packed(source, tmp_path / "packed") == 2
        assert message in capsys.readouterr().err


def test_leftovers_beside_the_files_are_no_latents(files: dict[str, bytes], tmp_path: Path) -> None:
    files |= {"00000/._img-mean-std-00000003.npy": b"", ".DS_Store": b"", "__MACOSX/x.npy": b""}
    named = {open_latents(config_of(in_a_folder(files, tmp_path / "a"))).content_hash for _ in range(2)}
    assert named == {open_latents(config_of(in_a_zip(files, tmp_path / "a.zip"))).content_hash}


def test_packing_replaces_nothing(files: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = in_a_folder(files, tmp_path / "a")
    assert packed(folder, tmp_path / "b") == 0
    before = (tmp_path / "b" / "moments.npy").read_bytes()
    assert packed(folder, tmp_path / "b") == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'b'} has moments.npy already; give another folder, or remove it\n"
    assert (tmp_path / "b" / "moments.npy").read_bytes() == before
