"""Data sets whose files lie, are damaged, or are something else: named and refused by `plan` and `run`, with nothing started."""

import os
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lying_files import IMAGES, LABELS, Spoil, Trap, damaged, npy, plan_is_refused
from PIL import Image

from model.config import FolderData, NpzData
from model.data.images import LabelledImages
from model.data.source import read
from model.errors import DataError


def archive(path: Path, images: bytes, labels: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("images.npy", images)
        file.writestr("labels.npy", labels)


def lying(shape: tuple[int, ...], dtype: str | None = None) -> Spoil:
    return lambda path: archive(path, npy(IMAGES, shape, dtype), npy(LABELS))


def arrays(**changed: Any) -> Spoil:
    return lambda path: np.savez(path, **({"images": IMAGES, "labels": LABELS} | changed))


def truncated(path: Path) -> None:
    arrays()(path)
    path.write_bytes(path.read_bytes()[:-700])


def bomb(path: Path) -> None:
    """Half a gigabyte of zeros in half a megabyte."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("images.npy", "w", force_zip64=True) as member:
            member.write(npy(np.zeros(0, np.uint8), (2**23, 8, 8)))
            zeros = bytes(2**22)
            for _ in range(128):
                member.write(zeros)
        file.writestr("labels.npy", npy(np.zeros(2**23, np.uint8)))


def boasting(path: Path) -> None:
    """A directory of the archive that says, as the header does, that there are a million times more bytes."""
    archive(path, npy(IMAGES, (40 * 10**6, 8, 8)), npy(LABELS))
    held = len(npy(IMAGES))
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", held), struct.pack("<I", held - IMAGES.nbytes + 40 * 64 * 10**6)))


def unpickled(path: Path) -> None:
    np.savez(path, images=np.array([Trap(path.parent / "trapped")] * 40, dtype=object), labels=LABELS)


NAN = IMAGES / 255.0
NAN[3, 2, 1] = np.nan
NPZ = {
    "larger than it is": (lying((10**9, 8, 8)), "`images` says to be (1000000000, 8, 8) of uint8, 64,000,000,000 bytes, but holds 2,560"),
    "smaller than it is": (lying((39, 8, 8)), "`images` says to be (39, 8, 8) of uint8, 2,496 bytes, but holds 2,560"),
    "beyond counting": (lying((2**62, 2**62, 8)), "bytes, but holds 2,560"),
    "negative": (lying((-40, -8, 8)), "cannot be read ("),
    "another type": (lying((40, 8, 8), "<f8"), "`images` says to be (40, 8, 8) of float64, 20,480 bytes, but holds 2,560"),
    "no header": (lambda path: archive(path, b"images", npy(LABELS)), "cannot be read ("),
    "boasting": (boasting, " cannot be read ("),
    "truncated": (truncated, "cannot be read ("),
    "bomb": (bomb, "to 536,870,"),
    "objects": (unpickled, "Object arrays cannot be loaded when allow_pickle=False"),
    "labels are objects": (arrays(labels=np.array([{}] * 40, dtype=object)), "Object arrays cannot be loaded when allow_pickle=False"),
    "NaN": (arrays(images=NAN), "float `images` leave [-1, 1] or are not finite"),
    "infinite": (arrays(images=np.full((40, 8, 8), np.inf)), "float `images` leave [-1, 1] or are not finite"),
    "bright": (arrays(images=np.full((40, 8, 8), 1.01)), "float `images` leave [-1, 1]"),
    "complex": (arrays(images=np.zeros((40, 8, 8), complex)), "`images` holds complex128"),
    "text": (arrays(images=np.full((40, 8, 8), "x")), "`images` holds <U1"),
    "no pixels": (arrays(images=np.zeros((40, 0, 0), np.uint8)), "`images` has shape (40, 0, 0, 1)"),
    "mixed sizes": (arrays(images=np.zeros((40, 8, 9), np.uint8)), "`images` has shape (40, 8, 9, 1)"),
    "labels are floats": (arrays(labels=LABELS + 0.5), "`labels` has shape (40,) of float64"),
    "a label is missing": (arrays(labels=LABELS[1:]), "`labels` has shape (39,)"),
    "negative label": (arrays(labels=LABELS - 1), "label -1 of image 0 is negative"),
    "label out of range": (
        arrays(labels=np.where(LABELS == 3, 10**12, LABELS)),
        "label 1000000000000 of image 3 is larger than the number",
    ),
    "label beyond int64": (arrays(labels=np.full(40, 2**64 - 1, np.uint64)), "label 18446744073709551615 of image 0 is larger"),
    "one image": (arrays(images=IMAGES[:1], labels=LABELS[:1]), "has 1 images"),
    "no images": (arrays(images=IMAGES[:0], labels=LABELS[:0]), "has 0 images"),
    "a folder": (lambda path: path.mkdir(), "is a directory"),
    "a link to itself": (lambda path: path.symlink_to(path), "there is no file"),
}
"""What is wrong, and a part of the message."""


@pytest.mark.parametrize("what", NPZ)
def test_an_npz(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, message = NPZ[what]
    path = tmp_path / "mine.npz"
    spoil(path)
    said = plan_is_refused(monkeypatch, capsys, tmp_path / "home", f"{{kind: npz, path: {path}}}")
    assert str(path) in said
    assert message in said
    assert not (tmp_path / "trapped").exists(), "nothing was unpickled"


def picture(path: Path, side: int = 8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)).save(path)


def png_bomb(path: Path, side: int = 60_000) -> None:
    """A few hundred bytes that say to be 3.6 gigapixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))


