"""A user's own images in an .npz file: what is read, and every way it can be wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from model.config import NpzData
from model.data.dataset import load
from model.data.source import facts, read
from model.errors import DataError
from model.patches import unpatchify

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (20, 4, 4, 3)).astype(np.uint8)
LABELS = np.arange(20) % 3


def saved(path: Path, **arrays: Any) -> NpzData:
    np.savez(path, **arrays)
    return NpzData(kind="npz", path=path)


def test_colour_images(tmp_path: Path) -> None:
    config = saved(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    found = read(config)
    assert found.images.shape == (20, 3, 4, 4)
    assert found.images.dtype == np.float32
    np.testing.assert_allclose(found.images, IMAGES.transpose(0, 3, 1, 2) / 127.5 - 1, atol=1e-6)
    assert found.labels.tolist() == LABELS.tolist()
    known = facts(config)
    assert (known.channels, known.resolution, known.classes, known.train, known.held_out) == (3, 4, 3, 16, 4)
    data = load(config, 2, torch.device("cpu"), torch.float32)
    assert (len(data.train), len(data.held_out), data.channels, data.classes) == (16, 4, 3, 3)
    assert data.content_hash == known.content_hash == found.content_hash
    assert unpatchify(data.train.tokens, 2, 3).shape == (16, 3, 4, 4)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_grey_floats(dtype: type[np.floating[Any]], tmp_path: Path) -> None:
    images = RANDOM.uniform(-1, 1, (12, 4, 4)).astype(dtype)
    flat, deep = (saved(tmp_path / name, images=x, labels=LABELS[:12]) for name, x in (("a.npz", images), ("b.npz", images[..., None])))
    np.testing.assert_array_equal(read(flat).images[:, 0], images.astype(np.float32))
    assert read(flat).content_hash == read(deep).content_hash


def test_a_data_set_is_named_by_its_content(tmp_path: Path) -> None:
    here = saved(tmp_path / "here.npz", images=IMAGES, labels=LABELS)
    (tmp_path / "there").mkdir()
    np.savez_compressed(tmp_path / "there" / "copy.npz", labels=LABELS.astype(np.int16), images=IMAGES, more=np.zeros(3))
    there = NpzData(kind="npz", path=tmp_path / "there" / "copy.npz")
    assert read(here).content_hash == read(there).content_hash
    changed = IMAGES.copy()
    changed[3, 2, 1, 0] ^= 1
    other_pixel = saved(tmp_path / "pixel.npz", images=changed, labels=LABELS)
    other_label = saved(tmp_path / "label.npz", images=IMAGES, labels=np.roll(LABELS, 1))
    assert len({read(config).content_hash for config in (here, other_pixel, other_label)}) == 3


def test_the_held_out_share_is_the_configs(tmp_path: Path) -> None:
    config = saved(tmp_path / "a.npz", images=IMAGES, labels=LABELS).model_copy(update={"held_out_fraction": 0.4})
    assert (facts(config).train, facts(config).held_out) == (12, 8)


def _text(path: Path) -> None:
    path.write_text("these are no arrays")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, IMAGES)


def _torn(path: Path) -> None:
    np.savez(path, images=IMAGES, labels=LABELS)
    path.write_bytes(path.read_bytes()[:300])


def _damaged(path: Path) -> None:
    np.savez_compressed(path, images=IMAGES, labels=LABELS)
    whole = bytearray(path.read_bytes())
    name, extra = (int.from_bytes(whole[at : at + 2], "little") for at in (26, 28))
    whole[30 + name + extra] = 0xFF  # no deflate block begins so
    path.write_bytes(whole)


@pytest.mark.parametrize("spoil", [_text, _empty, _array, _torn, _damaged])
def test_a_file_that_is_no_npz_is_named(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    spoil(path)
    with pytest.raises(DataError, match=r"mine\.npz .*give an \.npz file with `images`"):
        read(NpzData(kind="npz", path=path))


@pytest.mark.parametrize(("name", "fault"), [("missing.npz", "there is no file {path}"), (".", "{path} is a directory")])
def test_a_missing_file_or_a_folder_is_named(name: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(DataError) as caught:
        read(NpzData(kind="npz", path=path))
    assert f"data.path: {fault.format(path=path)}; give an .npz file" in str(caught.value)


def of(**changed: Any) -> dict[str, Any]:
    return {"images": IMAGES, "labels": LABELS} | changed


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "has no `labels`, it holds images; give an .npz file"),
        ({"pictures": IMAGES, "labels": LABELS}, "has no `images`, it holds pictures, labels; give"),
        (of(images=IMAGES[:, :3]), "`images` has shape (20, 3, 4, 3); give square images, (N, H, H) or (N, H, H, C) with C 1, 3 or 4"),
        (of(images=IMAGES.transpose(0, 3, 1, 2)), "`images` has shape (20, 3, 4, 4); give square images"),
        (of(images=IMAGES[..., :2]), "`images` has shape (20, 4, 4, 2)"),
        (of(images=IMAGES[0, 0]), "`images` has shape (4, 3)"),
        (of(labels=LABELS[:19]), "`labels` has shape (19,) of int64; give 20 integers, one per image"),
        (of(labels=LABELS[:, None]), "`labels` has shape (20, 1) of int64; give 20 integers"),
        (of(labels=LABELS.astype(float)), "`labels` has shape (20,) of float64; give 20 integers"),
        (of(labels=LABELS > 0), "of bool; give 20 integers"),
        (of(labels=LABELS.astype(str)), "of <U21; give 20 integers"),
        (of(labels=np.where(np.arange(20) == 7, -1, LABELS)), "label -1 of image 7 is negative; labels count from 0"),
        (
            of(images=IMAGES / 255 * 2),
            "float `images` leave [-1, 1] or are not finite; scale them, declare data.range: [black, white], or store uint8",
        ),
        (
            of(images=IMAGES / 255),
            "float `images` hold values from 0 to 1, where -1 is black and 1 white; declare data.range: [0, 1], or [-1, 1] if they are as"
            " dim as that",
        ),
        (
            of(images=IMAGES / 255 - 0.5),
            "float `images` hold values from -0.5 to 0.5, where -1 is black and 1 white; declare data.range: [-0.5, 0.5], or [-1, 1] if",
        ),
        (of(images=IMAGES % 2), "uint8 `images` hold values from 0 to 1, where 0 is black and 255 white; declare data.range: [0, 1], or"),
        (of(labels=LABELS + 1), "labels go from 1 to 3, and no image has label 0; they count from 0: save labels - 1"),
        (
            of(labels=np.where(LABELS == 1, 3, LABELS)),
            "no image has label 1, and labels go to 3; number the classes from 0 without gaps: save numpy.unique(labels",
        ),
        (of(images=IMAGES.transpose(0, 3, 1, 2)), "(N, H, H) or (N, H, H, C) with C 1, 3 or 4: save images.transpose(0, 2, 3, 1)"),
        (of(labels=LABELS[:, None]), "give 20 integers, one per image: save labels.ravel()"),
        (of(labels=np.eye(3, dtype=int)[LABELS]), "one per image: save labels.argmax(axis=1), where they are one-hot"),
        (
            {"train_images": IMAGES, "train_labels": LABELS[:, None]},
            "integers: numpy.savez('new.npz', images=a['train_images'], labels=a['train_labels'].ravel()), a being this file",
        ),
        (of(class_names=np.array(["cat", "dog"])), "`class_names` has shape (2,) of <U3; give 3 names, one per label, or none"),
        (of(images=np.full(IMAGES.shape, np.nan)), "float `images` leave [-1, 1] or are not finite"),
        (of(images=IMAGES.astype(np.int64)), "`images` holds int64; give uint8 or floats in [-1, 1]"),
        (of(images=IMAGES.astype(complex)), "`images` holds complex128"),
    ],
)
def test_wrong_arrays_are_named(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    config = saved(tmp_path / "mine.npz", **arrays)
    with pytest.raises(DataError) as caught:
        read(config)
    assert str(caught.value).startswith(str(config.path))
    assert message in str(caught.value)


def test_pickled_arrays_are_never_opened(tmp_path: Path) -> None:
    config = saved(tmp_path / "mine.npz", images=np.array([None, object], dtype=object), labels=LABELS)
    with pytest.raises(DataError, match=r"mine\.npz cannot be read \(Object arrays cannot be loaded.*\); give an \.npz file"):
        read(config)


@pytest.mark.parametrize("n", [0, 3])
def test_too_few_images_are_refused(n: int, tmp_path: Path) -> None:
    config = saved(tmp_path / "mine.npz", images=IMAGES[:n], labels=LABELS[:n])
    with pytest.raises(DataError, match=rf"mine\.npz has {n} images"):
        facts(config)
    with pytest.raises(DataError, match=rf"mine\.npz has {n} images"):
        load(config, 2, torch.device("cpu"), torch.float32)


def ranged(path: Path, images: np.ndarray, declared: tuple[float, float] | None) -> NpzData:
    return saved(path, images=images, labels=LABELS).model_copy(update={"range": declared})


@pytest.mark.parametrize(
    ("images", "declared"),
    [
        (IMAGES / 255, (0, 1)),
        (IMAGES / 255 - 0.5, (-0.5, 0.5)),
        (IMAGES.astype(np.uint16) * 257, (0, 65535)),
        (IMAGES.astype(np.float32), (0, 255)),
        (IMAGES, (0, 255)),
    ],
)
def test_a_declared_range_is_black_and_white(images: np.ndarray, declared: tuple[float, float], tmp_path: Path) -> None:
    found = read(ranged(tmp_path / "a.npz", images, declared))
    np.testing.assert_allclose(found.images, IMAGES.transpose(0, 3, 1, 2) / 127.5 - 1, atol=1e-6)


def test_a_range_is_part_of_the_name_only_where_it_changes_the_values(tmp_path: Path) -> None:
    dim = IMAGES / 255
    as_halves, as_wholes = (read(ranged(tmp_path / f"{white}.npz", dim, (black, white))) for black, white in ((-1, 1), (0, 1)))
    assert as_halves.content_hash != as_wholes.content_hash
    np.testing.assert_array_equal(as_halves.images.transpose(0, 2, 3, 1), dim.astype(np.float32))
    usual, declared = (read(ranged(tmp_path / "a.npz", IMAGES, given)).content_hash for given in (None, (0, 255)))
    assert usual == declared
    with pytest.raises(DataError, match=r"`images` hold values from 0 to 255, which leave data\.range: \[0, 100\]"):
        read(ranged(tmp_path / "a.npz", IMAGES, (0, 100)))
    with pytest.raises(ValidationError, match=r"data\.range is \[black, white\] with black < white, not \[1, 0\]"):
        NpzData(kind="npz", path=tmp_path / "a.npz", range=(1, 0))


def test_names_of_classes(tmp_path: Path) -> None:
    plain = saved(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    named = saved(tmp_path / "b.npz", images=IMAGES, labels=LABELS, class_names=np.array(["cat", "dog", "e\x1bl"]))
    assert facts(named).class_names == ("cat", "dog", "e\\x1bl")
    assert facts(named).classes_in_words == "0 = cat, 1 = dog, 2 = e\\x1bl"
    assert facts(named).content_hash == facts(plain).content_hash
    assert (facts(plain).class_names, facts(plain).classes_in_words) == ((), "")
