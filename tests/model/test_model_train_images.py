"""`data.train_images`: nested, balanced subsets of what is trained on; all else about the data stays as it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter, ValidationError
from tiny_trials import tiny
from trial_reports import run

from model.config import DataConfig, DigitsData
from model.data.dataset import DataSet, load
from model.data.facts_file import read_facts
from model.data.source import facts
from model.data.subset import subset_of
from model.errors import DataError
from model.evaluation.evaluation_classifier import load_or_train_classifier
from model.randomness import BatchStreams, stream
from model.train_trial import check

CPU = torch.device("cpu")
MakeData = Callable[[int | None], DataConfig]


@pytest.fixture(params=["digits", "npz", "folder", "latents", "images"])
def data_of(request: pytest.FixtureRequest, tmp_path: Path) -> MakeData:
    """A data set of every kind, of 4 classes (10 of the digits), trained on as many as asked for."""
    random, labels = np.random.default_rng(0), np.arange(60) % 4
    pixels = random.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    fields: dict[str, Any] = {"kind": request.param}
    match request.param:
        case "npz":
            fields["path"] = tmp_path / "a.npz"
            np.savez(fields["path"], images=pixels, labels=labels)
        case "folder":
            fields |= {"path": tmp_path / "pictures", "resolution": 8, "channels": 1}
            for number, (label, grey) in enumerate(zip(labels, pixels, strict=True)):
                (fields["path"] / f"class{label}").mkdir(parents=True, exist_ok=True)
                Image.fromarray(grey).save(fields["path"] / f"class{label}" / f"{number:02}.png")
        case "latents":
            fields |= {
                "path": tmp_path / "shard",
                "channels": 2,
                "resolution": 8,
                "classes": 4,
                "images": 60,
                "held_out_fraction": 0.2,
                "scale": 1.0,
            }
            fields["path"].mkdir()
            np.save(fields["path"] / "moments.npy", np.abs(random.normal(size=(60, 4, 8, 8))).astype(np.float32))
            np.save(fields["path"] / "labels.npy", labels)
        case "images":
            fields |= {"path": tmp_path / "stored", "resolution": 8, "classes": 4, "images": 60, "held_out_fraction": 0.2}
            fields["path"].mkdir()
            np.save(fields["path"] / "images.npy", pixels[..., None].repeat(3, axis=-1))
            np.save(fields["path"] / "labels.npy", labels)
    return lambda n: TypeAdapter(DataConfig).validate_python(fields | {"train_images": n})


def opened(config: DataConfig) -> DataSet:
    return load(config, 2, CPU, torch.float64)


def images_of(data: DataSet) -> set[bytes]:
    """What is trained on; latents are drawn around means that tell them apart."""
    n = len(data.train)
    drawn = data.train.fixed(n, "any").tokens if not data.bounded else data.train.batch(BatchStreams(0, 0, n))[1]
    return {image.numpy().tobytes() for image in drawn}


def test_subsets_are_nested_and_everything_else_stays(data_of: MakeData) -> None:
    whole, some, few = (opened(data_of(n)) for n in (None, 40, 20))
    assert (len(few.train), len(some.train), few.left_out) == (20, 40, len(whole.train) - 20)
    if whole.bounded:
        assert images_of(few) < images_of(some) < images_of(whole)
    for other in (some, few):
        for part in ("held_out", "reference_images"):
            assert torch.equal(getattr(other, part).tokens, getattr(whole, part).tokens)
            assert torch.equal(getattr(other, part).labels, getattr(whole, part).labels)
        assert other.content_hash == whole.content_hash
    counts = few.train.labels.bincount(minlength=few.classes)
    assert counts.max() - counts.min() <= 1


def test_all_by_number_is_all(data_of: MakeData) -> None:
    whole = opened(data_of(None))
    same = opened(data_of(len(whole.train)))
    streams = BatchStreams(3, 1, 12)
    assert same.left_out == 0
    assert all(torch.equal(one, other) for one, other in zip(whole.train.batch(streams), same.train.batch(streams), strict=True))


def test_a_plan_knows_what_is_read(data_of: MakeData) -> None:
    whole = facts(data_of(None))
    assert facts(data_of(20)) == opened(data_of(20)).facts(2)
    assert (facts(data_of(20)).train, facts(data_of(20)).left_out) == (20, whole.train - 20)
    assert check(tiny(data=data_of(None).model_dump()), facts(data_of(20))) == whole, "known facts are of the data set, not of the subset"


@pytest.mark.parametrize("look", [facts, opened], ids=["planned", "read"])
def test_subsets_that_there_are_not(data_of: MakeData, look: Callable[[DataConfig], Any]) -> None:
    whole = facts(data_of(None))
    with pytest.raises(DataError) as many:
        look(data_of(whole.train + 1))
    assert str(many.value) == (
        f"data.train_images is {whole.train + 1}, but there are {whole.train} training images; ask for at most so many, or leave it out"
        " for all"
    )
    with pytest.raises(DataError) as few:
        look(data_of(whole.classes - 1))
    assert str(few.value) == (
        f"data.train_images is {whole.classes - 1}, but there are {whole.classes} classes, and each needs an image; ask for at least"
        f" {whole.classes}"
    )
    assert len(opened(data_of(whole.classes)).train.labels.unique()) == whole.classes
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        data_of(0)


def test_a_latent_of_a_subset_has_its_own_moments(tmp_path: Path) -> None:
    np.save(tmp_path / "moments.npy", np.stack([np.full((2, 4, 4), [[[i]], [[0]]]) for i in range(30)]).astype(np.float32))
    np.save(tmp_path / "labels.npy", np.arange(30) % 3)
    shard = {"kind": "latents", "path": tmp_path, "channels": 1, "resolution": 4, "classes": 3, "images": 30, "scale": 1.0, "spread": "any"}
    config = TypeAdapter(DataConfig).validate_python(shard | {"held_out_fraction": 0.2, "train_images": 9})
    _, tokens, labels = opened(config).train.batch(BatchStreams(0, 0, 9))
    training = stream(0, "held_out").permutation(30)[6:]
    found = sorted(int(image.mean()) for image in tokens)
    assert found == sorted(training[subset_of(training % 3, 9, 3)].tolist())
    assert [int(image.mean()) % 3 for image in tokens] == labels.tolist()


def test_rounds_of_the_classes_by_hand() -> None:
    """Class 1 has one image; the others go on without it."""
    labels = torch.tensor([0, 0, 2, 0, 1, 2, 0])
    assert [subset_of(labels, n, 3).tolist() for n in (3, 4, 5, 6, 7, None)] == [
        [0, 2, 4],
        [0, 1, 2, 4],
        [0, 1, 2, 4, 5],
        [0, 1, 2, 3, 4, 5],
        [0, 1, 2, 3, 4, 5, 6],
        [0, 1, 2, 3, 4, 5, 6],
    ]


def test_the_first_hundred_digits_are_named() -> None:
    """Which images they are never changes: stored trials are of these."""
    train = opened(DigitsData(train_images=100)).train
    assert train.labels.bincount().tolist() == [10] * 10
    assert train.labels[:12].tolist() == [7, 2, 2, 5, 7, 8, 3, 9, 2, 8, 1, 5]
    whole = opened(DigitsData()).train
    assert subset_of(whole.labels, 100, 10)[-3:].tolist() == [123, 127, 141]


def test_it_names_the_trial_and_not_its_classifier(tmp_path: Path) -> None:
    def names(n: int | None) -> dict[str, Any]:
        config = tiny(data={"kind": "digits", "train_images": n})
        return config.training_identity(content_hash="x", precision="fp32")

    assert names(None) == tiny().training_identity(content_hash="x", precision="fp32")
    assert "train_images" not in names(None)["data"]
    assert names(100)["data"] == names(None)["data"] | {"train_images": 100}
    whole, few = opened(DigitsData()), opened(DigitsData(train_images=100))
    assert load_or_train_classifier(whole, 2, tmp_path).name == load_or_train_classifier(few, 2, tmp_path).name
    assert len(list(tmp_path.glob("judge-*.safetensors"))) == 1


def test_declared_latents_have_one_name_whatever_is_trained_on(tmp_path: Path) -> None:
    shard = {"kind": "latents", "path": tmp_path / "nowhere"}
    whole, few = (facts(TypeAdapter(DataConfig).validate_python(shard | {"train_images": n})) for n in (None, 5000))
    assert whole.content_hash == few.content_hash
    assert few.train == 5000


def test_a_trial_sees_its_subset_alone(cache: Path, tmp_path: Path) -> None:
    config = tiny(data={"kind": "digits", "train_images": 10}, steps=5, batch_size=10)
    told = run(config, tmp_path / "attempt", cache)
    found = read_facts(told.folder)
    assert found is not None
    assert (found.train, found.left_out, found.held_out) == (10, 1428, 359)
    (evaluation,) = (report for report in told.reports if report.kind == "evaluation")
    assert (evaluation.details["training_images"], evaluation.details["passes"]) == (10, 5.0)
    assert evaluation.details["fd_reference_n"] == 1438
    plain = run(tiny(steps=5, batch_size=10), tmp_path / "other", cache)
    assert plain.of("evaluation")[0][1]["train_loss"] != told.of("evaluation")[0][1]["train_loss"]