def text_bomb(path: Path) -> None:
    """A picture of the right size whose comment unpacks to 100 MB."""
    picture(path)
    body = b"Comment\0\0" + zlib.compress(bytes(10**8))
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    whole = path.read_bytes()
    path.write_bytes(whole[:33] + chunk + whole[33:])


def cut(path: Path) -> None:
    picture(path)
    path.write_bytes(path.read_bytes()[:60])


FOLDER: dict[str, tuple[Spoil, str]] = {
    "a bomb": (png_bomb, "cannot be read as an image ("),
    "a smaller bomb": (lambda path: png_bomb(path, 11_000), "is 11000 x 11000 pixels"),
    "a bomb in a comment": (text_bomb, "cannot be read as an image (Decompressed data too large"),
    "truncated": (cut, "cannot be read as an image ("),
    "empty": (lambda path: path.touch(), "cannot be read as an image ("),
    "text": (lambda path: path.write_text("<svg/>") and None, "cannot be read as an image ("),
    "a zip": (lambda path: zipfile.ZipFile(path, "w").close(), "cannot be read as an image ("),
    "another size": (lambda path: picture(path, 9), "is 9 x 9 pixels, but data.resolution is 8"),
    "a folder": (lambda path: path.mkdir(), "cannot be read as an image ("),
    "a pipe": (os.mkfifo, "cannot be read as an image (it is a pipe); replace or remove it"),
    "a link to itself": (lambda path: path.symlink_to(path), "cannot be read as an image ("),
    "a link to nothing": (lambda path: path.symlink_to(path.parent / "nothing"), "cannot be read as an image ("),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("cat", "dog"):
        for number in range(8):
            picture(tmp_path / "mine" / name / f"{number:02d}.png")
    return tmp_path / "mine"


@pytest.mark.parametrize("what", FOLDER)
def test_an_image_in_a_folder(
    what: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, message = FOLDER[what]
    path = root / "dog" / "08.png"
    spoil(path)
    said = plan_is_refused(monkeypatch, capsys, tmp_path / "home", f"{{kind: folder, path: {root}, resolution: 8}}")
    assert f"{path} " in said
    assert message in said


def _nothing(root: Path) -> Path:
    return root / "nothing"


def _file(root: Path) -> Path:
    return root / "cat" / "00.png"


def _empty(root: Path) -> Path:
    (root / "empty").mkdir()
    return root / "empty"


def _empty_class(root: Path) -> Path:
    (root / "bird").mkdir()
    return root


def _loop(root: Path) -> Path:
    """A class that is the folder itself: its classes are no images."""
    (root / "bird").symlink_to(root, target_is_directory=True)
    return root


def _link_to_itself(root: Path) -> Path:
    (root / "round").symlink_to(root / "round")
    return root / "round"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_nothing, "there is no folder"),
        (_file, "00.png is a file; give a folder"),
        (_empty, "has no class folders"),
        (_empty_class, "bird holds no images"),
        (_loop, "bird holds no images"),
        (_link_to_itself, "there is no folder"),
    ],
)
def test_a_folder(
    make: Callable[[Path], Path],
    message: str,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = plan_is_refused(monkeypatch, capsys, tmp_path / "home", f"{{kind: folder, path: {make(root)}, resolution: 8}}")
    assert message in said


def test_a_class_may_be_called_what_no_text_is(root: Path) -> None:
    config = FolderData(kind="folder", path=root, resolution=8)
    before = read(config)
    (root / "dog").rename(root / os.fsdecode(b"d\xf6g"))
    found = read(config)
    assert found.labels.tolist() == before.labels.tolist()
    assert found.content_hash != before.content_hash


def test_a_folder_that_may_not_be_listed_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for anyone but root."""

    def closed(self: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(DataError, match=r"mine cannot be listed \(Permission denied\); mend its permissions"):
        read(FolderData(kind="folder", path=root, resolution=8))


def read_or_refused(config: NpzData | FolderData) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, about metadata
        try:
            found = read(config)
        except DataError as error:
            assert str(error)  # noqa: PT017 - most are refused, some read
            return
    assert isinstance(found, LabelledImages)
    assert np.isfinite(found.images).all()


def test_damaged_archives_are_read_or_refused(tmp_path: Path) -> None:
    draw, path = random.Random(0), tmp_path / "mine.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, images=IMAGES[:12], labels=LABELS[:12])
        whole = path.read_bytes()
        for _ in range(250):
            path.write_bytes(damaged(whole, draw))
            read_or_refused(NpzData(kind="npz", path=path))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".tiff", ".webp"])
def test_damaged_images_are_read_or_refused(suffix: str, root: Path) -> None:
    draw, path = random.Random(0), root / "dog" / f"08{suffix}"
    picture(path)
    whole = path.read_bytes()
    for _ in range(60):
        path.write_bytes(damaged(whole, draw))
        read_or_refused(FolderData(kind="folder", path=root, resolution=8))
