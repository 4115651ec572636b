"""A user's own images in class folders: what is read, and every way it can be wrong."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.config import FolderData
from model.data.source import facts, read
from model.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 3)).astype(np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of six images."""
    folder = tmp_path / "mine"
    for i, pixels in enumerate(PIXELS):
        place = folder / ("dog" if i >= 6 else "cat")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{i:02d}.png")
    return folder


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
    assert refused(root).startswith(f"{root / 'eel'} holds no images (.bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff, .webp); remove the")


def test_a_folder_without_classes_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"{tmp_path} has no class folders; give a folder with one sub-folder of images per class"
