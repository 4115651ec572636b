"""The bundled digits: what planning believes of them is what is read, and the split is fixed."""

import numpy as np
import pytest
import torch

from model.config import DigitsData
from model.data import digits as bundled
from model.data.dataset import DataSet, load
from model.data.images import content_hash, held_out_count
from model.data.source import facts, read
from model.errors import DataError
from model.patches import unpatchify


def test_what_planning_believes_is_what_is_read(digits: DataSet) -> None:
    believed, found = facts(DigitsData()), read(DigitsData())
    assert found.images.shape == (1797, 1, 8, 8)
    assert (believed.content_hash, believed.classes) == (found.content_hash, found.classes) == ("4ac1f3e70578fd29", 10)
    assert (believed.channels, believed.resolution) == found.images.shape[1:3]
    assert (believed.train, believed.held_out) == (len(digits.train), len(digits.held_out)) == (1438, 359)


def test_they_are_scikit_learn_s_own() -> None:
    """Read without importing it."""
    from sklearn.datasets import load_digits

    bunch, found = load_digits(), read(DigitsData())
    assert np.array_equal((found.images[:, 0] + 1) * 8, bunch.images)
    assert np.array_equal(found.labels, bunch.target)


def test_pixels_and_labels() -> None:
    found = read(DigitsData())
    assert found.images.dtype == np.float32
    assert (found.images.min(), found.images.max()) == (-1, 1)
    assert sorted(np.unique(found.labels)) == list(range(10))
    assert ((found.images + 1) * 8 == np.round((found.images + 1) * 8)).all()


def test_other_digits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "CONTENT_HASH", "something else")
    with pytest.raises(DataError, match=r"have content 4ac1f3e70578fd29, not something else; install another scikit-learn"):
        read(DigitsData())


def test_the_split_is_disjoint_whole_and_fixed(digits: DataSet) -> None:
    both = torch.cat([digits.train.tokens, digits.held_out.tokens])
    images = unpatchify(both, 2, 1).flatten(1)
    wanted = torch.from_numpy(read(DigitsData()).images).double().flatten(1)
    assert torch.equal(torch.unique(images, dim=0), torch.unique(wanted, dim=0))
    assert len(images) == 1797
    again = load(DigitsData(), 4, torch.device("cpu"), torch.float32)
    assert torch.equal(again.held_out.labels, digits.held_out.labels)
    assert torch.equal(unpatchify(again.held_out.tokens, 4, 1).double(), unpatchify(digits.held_out.tokens, 2, 1))
    assert again.train.tokens.dtype == torch.float32
    assert digits.held_out.labels[:12].tolist() == [6, 1, 1, 1, 1, 0, 8, 9, 9, 6, 5, 2]


def test_labels_stay_with_their_images(digits: DataSet) -> None:
    found = read(DigitsData())
    labels = {image.tobytes(): label for image, label in zip(found.images, found.labels, strict=True)}
    for part in (digits.train, digits.held_out):
        images = unpatchify(part.tokens, 2, 1).float().numpy()
        assert [labels[image.tobytes()] for image in images] == part.labels.tolist()


def test_taking_images(digits: DataSet) -> None:
    tokens, labels = digits.train.take(torch.tensor([5, 3]))
    assert torch.equal(tokens, digits.train.tokens[[5, 3]])
    assert torch.equal(labels, digits.train.labels[[5, 3]])


def test_a_hash_knows_where_a_part_ends() -> None:
    assert content_hash(b"ab", b"c") != content_hash(b"a", b"bc")
    assert content_hash(b"ab") == content_hash(b"ab")


@pytest.mark.parametrize(("images", "fraction", "held_out"), [(1797, 0.2, 359), (10, 0.2, 2), (100, 0.5, 50)])
def test_held_out_counts(images: int, fraction: float, held_out: int) -> None:
    assert held_out_count(images, fraction, "x") == held_out


@pytest.mark.parametrize(("images", "fraction"), [(9, 0.5), (10, 0.1), (10, 0.9), (0, 0.2)])
def test_parts_too_small_to_mean_anything_are_refused(images: int, fraction: float) -> None:
    with pytest.raises(DataError, match=rf"my\.npz has {images} images, \d+ of them held out; at least 10 images and 2 in each part"):
        held_out_count(images, fraction, "my.npz")
