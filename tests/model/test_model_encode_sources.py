"""Pictures in tar shards, in tables and on the hub: encoded as the same pictures in class folders, to the bit."""

import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from PIL import Image
from tiny_autoencoders import SIDE, pictures, save_autoencoder

from model.autoencoder import Autoencoder
from model.config.autoencoder import AutoencoderConfig
from model.config.encoded_data import EncodedData, read_encoded
from model.data.picture_source import ALL, Choice, HubName, named_source
from model.encode_data import Encoding, encode_data
from model.errors import ConfigError, DataError, ModelError
from model.make_reference import Referenced, _pictures

COUNT = 8
"""Pictures of each class."""
NAMES = ("china", "flower")
REVISION = "0123456789abcdef0123456789abcdef01234567"
FEATURES = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(NAMES))})
SCHEMA = pyarrow.schema({"image": pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()}), "label": pyarrow.int64()})


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_autoencoder(tmp_path_factory.mktemp("autoencoder"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    shown, labels = pictures()
    pixels = ((shown + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    for label, name in enumerate(NAMES):
        (root / name).mkdir()
        for place, picture in enumerate(pixels[labels.numpy() == label][:COUNT]):
            mode = "L" if place == 1 else "RGB"  # by the same rule as in folders
            Image.fromarray(picture).convert(mode).save(root / name / f"{place:02}.png")
    return root


@pytest.fixture(scope="module")
def wanted(folder: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return arrays(encoded(folder, tmp_path_factory.mktemp("wanted") / "out", weights))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    return tmp_path / "cache"


def encoded(source: Path | HubName, output: Path, weights: Path, choice: Choice = ALL, **more: Any) -> Path:
    given: dict[str, Any] = {"batch": 4, "dtype": "float32", "choice": choice} | more
    encode_data(Encoding(source, output, AutoencoderConfig(weights=str(weights)), SIDE, **given), lambda line: None)
    return output


def arrays(output: Path) -> dict[str, bytes]:
    return {name: (output / name).read_bytes() for name in ("moments.npy", "images.npy", "labels.npy")}


def about(output: Path) -> EncodedData:
    found = read_encoded(output)
    assert found is not None
    return found


def rows(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("*/*.png"))
    return [{"image": {"bytes": file.read_bytes(), "path": None}, "label": NAMES.index(file.parent.name)} for file in files]


def table(folder: Path, first: int = 0, last: int | None = None) -> Any:
    return datasets.Dataset.from_list(rows(folder)[first:last], features=FEATURES)


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, held in members:
            member = tarfile.TarInfo(name)
            member.size = len(held)
            archive.addfile(member, io.BytesIO(held))
    return path


def members(folder: Path, *, named: bool = False) -> list[tuple[str, bytes]]:
    """Two of each picture: itself and its label, as .cls, or by name in a .json."""
    found = []
    for number, row in enumerate(rows(folder)):
        held = json.dumps({"label": NAMES[row["label"]]}) if named else str(row["label"])
        found += [(f"./train/{number:04}.png", row["image"]["bytes"]), (f"./train/{number:04}.{'json' if named else 'cls'}", held.encode())]
    return found


def one_tar(folder: Path, root: Path) -> Path:
    junk = [("./train/._0000.png", b"of a Mac"), ("./train/readme", b"words")]
    return write_tar(root / "all [1].tar", [*junk, *members(folder)])


def tars(folder: Path, root: Path) -> Path:
    (root / "tars").mkdir()
    found = members(folder, named=True)
    write_tar(root / "tars" / "b-1.tar", found[10:])
    write_tar(root / "tars" / "a-2.tar", found[:10])
    write_tar(root / "tars" / "._a-2.tar", [])
    return root / "tars"


def one_parquet(folder: Path, root: Path) -> Path:
    table(folder).add_column("words", ["none"] * 2 * COUNT).to_parquet(root / "all [1]*.parquet", batch_size=5)
    return root / "all [1]*.parquet"


def parquets(folder: Path, root: Path) -> Path:
    (root / "parquets").mkdir()
    table(folder, 5).to_parquet(root / "parquets" / "b-1.parquet")
    table(folder, 0, 5).to_parquet(root / "parquets" / "a-2.parquet")
    return root / "parquets"


def plain_parquet(folder: Path, root: Path) -> Path:
    """As other tools write it: without the types of `datasets`."""
    found = {"picture": [row["image"] for row in rows(folder)], "class": [row["label"] for row in rows(folder)]}
    pyarrow.parquet.write_table(pyarrow.table(found), root / "plain.parquet")
    return root / "plain.parquet"


def bytes_in_parquet(folder: Path, root: Path) -> Path:
    found = {"jpeg": [row["image"]["bytes"] for row in rows(folder)], "class": [row["label"] for row in rows(folder)]}
    pyarrow.parquet.write_table(pyarrow.table(found), root / "bytes.parquet")
    return root / "bytes.parquet"


def saved(folder: Path, root: Path) -> Path:
    table(folder).with_format("arrow").save_to_disk(root / "saved", num_shards=3)
    return root / "saved"


def on_the_hub(folder: Path, root: Path) -> HubName:
    """As the cache holds it once it was loaded, with no network any more."""
    table(folder).to_parquet(root / "hub.parquet")
    builder = datasets.load_dataset_builder("parquet", data_files={"train": str(root / "hub.parquet")}, cache_dir=str(root / "made"))
    builder.download_and_prepare()
    for file in Path(builder.cache_dir).glob("parquet-train*.arrow"):
        file.rename(file.with_name(file.name.replace("parquet-", "name-")))
    info = Path(builder.cache_dir) / "dataset_info.json"
    info.write_text(info.read_text().replace('"dataset_name": "parquet"', '"dataset_name": "name"'))
    shutil.copytree(builder.cache_dir, datasets.config.HF_DATASETS_CACHE / "owner___name" / "default" / "0.0.0" / REVISION)
    return HubName("owner/name")


SOURCES = [one_tar, tars, one_parquet, parquets, plain_parquet, bytes_in_parquet, saved, on_the_hub]
UNNAMED = [one_tar, plain_parquet, bytes_in_parquet]
"""Those whose labels are numbers alone."""


@pytest.mark.parametrize("write", SOURCES, ids=lambda write: write.__name__)
def test_the_arrays_are_those_of_class_folders(
    write: Callable[[Path, Path], Path | HubName], folder: Path, wanted: dict[str, bytes], weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    source = write(folder, tmp_path / "in")
    before = sorted((tmp_path / "in").rglob("*"))
    out = encoded(source, tmp_path / "out", weights)
    assert arrays(out) == wanted
    assert about(out).class_names == (() if write in UNNAMED else NAMES)
    assert about(out).classes == 2
    assert about(out).source.startswith(str(source))
    assert sorted((tmp_path / "in").rglob("*")) == before, "nothing is written beside the source"
    again = encoded(source, tmp_path / "again", weights)
    assert (again / "dataset.json").read_bytes() == (out / "dataset.json").read_bytes()


@pytest.mark.parametrize("write", [tars, parquets, saved], ids=lambda write: write.__name__)
def test_stopped_it_goes_on_and_the_files_are_the_same(
    write: Callable[[Path, Path], Path], folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(folder, tmp_path)
    whole = encoded(source, tmp_path / "whole", weights)
    monkeypatch.setattr("model.block_work.NOTE_SECONDS", 0.0)
    encode, blocks = Autoencoder.encode, 0

    def stopping(self: Autoencoder, shown: torch.Tensor) -> torch.Tensor:
        nonlocal blocks
        blocks += 1
        if blocks == 3:
            raise KeyboardInterrupt
        return encode(self, shown)

    monkeypatch.setattr(Autoencoder, "encode", stopping)
    with pytest.raises(KeyboardInterrupt):
        encoded(source, tmp_path / "out", weights)
    assert json.loads((tmp_path / "out" / "encoding.json").read_text())["done"] == 8
    moved = shutil.move(source, tmp_path / "moved")
    encoded(Path(moved), tmp_path / "out", weights)
    assert arrays(tmp_path / "out") == arrays(whole)
    assert about(tmp_path / "out").source_hash == about(whole).source_hash


def test_other_content_has_another_name(folder: Path, weights: Path, tmp_path: Path) -> None:
    source = parquets(folder, tmp_path)
    first = about(encoded(source, tmp_path / "first", weights))
    held = table(folder).to_list()
    held[1], held[2] = held[2], held[1]
    datasets.Dataset.from_list(held[:5], features=FEATURES).to_parquet(source / "a-2.parquet")
    second = about(encoded(source, tmp_path / "second", weights))
    assert first.source_hash != second.source_hash
    assert first.arrays["images.npy"] != second.arrays["images.npy"], "the copy in the cache is of the new file"


def test_a_broken_picture_of_a_tar(folder: Path, weights: Path, tmp_path: Path) -> None:
    found = members(folder)
    found[6] = (found[6][0], b"no picture")
    source = write_tar(tmp_path / "broken.tar", found)
    with pytest.raises(
        DataError, match=r"broken\.tar: \./train/0003\.png cannot be read as an image .*; replace or remove it, or take --skip"
    ):
        encoded(source, tmp_path / "out", weights)
    kept = about(encoded(source, tmp_path / "skipped", weights, skip_broken=True))
    assert (kept.images, kept.left_out) == (2 * COUNT - 1, ("broken.tar: ./train/0003.png",))
    found = [(name, b"" if name.endswith("png") and number < 2 * COUNT else held) for number, (name, held) in enumerate(members(folder))]
    with pytest.raises(DataError, match=r"every\.tar: class 0 has no picture that can be read; replace them, or remove the class"):
        encoded(write_tar(tmp_path / "every.tar", found), tmp_path / "none", weights, skip_broken=True)


def test_a_broken_row_of_a_table(folder: Path, weights: Path, tmp_path: Path) -> None:
    held = rows(folder)
    held[7]["image"]["bytes"] = held[7]["image"]["bytes"][:60]
    held[9]["image"] = None
    (tmp_path / "in").mkdir()
    for name, part in (("a", held[:5]), ("b", held[5:])):
        datasets.Dataset.from_list(part, features=FEATURES).to_parquet(tmp_path / "in" / f"{name}.parquet")
    with pytest.raises(
        DataError, match=r"in/b\.parquet: row 2 cannot be read as an image \(.*\); replace or remove it, or take --skip-broken"
    ):
        encoded(tmp_path / "in", tmp_path / "out", weights)
    kept = about(encoded(tmp_path / "in", tmp_path / "skipped", weights, skip_broken=True))
    assert (kept.images, kept.left_out) == (2 * COUNT - 2, ("b.parquet: row 2", "b.parquet: row 4"))
    paths = [{"bytes": None, "path": path} for path in ("beside.png", "/nowhere/a.png")]
    pyarrow.parquet.write_table(pyarrow.table({"image": paths, "label": [0, 1]}, SCHEMA), tmp_path / "paths.parquet")
    with pytest.raises(
        DataError, match=r"paths\.parquet: row 0 cannot .* \(the row holds no bytes, and its path beside\.png is relative to"
    ):
        encoded(tmp_path / "paths.parquet", tmp_path / "other", weights)
    with pytest.raises(DataError, match=r"paths\.parquet: class 0 has no picture that can be read; replace them, or remove the class"):
        encoded(tmp_path / "paths.parquet", tmp_path / "other", weights, skip_broken=True)
    for row in held[:COUNT]:
        row["image"] = {"bytes": b"", "path": None}
    datasets.Dataset.from_list(held, features=FEATURES).save_to_disk(tmp_path / "saved")
    with pytest.raises(DataError, match=r"saved: class china has no picture that can be read; replace them, or remove the class"):
        encoded(tmp_path / "saved", tmp_path / "none", weights, skip_broken=True)


def test_one_split_of_several(folder: Path, wanted: dict[str, bytes], weights: Path, tmp_path: Path) -> None:
    both = datasets.DatasetDict({"train": table(folder), "test": table(folder, 4, 12)})
    both.save_to_disk(tmp_path / "saved")
    (tmp_path / "parquet").mkdir()
    (tmp_path / "tar").mkdir()
    both["train"].to_parquet(tmp_path / "parquet" / "train-0-of-1.parquet")
    both["test"].to_parquet(tmp_path / "parquet" / "test-0-of-1.parquet")
    write_tar(tmp_path / "tar" / "train-0.tar", members(folder))
    write_tar(tmp_path / "tar" / "test-0.tar", members(folder)[8:24])
    for kind in ("saved", "parquet", "tar"):
        source = tmp_path / kind
        with pytest.raises(ConfigError, match=rf"{kind} has the splits \w+, \w+; say which: --split t"):
            encoded(source, tmp_path / "out", weights)
        with pytest.raises(ConfigError, match=rf"--split dev: .*{kind} has only (train, test|test, train); choose one of its own"):
            encoded(source, tmp_path / "out", weights, Choice(split="dev"))
        out = encoded(source, tmp_path / f"{kind}-out", weights, Choice(split="train"))
        assert arrays(out) == wanted
        assert "split train" in about(out).source


def test_columns_that_are_asked_for(folder: Path, wanted: dict[str, bytes], weights: Path, tmp_path: Path) -> None:
    whole = table(folder)
    turned = whole.cast_column("image", datasets.Image(decode=False))["image"][:][::-1]
    other = whole.add_column("thumbnail", turned, feature=datasets.Image()).add_column("number", range(2 * COUNT))
    coarse = other.add_column("coarse", [0, 1] * COUNT, feature=datasets.ClassLabel(names=["a", "b"]))
    coarse.save_to_disk(tmp_path / "saved")
    with pytest.raises(ConfigError, match=r"saved has the image columns image, thumbnail; say which: --image-column image"):
        encoded(tmp_path / "saved", tmp_path / "out", weights)
    with pytest.raises(ConfigError, match=r"saved has the label columns label, coarse; say which: --label-column label"):
        encoded(tmp_path / "saved", tmp_path / "out", weights, Choice(image_column="image"))
    out = encoded(tmp_path / "saved", tmp_path / "out", weights, Choice(image_column="image", label_column="label"))
    assert arrays(out) == wanted
    assert about(out).source == f"{tmp_path / 'saved'} (pictures image, labels label)"
    out = encoded(tmp_path / "saved", tmp_path / "turned", weights, Choice(image_column="thumbnail", label_column="coarse"))
    images = np.load(out / "images.npy")
    assert np.array_equal(images[::-1], np.load(tmp_path / "out" / "images.npy"))
    assert (np.load(out / "labels.npy").tolist(), about(out).class_names) == ([0, 1] * COUNT, ("a", "b"))
    found = [
        (name, json.dumps({"label": 0, "fine": int(held)}).encode()) if name.endswith("cls") else (name, held)
        for name, held in members(folder)
    ]
    found = [(name.replace(".cls", ".json"), held) for name, held in found]
    masks = [(f"./train/{number:04}.mask.png", b"of something else") for number in range(2 * COUNT)]
    tar = write_tar(tmp_path / "fine.tar", [*found, *masks])
    assert arrays(encoded(tar, tmp_path / "tar", weights, Choice(label_column="fine"))) == wanted


def test_a_reference_is_of_the_same_pictures(folder: Path, wanted: dict[str, bytes], tmp_path: Path) -> None:
    n, read = _pictures(Referenced(one_tar(folder, tmp_path), tmp_path / "own.npz", SIDE))
    shown = np.load(io.BytesIO(wanted["images.npy"]))
    assert np.array_equal(np.stack([read(place) for place in range(n)]), shown)


def picture() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE)).save(held, "png")
    return held.getvalue()


PNG = picture()
TARS = {
    "has no label": (
        [("a.png", PNG)],
        "{}: a has no label; give every picture a member NAME.cls with the number of its class, or NAME.json with a field 'label' or"
        " 'class'",
    ),
    "label is no number": ([("a.png", PNG), ("a.cls", b"cat")], "{}: a: .cls holds 'cat', and no number of a class; write one"),
    "no field": (
        [("a.png", PNG), ("a.json", b'{"caption": "a cat"}')],
        "{}: a.json has no field 'label' or 'class', only caption; name the field of the label: --label-column FIELD",
    ),
    "no json": ([("a.png", PNG), ("a.json", b"{")], None),
    "a list": (
        [("a.png", PNG), ("a.json", b'{"label": [1]}')],
        "{}: a.json: 'label' is [1], and neither a whole number nor a name; write one",
    ),
    "two fields": (
        [("a.png", PNG), ("a.json", b'{"label": 1, "class": 2}')],
        "{}: a.json has the fields 'label' and 'class'; say which: --label-column label",
    ),
    "numbers and names": (
        [("a.png", PNG), ("a.json", b'{"label": 0}'), ("b.png", PNG), ("b.json", b'{"label": "cat"}')],
        "{}: a.png has the label 0, and other pictures have names such as 'cat'; write numbers or names, not both",
    ),
    "two pictures": (
        [("a.png", PNG), ("a.jpg", PNG), ("a.cls", b"0")],
        "{}: a has the pictures .png and .jpg; say which: --image-column png",
    ),
    "twice": ([("a.png", PNG), ("a.png", PNG), ("a.cls", b"0")], "{}: a.png is there twice; give every sample a name of its own"),
    "no pictures": (
        [("a.txt", b"words"), ("a.cls", b"0")],
        "{} holds no pictures (.bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff, .webp); give .tar files with NAME.jpg and NAME.cls, or other"
        " data",
    ),
    "from 1": (
        [("a.png", PNG), ("a.cls", b"1"), ("b.png", PNG), ("b.cls", b"1")],
        "{}: labels go from 1 to 1, and no image has label 0; they count from 0: save labels - 1",
    ),
    "too large": (
        [("a.png", PNG), ("a.cls", b"5")],
        "{}: label 5 of image 0 is larger than the number of images, 1; number the classes from 0 without gaps",
    ),
    "negative": ([("a.png", PNG), ("a.cls", b"-1")], "{}: label -1 of image 0 is negative; labels count from 0"),
    "endless": (
        [("a.png", PNG), ("a.cls", b"9" * 30)],
        "{}: a label has more digits than 64 bits hold; number the classes from 0 without gaps",
    ),
}


def refused(source: Path | HubName, tmp_path: Path, weights: Path, choice: Choice = ALL) -> str:
    with pytest.raises(ModelError) as caught:
        encoded(source, tmp_path / "out", weights, choice)
    assert not (tmp_path / "out").exists(), "nothing half written"
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize("case", TARS)
def test_what_is_said_of_a_tar(case: str, weights: Path, tmp_path: Path) -> None:
    held, wanted = TARS[case]
    path = write_tar(tmp_path / "a.tar", held)
    said = refused(path, tmp_path, weights)
    if wanted is None:
        assert re.fullmatch(rf"{path}: a\.json cannot be read \(.*\); write it again", said)
    else:
        assert said == wanted.format(path)


def test_what_is_said_of_a_torn_tar(folder: Path, weights: Path, tmp_path: Path) -> None:
    whole = one_tar(folder, tmp_path).read_bytes()
    path = tmp_path / "torn.tar"
    for cut in (0, 100, 700, 5000, len(whole) // 2, 512 * 20):
        path.write_bytes(whole[:cut])
        assert re.fullmatch(
            rf"{path} cannot be read as a \.tar without compression \(.+\); write or copy it again", refused(path, tmp_path, weights)
        )
    with tarfile.open(tmp_path / "all [1].tar") as archive:
        begins = archive.getmembers()[9].offset
    path.write_bytes(whole[:begins] + b"\xff" * 512 + whole[begins + 512 :])
    assert refused(path, tmp_path, weights) == (
        f"{path} cannot be read as a .tar without compression (it is cut off or damaged at byte {begins:,} of {len(whole):,}); write"
        " or copy it again"
    )
    with tarfile.open(tmp_path / "zipped.tar", "w:gz"):
        pass
    assert "cannot be read as a .tar without compression" in refused(tmp_path / "zipped.tar", tmp_path, weights)
    assert (
        refused(tmp_path / "no.tar", tmp_path, weights) == f"there is no file {tmp_path / 'no.tar'}; give a .tar file, or a folder of them"
    )


def test_what_is_said_of_a_table(folder: Path, weights: Path, tmp_path: Path, cache: Path) -> None:
    def said(features: dict[str, Any], rows: list[dict[str, Any]], choice: Choice = ALL) -> str:
        shutil.rmtree(tmp_path / "saved", ignore_errors=True)
        columns = {name: [row[name] for row in rows] for name in features}
        datasets.Dataset.from_dict(columns, features=datasets.Features(features)).save_to_disk(tmp_path / "saved")
        return refused(tmp_path / "saved", tmp_path, weights, choice).replace(str(tmp_path / "saved"), "{}")

    image = {"image": {"bytes": PNG, "path": None}}
    pictured, classes = {"image": datasets.Image()}, datasets.ClassLabel(names=["cat", "dog"])
    assert said(pictured, [image]) == (
        "{} has no column of labels (ClassLabel or integers), it has image (Image); add one, with a type of `datasets`"
    )
    words = pictured | {"label": datasets.Value("string")}
    assert said(words, [image | {"label": "cat"}]) == (
        "{} has no column of labels (ClassLabel or integers), it has image (Image), label (string); add one, with a type of `datasets`"
    )
    assert said(words, [image | {"label": "cat"}], Choice(label_column="label")) == (
        "--label-column label: the column of {} is string, and no labels (ClassLabel or integers); choose another"
    )
    assert said(words, [image | {"label": "cat"}], Choice(image_column="img")) == (
        "--image-column img: {} has no such column, it has image (Image), label (string); choose one of its own"
    )
    assert said({"label": classes}, [{"label": 0}]) == (
        "{} has no column of pictures (Image, {{bytes, path}} or bytes), it has label (ClassLabel); add one, with a type of `datasets`"
    ).replace("{{", "{").replace("}}", "}")
    assert said(pictured | {"label": classes}, [image | {"label": 0}, image | {"label": None}]) == (
        "{}: row 1 has no label in the column 'label'; label it, or remove the row"
    )
    assert said(pictured | {"label": classes}, [image | {"label": 0}]) == (
        "{}: the column 'label' names 2 classes, and no picture is of the last, 'dog'; give a split that has pictures of every class"
    )
    assert said(pictured | {"label": datasets.Value("int32")}, [image | {"label": 0}, image | {"label": 2}, image | {"label": 2}]) == (
        "{}: column 'label': no image has label 1, and labels go to 2; number the classes from 0 without gaps:"
        " save numpy.unique(labels, return_inverse=True)[1]"
    )
    pyarrow.parquet.write_table(pyarrow.table({"image": [], "label": []}, SCHEMA), tmp_path / "no.parquet")
    empty = refused(tmp_path / "no.parquet", tmp_path, weights)
    assert empty == f"{tmp_path / 'no.parquet'} has no rows; give a data set with pictures"
    assert said(pictured | {"label": classes}, [image | {"label": 0}], Choice(split="train")) == (
        "--split train: {} has no splits; leave the option out"
    )
    (tmp_path / "saved" / "data-00000-of-00001.arrow").write_bytes(b"torn")
    assert re.fullmatch(r".*saved cannot be loaded \(.+\); save it again", refused(tmp_path / "saved", tmp_path, weights))
    path = tmp_path / "torn.parquet"
    path.write_bytes(b"PAR1 torn")
    assert re.fullmatch(rf"{path} cannot be read as parquet \(.+\); write or copy it again", refused(path, tmp_path, weights))
    whole = one_parquet(folder, tmp_path).read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * 3000 + whole[3100:])
    assert re.fullmatch(
        rf"{path} cannot be loaded \(.+\); mend the files, or make space in {cache}, where a copy of the two columns goes"
        r" \(HF_DATASETS_CACHE says where\)",
        refused(path, tmp_path, weights),
    )


def test_what_is_said_of_the_hub(folder: Path, weights: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remedy = (
        f"look at the name, the network (HF_HUB_OFFLINE, HF_TOKEN), the --subset and the space in {cache}; or download its parquet files"
        " elsewhere and give their folder"
    )
    assert refused(HubName("owner/name"), tmp_path, weights) == (
        f"hub:owner/name cannot be loaded (Couldn't reach 'owner/name' on the Hub (OfflineModeIsEnabled)); {remedy}"
    )
    on_the_hub(folder, tmp_path)
    assert refused(HubName("owner/name", "v1"), tmp_path, weights) == (
        f"hub:owner/name@v1: the hub is not reached, and {cache} holds the revision {REVISION}; connect, or ask for owner/name@{REVISION}"
    )
    assert refused(HubName("owner/name"), tmp_path, weights, Choice(split="test")) == (
        "--split test: hub:owner/name has only train; choose one of its own"
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert refused(HubName("owner/name"), tmp_path, weights) == (
        "hub:owner/name: there is a folder owner/name here, which `datasets` would read instead; give that, or go elsewhere"
    )
    for text in ("hub:", "hub:cifar10", "hub:a/b/c", "hub:a/b@", "hub:a/b@c d"):
        with pytest.raises(ConfigError) as caught:
            named_source(text)
        assert str(caught.value) == f"{text} is no name on the Hugging Face hub; write hub:OWNER/NAME or hub:OWNER/NAME@REVISION"
    assert named_source("hub:a/b@refs/pr/1") == HubName("a/b", "refs/pr/1")
    assert named_source("pictures") == tmp_path / "pictures"


def test_what_is_said_of_options_and_of_folders(folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(folder, tmp_path, weights, Choice(split="train")) == (
        f"--split train: {folder} has no such thing to choose; leave the option out"
    )
    tar = one_tar(folder, tmp_path)
    assert refused(tar, tmp_path, weights, Choice(subset="a")) == f"--subset a: {tar} has no such thing to choose; leave the option out"
    assert refused(tar, tmp_path, weights, Choice(split="train")) == (
        f"--split train: {tar} is one file, and has no splits; leave the option out"
    )
    assert refused(tar, tmp_path, weights, Choice(label_column="fine")) == (
        f"--label-column fine: {tar}: ./train/0000 has no member .fine, and no .json; choose one of its own"
    )
    (tmp_path / "mixed").mkdir()
    write_tar(tmp_path / "mixed" / "val.tar", members(folder))
    write_tar(tmp_path / "mixed" / "a.tar", members(folder))
    assert refused(tmp_path / "mixed", tmp_path, weights) == (
        f"{tmp_path / 'mixed'} has shards of the split validation by name, and others such as a.tar; say --split validation, or"
        " move them apart"
    )
    (tmp_path / "mixed" / "a.parquet").touch()
    assert refused(tmp_path / "mixed", tmp_path, weights) == (
        f"{tmp_path / 'mixed'} holds a.tar and a.parquet, and nothing says which are the data; move one kind elsewhere"
    )
    monkeypatch.setattr("model.config.availability.find_spec", lambda name: None if name == "datasets" else name)
    parquet = one_parquet(folder, tmp_path)
    assert refused(parquet, tmp_path, weights) == (
        f"{parquet}: parquet, saved data sets and the hub are read by `datasets`, which is not installed; pip install 'sweeper[data]'"
    )
    beside = shutil.copytree(folder, tmp_path / "beside")
    shutil.copy(tar, beside / "all.tar")
    out = encoded(beside, tmp_path / "folders", weights)
    assert about(out).class_names == NAMES, "class folders with an archive beside them stay class folders"
