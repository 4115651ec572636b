"""A user's own images in class folders: what is read, and every way it can be wrong."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.config import FolderData
from model.data import folder
from model.data.folder import SETTLED_NS
from model.data.source import facts, read
from model.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 3)).astype(np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of six images."""
    mine = tmp_path / "mine"
    for i, pixels in enumerate(PIXELS):
        place = mine / ("dog" if i >= 6 else "cat")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{i:02d}.png")
    return mine


def config_of(path: Path, resolution: int = 6, channels: int = 3) -> FolderData:
    return FolderData.model_validate({"kind": "folder", "path": path, "resolution": resolution, "channels": channels})


def test_images_of_class_folders(root: Path) -> None:
    (root / "notes.txt").write_text("not an image")
    (root / ".hidden").mkdir()
    found = read(config_of(root))
    assert found.images.dtype == np.float32
    np.testing.assert_allclose(found.images, PIXELS.transpose(0, 3, 1, 2) / 127.5 - 1, atol=1e-6)
    assert found.labels.tolist() == [0] * 6 + [1] * 6
    known = facts(config_of(root))
    assert (known.channels, known.resolution, known.classes, known.train, known.held_out) == (3, 6, 2, 10, 2)
    assert known.content_hash == found.content_hash


def test_grey_images(root: Path) -> None:
    found = read(config_of(root, channels=1))
    assert found.images.shape == (12, 1, 6, 6)
    grey = np.asarray(Image.fromarray(PIXELS[0]).convert("L"))
    np.testing.assert_allclose(found.images[0, 0], grey / 127.5 - 1, atol=1e-6)
    assert found.content_hash != read(config_of(root)).content_hash


def test_a_data_set_is_named_by_its_content(root: Path, tmp_path: Path) -> None:
    name = read(config_of(root)).content_hash
    there = tmp_path / "elsewhere" / "copy"
    shutil.copytree(root, there)
    for file in (there / "cat").iterdir():
        file.rename(file.with_name(f"renamed-{file.name}"))
    assert read(config_of(there)).content_hash == name
    (there / "cat").rename(there / "bat")
    assert read(config_of(there)).content_hash != name
    shutil.copy(root / "dog" / "06.png", root / "cat" / "00.png")
    assert read(config_of(root)).content_hash != name


def refused(path: Path, resolution: int = 6) -> str:
    with pytest.raises(DataError) as caught:
        read(config_of(path, resolution))
    return str(caught.value)


def test_a_missing_folder_or_a_file_is_named(root: Path) -> None:
    advice = "give a folder with one sub-folder of images per class"
    assert refused(root / "missing") == f"data.path: there is no folder {root / 'missing'}; {advice}"
    assert refused(root / "cat" / "00.png") == f"data.path: {root / 'cat' / '00.png'} is a file; {advice}"


def test_an_image_of_another_size_is_named(root: Path) -> None:
    Image.fromarray(np.zeros((5, 9, 3), np.uint8)).save(root / "dog" / "07.png")
    wanted = f"{root / 'dog' / '07.png'} is 9 x 5 pixels, but data.resolution is 6; resize it, or set the resolution"
    assert refused(root) == wanted
    assert refused(root, resolution=8).startswith(f"{root / 'cat' / '00.png'} is 6 x 6 pixels, but data.resolution is 8")


