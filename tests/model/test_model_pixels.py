"""One rule from any picture to pixels: what a viewer shows, or a refusal that names file and mode."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from model.config import FolderData
from model.data.pixels import to_pixels
from model.data.source import facts, read
from model.errors import DataError

RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (6, 6, 3), dtype=np.uint8)
GREY = RANDOM.integers(0, 256, (6, 6), dtype=np.uint8)
DEEP = RANDOM.integers(0, 65536, (6, 6), dtype=np.uint16)
ALPHA = RANDOM.integers(0, 256, (6, 6), dtype=np.uint8)
ALPHA[0] = 0
ALPHA[1] = 255
OVER_WHITE = np.round(RGB * (ALPHA[..., None] / 255) + 255 * (1 - ALPHA[..., None] / 255))
BITS = GREY > 127
PALETTED = Image.fromarray(RGB).quantize(8)
PALETTE = np.asarray(PALETTED.convert("RGB"))


def hidden_colour(path: Path) -> None:
    """Index 0 of the palette is transparent."""
    PALETTED.save(path, transparency=0)


def turned(path: Path) -> None:
    """Stored on its side, with a tag that says so."""
    about = Image.Exif()
    about[0x0112] = 6
    Image.fromarray(np.rot90(RGB).copy()).save(path, exif=about)


def white_is_zero(path: Path) -> None:
    Image.fromarray(DEEP).save(path, tiffinfo={262: 0})


def camera(path: Path) -> None:
    """A photograph with a preview beside it, as telephones write them."""
    Image.fromarray(RGB).save(path, format="MPO", save_all=True, append_images=[Image.fromarray(255 - RGB)], quality=100, subsampling=0)


SHOWN: dict[str, tuple[str, Callable[[Path], Any], Any, float]] = {
    "RGB": ("png", lambda path: Image.fromarray(RGB).save(path), RGB, 0),
    "grey": ("png", lambda path: Image.fromarray(GREY).save(path), GREY, 0),
    "1 bit": ("png", lambda path: Image.fromarray(BITS).save(path), BITS * 255, 0),
    "palette": ("png", PALETTED.save, PALETTE, 0),
    "palette with a hidden colour": (
        "png",
        hidden_colour,
        np.where((np.asarray(PALETTED) == 0)[..., None], 255, PALETTE),
        0,
    ),
    "alpha": ("png", lambda path: Image.fromarray(np.dstack([RGB, ALPHA])).save(path), OVER_WHITE, 1),
    "grey and alpha": (
        "png",
        lambda path: Image.fromarray(np.dstack([GREY, ALPHA]), "LA").save(path),
        np.round(GREY * (ALPHA / 255) + 255 * (1 - ALPHA / 255)),
        1,
    ),
    "one hidden colour": (
        "png",
        lambda path: Image.fromarray(RGB).save(path, transparency=tuple(RGB[2, 3].tolist())),
        np.where((RGB[2, 3] == RGB).all(axis=-1)[..., None], 255, RGB),
        0,
    ),
    "16 bits": ("png", lambda path: Image.fromarray(DEEP).save(path), DEEP >> 8, 0),
    "16 bits, TIFF": ("tiff", lambda path: Image.fromarray(DEEP).save(path), DEEP >> 8, 0),
    "16 bits, white is zero": ("tiff", white_is_zero, (65535 - DEEP) >> 8, 0),
    "16 bits, a hidden value": (
        "png",
        lambda path: Image.fromarray(DEEP).save(path, transparency=int(DEEP[3, 3])),
        np.where(DEEP[3, 3] == DEEP, 255, DEEP >> 8),
        0,
    ),
    "CMYK": ("tif", lambda path: Image.fromarray(RGB).convert("CMYK").save(path), RGB, 0),
    "on its side": ("png", turned, RGB, 0),
    "on its side, TIFF": ("tif", turned, RGB, 0),
    "camera": ("jpg", camera, RGB, 40),
}
"""Suffix, how it is written, what a viewer shows, and how far a lossy file may be from it."""


def folder_of(root: Path, suffix: str, write: Callable[[Path], Any]) -> FolderData:
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for number in range(6):
            write(root / name / f"{number}.{suffix}")
    return FolderData(kind="folder", path=root, resolution=6)


@pytest.mark.parametrize("what", SHOWN)
def test_a_picture_is_read_as_a_viewer_shows_it(what: str, tmp_path: Path) -> None:
    suffix, write, wanted, tolerance = SHOWN[what]
    found = read(folder_of(tmp_path / "mine", suffix, write))
    pixels = np.round((found.images + 1) * 127.5).transpose(0, 2, 3, 1)[0]
    wanted = np.broadcast_to(np.asarray(wanted).reshape(6, 6, -1), (6, 6, 3))
    assert np.abs(pixels - wanted).max() <= tolerance


def test_grey_of_a_palette_and_of_colours_is_their_luma() -> None:
    for image in (Image.fromarray(RGB), PALETTED):
        assert np.array_equal(to_pixels(image, 1)[..., 0], np.asarray(image.convert("L")))


def test_opaque_alpha_changes_nothing() -> None:
    """So that data sets of such files keep their names."""
    opaque = Image.fromarray(np.dstack([RGB, np.full_like(ALPHA, 255)]))
    assert np.array_equal(to_pixels(opaque, 3), RGB)


def animated(path: Path) -> None:
    Image.fromarray(RGB).save(path, save_all=True, append_images=[Image.fromarray(255 - RGB), Image.fromarray(RGB // 2)])


FLOATS = GREY.astype(np.float32) / 255
REFUSED: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "float": (
        "tiff",
        lambda path: Image.fromarray(FLOATS).save(path),
        "its mode is F, and nothing says which of its values are black and white; save it with 8 or 16 bits, or remove it",
    ),
    "32 bits": ("tiff", lambda path: Image.fromarray(DEEP.astype(np.int32)).save(path), "its mode is I, and nothing says which"),
    "animated": ("gif", animated, "it holds 3 frames or pages, and nothing says which is meant; save that one alone, or remove it"),
    "animated PNG": ("png", animated, "it holds 3 frames or pages"),
    "animated WebP": ("webp", animated, "it holds 3 frames or pages"),
    "pages": ("tiff", animated, "it holds 3 frames or pages"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_picture_without_a_rule_is_refused_by_name(what: str, tmp_path: Path) -> None:
    suffix, write, message = REFUSED[what]
    config = folder_of(tmp_path / "mine", suffix, write)
    with pytest.raises(DataError) as caught:
        read(config)
    assert str(caught.value).startswith(f"{tmp_path / 'mine' / 'cat' / '0'}.{suffix} is not read: {message}")


def test_other_colour_spaces_are_told(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    config = folder_of(tmp_path / "mine", "png", lambda path: Image.fromarray(RGB).save(path, icc_profile=srgb))
    assert facts(config).remarks == ()
    Image.fromarray(RGB).save(tmp_path / "mine" / "cat" / "0.png", icc_profile=lab)
    assert facts(config).remarks == ("1 picture has a colour profile other than sRGB, which is not applied",)