@pytest.mark.parametrize("damage", ["text", "empty", "half", "folder"])
def test_an_unreadable_image_is_named(damage: str, root: Path) -> None:
    path = root / "dog" / "07.png"
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes({"text": b"no image", "empty": b"", "half": whole[: len(whole) // 2]}[damage])
    message = refused(root)
    assert message.startswith(f"{path} cannot be read as an image (")
    assert message.endswith("); replace or remove it")


def test_a_loose_image_has_no_label(root: Path) -> None:
    shutil.copy(root / "cat" / "00.png", root / "stray.PNG")
    assert refused(root) == f"{root / 'stray.PNG'} has no label; move it into the sub-folder of its class"


def test_an_empty_class_is_named(root: Path) -> None:
    (root / "eel").mkdir()
    (root / "eel" / "readme.txt").write_text("later")
    assert refused(root).startswith(
        f"{root / 'eel'} holds no images (.bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff, .webp), only .txt (1); remove the"
    )


def test_a_folder_without_classes_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"{tmp_path} has no class folders; give a folder with one sub-folder of images per class"


def numbered(root: Path, *names: str) -> Path:
    """A class of two pictures for each name, all of the brightness of its place."""
    for place, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for i in range(2):
            Image.fromarray(np.full((6, 6, 3), place, np.uint8)).save(root / name / f"{i}.png")
    return root


def test_classes_that_are_numbers_have_the_order_of_numbers(tmp_path: Path) -> None:
    names = [str(number) for number in range(12)]
    found = read(config_of(numbered(tmp_path / "mine", *names)))
    assert found.class_names == tuple(names)
    assert found.labels.tolist() == [label for label in range(12) for _ in range(2)]
    assert np.round((found.images[:, 0, 0, 0] + 1) * 127.5).tolist() == found.labels.tolist()
    assert facts(config_of(tmp_path / "mine")).classes_in_words == "", "each is its own number"


def test_other_names_keep_the_order_of_text_and_say_which_label_they_have(tmp_path: Path) -> None:
    known = facts(config_of(numbered(tmp_path / "a", "class10", "class2", "9x", "7", "08")))
    assert known.class_names == ("08", "7", "9x", "class10", "class2")
    assert known.classes_in_words == "0 = 08, 1 = 7, 2 = 9x, 3 = class10, 4 = class2"
    assert facts(config_of(numbered(tmp_path / "b", "10", "9", "007", "08", "1"))).class_names == ("1", "007", "08", "9", "10")


def test_a_long_list_of_names_is_cut(tmp_path: Path) -> None:
    known = facts(config_of(numbered(tmp_path / "a", *(f"c{number:02d}" for number in range(20)))))
    assert known.classes_in_words == ", ".join([*(f"{i} = c{i:02d}" for i in range(11)), "...", "19 = c19"])
    assert len(known.class_names) == 20


def test_the_names_of_data_sets_stay(root: Path) -> None:
    """Of class names that are no numbers, and of ten digits: stored trials are found again."""
    assert facts(config_of(root)).content_hash == "9ddcf055c4194c80"
    digits = numbered(root.parent / "digits", *map(str, range(10)))
    assert facts(config_of(digits)).content_hash == "06244d6e4e2ead84"


def test_what_is_left_out_is_counted_and_said(root: Path) -> None:
    before = facts(config_of(root))
    assert before.remarks == ()
    for place, name in ((root / "cat", "._00.png"), (root / "dog", "Thumbs.db"), (root, ".DS_Store"), (root / "__MACOSX", "._a.png")):
        place.mkdir(exist_ok=True)
        (place / name).write_bytes(b"Mac OS X")
    for number in range(14):
        (root / "cat" / f"{number}.jp2").touch()
    (root / "README").touch()
    (root / "dog" / "more").mkdir()
    after = facts(config_of(root))
    assert after.remarks == (
        "16 of 28 files are no pictures by name: .jp2 (14), folders (1), without a suffix (1)",
        "4 hidden files and leftovers of archives are skipped: .DS_Store, __MACOSX, ...",
    )
    assert after.content_hash == before.content_hash


def test_one_leftover_is_said_as_one(root: Path) -> None:
    (root / "cat" / "._00.png").touch()
    (root / "cat" / "notes.txt").touch()
    assert facts(config_of(root)).remarks == (
        "1 of 13 files is no picture by name: .txt (1)",
        "1 hidden file or leftover of an archive is skipped: cat/._00.png",
    )


def settle(root: Path) -> None:
    """Waits until a change would have another time."""
    time.sleep(max(0.0, (max(path.stat().st_ctime_ns for path in root.rglob("*")) + SETTLED_NS - time.time_ns()) / 1e9) + 0.01)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every picture that is decoded."""
    found: list[Path] = []

    def reading(file: Path, config: FolderData) -> Any:
        found.append(file)
        return decode(file, config)

    decode = folder._read
    monkeypatch.setattr(folder, "_read", reading)
    return found


def test_pictures_are_decoded_once_for_all_trials(root: Path, tmp_path: Path, opened: list[Path]) -> None:
    cache = tmp_path / "cache"
    (root / "cat" / "notes.txt").touch()
    settle(root)
    plain = read(config_of(root))
    opened.clear()
    first = facts(config_of(root), cache)
    assert len(opened) == 12
    assert facts(config_of(root), cache) == first
    again = read(config_of(root), cache)
    assert len(opened) == 12, "nothing is decoded again"
    assert again.content_hash == plain.content_hash == first.content_hash
    np.testing.assert_array_equal(again.images, plain.images)
    assert (again.class_names, again.remarks) == (plain.class_names, plain.remarks) == (first.class_names, first.remarks)
    assert first.remarks == ("1 of 13 files is no picture by name: .txt (1)",)
    shared = next(cache.glob("pictures-*.npy"))
    assert np.array_equal(np.load(shared), PIXELS)
    assert facts(config_of(root, channels=1), cache).content_hash != first.content_hash


@pytest.mark.parametrize("change", ["content", "content with the old time", "name", "class", "another file"])
def test_a_change_is_seen(change: str, root: Path, tmp_path: Path, opened: list[Path]) -> None:
    cache, path = tmp_path / "cache", root / "cat" / "00.png"
    settle(root)
    before = facts(config_of(root), cache)
    then = path.stat()
    if change.startswith("content"):
        path.write_bytes((root / "dog" / "06.png").read_bytes())
        if change.endswith("time"):
            os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    elif change == "name":
        path.rename(root / "cat" / "zz.png")
    elif change == "class":
        (root / "cat").rename(root / "eel")
    else:
        shutil.copy(path, root / "dog" / "12.png")
    settle(root)
    opened.clear()
    assert facts(config_of(root), cache).content_hash == facts(config_of(root)).content_hash != before.content_hash
    assert len(list(cache.glob("pictures-*.npy"))) == 1, "the older array is gone"
    opened.clear()
    facts(config_of(root), cache)
    assert opened == []


def test_a_file_that_may_change_again_within_its_time_is_not_kept(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "SETTLED_NS", 10**15)
    facts(config_of(root), tmp_path / "cache")
    assert list((tmp_path / "cache").glob("pictures-*.npy")) == []


@pytest.mark.parametrize("damage", ["array", "short array", "no array", "words", "other words"])
def test_a_damaged_cache_is_made_anew(damage: str, root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    settle(root)
    before = read(config_of(root), cache)
    array, about = (next(cache.glob(f"pictures-*{suffix}")) for suffix in (".npy", ".json"))
    whole = array.read_bytes()
    match damage:
        case "array":
            array.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        case "short array":
            array.write_bytes(whole[:-1])
        case "no array":
            array.unlink()
        case "words":
            about.write_text("{")
        case "other words":
            about.write_text("[]")
    found = read(config_of(root), cache)
    assert found.content_hash == before.content_hash
    np.testing.assert_array_equal(found.images, before.images)
    assert array.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(root: Path, tmp_path: Path) -> None:
    settle(root)
    (tmp_path / "cache").touch()
    assert facts(config_of(root), tmp_path / "cache") == facts(config_of(root))
