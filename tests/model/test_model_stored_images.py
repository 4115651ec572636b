"""Pictures in one array on disk: the two residences, the same as an `.npz` of the same pictures, what bounds them, what is refused."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tiny_autoencoders import autoencoder_of, save_autoencoder
from tiny_extractors import NAME, counting, extractor_of, nothing
from tiny_inception import drawn_state
from tiny_trials import CELLS, tiny
from trial_reports import Told, run

from model.alignment.encoders import EncodedPictures, encoded_training_set
from model.config import ImagesData, NpzData, TrainConfig
from model.config.autoencoder import AutoencoderConfig
from model.config.encoder import EncoderConfig
from model.config.extractor import InceptionExtractor
from model.data import dataset, stored_images
from model.data.dataset import DataSet, load
from model.data.pictures import in_range
from model.data.source import facts
from model.data.stored_images import most_held, open_stored_images
from model.encode_data import Encoding, encode_data
from model.errors import DataError
from model.evaluation.evaluate import evaluate
from model.evaluation.evaluation_classifier import load_or_train_classifier
from model.evaluation.extractors import FeatureExtractor, load_extractor
from model.evaluation.reference import load_or_make_reference
from model.patches import unpatchify
from model.randomness import BatchStreams, stream
from model.reports import TrialReport
from model.train_trial import check, ensure_trainable, preflight
from model.training.state import initial_state
from model.training.step import train_step

IMAGES, SIDE, CLASSES = 60, 8, 5
CPU = torch.device("cpu")
ENCODER = {"name": NAME, "weights": "none", "resolution": 64}
CUT = 64
"""Of Inception's features, the first ones: matrices of all of them take a minute on a busy processor."""
EXTERNAL: dict[str, Any] = {"alignment": {"kind": "external", "encoder": ENCODER, "teacher": {"layer": 3}}}
Stored = Callable[..., ImagesData]


def drawn() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    return random.integers(256, size=(IMAGES, SIDE, SIDE, 3), dtype=np.uint8), random.permutation(np.arange(IMAGES) % CLASSES)


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    """Writes the arrays and gives their config; `change` may spoil them first."""

    def write(change: Callable[[np.ndarray, np.ndarray], Any] = lambda *_: None, **fields: Any) -> ImagesData:
        pixels, labels = drawn()
        changed = change(pixels, labels)
        pixels, labels = (pixels, labels) if changed is None else changed
        folder = tmp_path / "stored"
        folder.mkdir(exist_ok=True)
        np.save(folder / "images.npy", pixels)
        np.save(folder / "labels.npy", labels)
        known = {"resolution": SIDE, "classes": CLASSES, "images": IMAGES, "held_out_fraction": 0.2}
        return ImagesData.model_validate({"kind": "images", "path": folder} | known | fields)

    return write


@pytest.fixture
def packed(tmp_path: Path) -> NpzData:
    """The same pictures in one file that is read whole."""
    pixels, labels = drawn()
    np.savez(tmp_path / "same.npz", images=pixels, labels=labels)
    return NpzData(kind="npz", path=tmp_path / "same.npz")


def opened(config: ImagesData | NpzData, dtype: torch.dtype = torch.float64) -> DataSet:
    return load(config, 2, CPU, dtype)


def trial(data: ImagesData | NpzData, *changes: dict[str, Any], **more: Any) -> TrainConfig:
    return tiny(CELLS["dual_full"], *changes, data=data.model_dump(), precision="fp32", **more)


def test_every_level_is_as_other_images_have_it() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    wanted = (pixels.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2)
    assert np.array_equal(in_range(torch.from_numpy(pixels)).numpy(), wanted)


def test_a_batch_is_of_the_rows_of_its_images(stored: Stored) -> None:
    config = stored()
    places, tokens, labels = opened(config).train.batch(BatchStreams(seed=3, step=7, batch_size=12))
    rows = stream(0, "held_out").permutation(IMAGES)[12:][places]
    pixels, known = drawn()
    assert np.array_equal(unpatchify(tokens, 2, 3).numpy(), (pixels[rows] / np.float32(127.5) - 1).transpose(0, 3, 1, 2))
    assert labels.tolist() == known[rows].tolist()


@pytest.mark.parametrize("accumulation", [1, 3])
def test_resident_streamed_and_whole_in_memory_train_the_same_bits(stored: Stored, packed: NpzData, accumulation: int) -> None:
    """Over more than an epoch, and with a jump in the steps that nothing was read ahead for."""
    weights, losses = [], []
    for data_config in (stored(residence="device"), stored(residence="disk"), packed):
        config = tiny(CELLS["dual_full"], batch_size=24, accumulation=accumulation, data=data_config.model_dump())
        data = opened(config.data)  # type: ignore[arg-type]
        state = initial_state(config, data, CPU, torch.float64)
        for step in (0, 1, 2, 3, 9, 10):
            state.step = step
            train_step(config, state, data.train, "float64")
        weights.append(torch.cat([p.detach().flatten() for _, p in state.parameters]))
        losses.append(state.sums["train_loss"].item())
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])
    assert losses[0] == losses[1] == losses[2] > 0


def test_the_split_is_that_of_an_npz(stored: Stored, packed: NpzData) -> None:
    ours, theirs = opened(stored()), opened(packed)
    for name in ("held_out", "reference_images"):
        assert torch.equal(getattr(ours, name).tokens, getattr(theirs, name).tokens)
        assert torch.equal(getattr(ours, name).labels, getattr(theirs, name).labels)
    assert ours.bounded
    assert ours.pictures is not None
    for shown, name in ((ours.pictures.reference_images, "reference_images"), (ours.pictures.held_out, "held_out")):
        assert torch.equal(torch.cat(list(shown.blocks(7))), unpatchify(getattr(theirs, name).tokens.float(), 2, 3))


def measured(told: Told) -> list[list[tuple[int, dict[str, float]]]]:
    return [told.of(kind) for kind in ("points", "evaluation")]


def test_a_trial_says_what_one_on_an_npz_says_and_resumes(stored: Stored, packed: NpzData, tmp_path: Path) -> None:
    extra = {"evaluation": {"extra_metrics": ["class_score", "kid", "overfitting_gap", "precision"]}, "steps": 5, "log_every": 1}
    theirs = run(trial(packed, extra), tmp_path / "npz", tmp_path / "cache")
    ours = run(trial(stored(residence="disk"), extra), tmp_path / "disk", tmp_path / "cache")
    assert measured(ours) == measured(theirs)
    assert {"held_out_loss", "fd_classifier", "class_accuracy", "kid_classifier", "precision"} <= ours.of("evaluation")[0][1].keys()
    begun = run(trial(stored(), extra), tmp_path / "begun", tmp_path / "cache", stop=lambda report: report.kind == "checkpoint")
    assert begun.result.stopped
    ended = run(trial(stored(residence="device"), extra), tmp_path / "ended", tmp_path / "cache", resume_from=[begun.folder])
    assert ended.of("evaluation") == ours.of("evaluation")
    assert ended.of("points") == ours.of("points")[-len(ended.of("points")) :]


def test_a_subset_trains_as_that_of_an_npz(stored: Stored, packed: NpzData) -> None:
    ours, theirs = opened(stored(train_images=20)), opened(packed.model_copy(update={"train_images": 20}))
    streams = BatchStreams(1, 2, 20)
    assert all(torch.equal(*pair) for pair in zip(ours.train.batch(streams), theirs.train.batch(streams), strict=True))
    assert (len(ours.train), ours.left_out) == (20, 28)
    assert ours.pictures is not None
    assert ours.pictures.train is not None
    places, tokens, _ = ours.train.batch(streams)
    assert torch.equal(ours.pictures.train.at(places), unpatchify(tokens.float(), 2, 3))


def test_what_inception_sees_gives_the_numbers_of_an_npz(stored: Stored, tmp_path: Path) -> None:
    """Of few pictures: it takes its time."""
    pixels, labels = (of[:20] for of in drawn())
    np.savez(tmp_path / "few.npz", images=pixels, labels=labels)
    both = (stored(lambda *_: (pixels, labels), images=20, residence="disk"), NpzData(kind="npz", path=tmp_path / "few.npz"))
    torch.save(drawn_state(), tmp_path / "weights.pth")
    found = load_extractor(InceptionExtractor(kind="inception", weights=str(tmp_path / "weights.pth")), CPU)
    (tmp_path / "weights.pth").unlink()  # 95 MB
    assert found is not None
    whole, shown = counting(found)

    def forward(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        features, logits = whole.forward(images)
        return features[:, :CUT], logits

    extractor, metrics = FeatureExtractor(whole.name, forward), []
    classifier = load_or_train_classifier(opened(both[1]), 2, tmp_path)
    for data_config in both:
        config, data = trial(data_config, evaluation={"samples": 6}), opened(data_config)
        network = initial_state(config, data, CPU, torch.float64).objective.average
        reference = load_or_make_reference(config.evaluation, data, 2, extractor, tmp_path, nothing)
        picture = tmp_path / "grid.png"
        metrics.append(evaluate(config, network, data, classifier, picture, nothing, step=0, reference=reference).metrics)
    assert metrics[0] == metrics[1]
    assert metrics[0]["fd_classifier"] > 0
    assert shown == 2 * [16, 4, 6], "the training part, the held-out one, the samples"


def test_what_evaluation_holds_is_bounded_and_what_an_extractor_sees_is_not(
    stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [most_held(side) for side in (64, 256, 512, 10**6)] == [21845, 1365, 341, 2]
    monkeypatch.setattr(stored_images, "HELD_VALUES", 7 * 3 * SIDE**2)
    monkeypatch.setattr(dataset, "REFERENCE_IMAGES", 50)
    data = opened(stored(), torch.float32)
    assert (len(data.train), len(data.held_out), len(data.reference_images)) == (53, 7, 7)
    assert facts(stored()) == data.facts(2)
    assert data.pictures is not None
    assert (len(data.pictures.reference_images), len(data.pictures.held_out)) == (50, 7)
    extractor, shown = counting(extractor_of())
    reference = load_or_make_reference(tiny(data=stored().model_dump()).evaluation, data, 2, extractor, tmp_path, nothing)
    assert (reference.moments.n, reference.floor_n, shown) == (50, 7, [32, 18, 7])


def test_repa_sees_the_pictures_of_the_batch(stored: Stored, packed: NpzData, tmp_path: Path) -> None:
    config = trial(stored(train_images=20), EXTERNAL)
    data = opened(stored(train_images=20), torch.float32)
    target = initial_state(config, data, CPU, torch.float32).objective.target
    assert isinstance(target, EncodedPictures)
    whole = opened(packed.model_copy(update={"train_images": 20}), torch.float32)
    wanted, _ = encoded_training_set(EncoderConfig(**ENCODER), whole.train.tokens, 2, 3)  # type: ignore[attr-defined]
    places = torch.tensor([5, 0, 19, 5])

    class AlignmentBatch:
        images, clean = places, torch.zeros(1)

        class grouping:
            sort = staticmethod(lambda tokens: tokens)

    torch.testing.assert_close(target.features(AlignmentBatch()), wanted[places], rtol=1e-4, atol=1e-5)  # type: ignore[arg-type]
    assert preflight(config, facts(config.data)).checked == "one step, 2 samples"
    told = run(config, tmp_path / "attempt", tmp_path / "cache")
    assert 0 < told.of("points")[0][1]["align_loss"] < 2


def test_pictures_are_known_by_their_content(stored: Stored) -> None:
    named = open_stored_images(stored()).content_hash
    assert named == facts(stored(residence="device")).content_hash == opened(stored()).content_hash
    assert open_stored_images(stored(lambda pixels, _: pixels.__setitem__((31, 0, 0, 0), pixels[31, 0, 0, 0] ^ 1))).content_hash != named
    assert open_stored_images(stored(lambda _, labels: labels.__setitem__(7, (labels[7] + 1) % CLASSES))).content_hash != named


def test_facts_without_the_pictures_are_declared(stored: Stored, tmp_path: Path) -> None:
    there = facts(stored())
    declared = facts(stored().model_copy(update={"path": tmp_path / "nowhere"}))
    assert declared.content_hash.startswith("declared-")
    assert (declared.train, declared.held_out, declared.channels) == (there.train, there.held_out, there.channels) == (48, 12, 3)
    imagenet = facts(ImagesData(kind="images", path=tmp_path / "nowhere"))
    assert (imagenet.train, imagenet.held_out) == (1_281_167 - 1365, 1365)
    assert check(tiny(data=stored().model_dump())) == there


@pytest.mark.parametrize(
    ("change", "fields", "message"),
    [
        (
            None,
            {"images": 50},
            "stored/images.npy has shape (60, 8, 8, 3), but the config says (50, 8, 8, 3): (data.images, data.resolution, data.resolution,"
            " 3); set these fields, or prepare the file again",
        ),
        (None, {"resolution": 16}, "has shape (60, 8, 8, 3), but the config says (60, 16, 16, 3)"),
        (lambda pixels, labels: (pixels[..., :1], labels), {}, "has shape (60, 8, 8, 1), but the config says (60, 8, 8, 3)"),
        (lambda pixels, labels: (pixels / np.float32(255), labels), {}, "images.npy holds float32; give uint8, 0 is black and 255 white"),
        (lambda pixels, labels: (pixels, labels[:-1]), {}, "labels.npy has shape (59,) of int64; give 60 integers, one per image"),
        (lambda pixels, labels: (pixels, labels + 1), {}, "labels.npy: labels go from 1 to 5, and no image has label 0; they count from 0"),
        (
            lambda pixels, labels: (pixels, labels + (labels > 2)),
            {"classes": 6},
            "labels.npy: no image has label 3, and labels go to 5; number the classes from 0 without gaps",
        ),
        (None, {"classes": 9}, "labels.npy: labels go from 0 to 4, but data.classes is 9; set data.classes: 5"),
    ],
)
def test_what_is_not_as_described_is_named(stored: Stored, change: Any, fields: dict[str, Any], message: str) -> None:
    config = stored(change, **fields) if change else stored(**fields)
    with pytest.raises(DataError) as caught:
        open_stored_images(config)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError) as planned:
        facts(config.model_copy(update={"held_out_fraction": 0.001}))
    assert str(planned.value) == str(caught.value), "what the arrays are comes before how they are split"


def test_missing_torn_and_unfinished_files_are_named(stored: Stored) -> None:
    config = stored()
    whole = (config.path / "images.npy").read_bytes()
    (config.path / "images.npy").write_bytes(whole[:-100])
    with pytest.raises(DataError, match=r"images.npy cannot be read as an array \(.*\); prepare it again"):
        open_stored_images(config)
    (config.path / "labels.npy").unlink()
    wanted = (
        r"stored has no labels.npy; give a folder with images.npy, \(60, 8, 8, 3\) uint8, and labels.npy, \(60,\) integers, as `sweeper"
        " data encode` writes them"
    )
    with pytest.raises(DataError, match=wanted):
        check(TrainConfig(data=config))
    (config.path / "encoding.json").write_text("{}")
    with pytest.raises(DataError, match=r"stored is encoded in part; give its `sweeper data encode` once more, which goes on"):
        ensure_trainable(TrainConfig(data=config))
    shutil.rmtree(config.path)
    with pytest.raises(DataError, match=r"there is no folder .*stored; give a folder with"):
        ensure_trainable(TrainConfig(data=config))


def test_pictures_written_to_while_they_are_trained_on_end_the_trial(stored: Stored, tmp_path: Path) -> None:
    config = stored()

    def spoil(report: TrialReport) -> bool:
        if report.kind == "checkpoint" and report.step == 2:
            with (config.path / "images.npy").open("r+b") as file:
                file.seek(-4, os.SEEK_END)
                file.write(b"\0\0\0\0")
        return False

    with pytest.raises(DataError, match=r"images\.npy was written to while it was trained on; put the old content back, or run the same"):
        run(trial(config), tmp_path / "attempt", tmp_path / "cache", stop=spoil)
    assert not (tmp_path / "attempt" / "checkpoint-00000004.safetensors").exists()


def test_a_folder_that_was_encoded_says_what_it_holds(tmp_path: Path) -> None:
    pixels, labels = drawn()
    np.savez(tmp_path / "all.npz", images=pixels, labels=labels, class_names=np.array(list("abcde")))
    weights = save_autoencoder(tmp_path / "autoencoder")
    for name, images in (("whole", True), ("bare", False)):
        asked = Encoding(tmp_path / "all.npz", tmp_path / name, AutoencoderConfig(weights=str(weights)), SIDE, images=images)
        encode_data(asked, lambda line: None)
    assert autoencoder_of(weights).factor == 2, "a latent has another side than its picture"
    short = ImagesData.model_validate({"kind": "images", "path": tmp_path / "whole", "held_out_fraction": 0.2})
    assert (short.resolution, short.classes, short.images) == (SIDE, CLASSES, IMAGES)
    assert ImagesData.model_validate(short.model_dump()) == short
    assert facts(short).class_names == opened(short).class_names == ("a", "b", "c", "d", "e")
    assert opened(short).pictures_hash == opened(short).content_hash
    bare = ImagesData.model_validate({"kind": "images", "path": tmp_path / "bare"})
    with pytest.raises(DataError, match=r"bare has no images\.npy; give a folder with"):
        ensure_trainable(tiny(data=bare.model_dump()))
    (tmp_path / "whole" / "dataset.json").write_text('{"format": 2}')
    with pytest.raises(ValidationError, match=r"has format 2, and this release reads 1"):
        ImagesData.model_validate({"kind": "images", "path": tmp_path / "whole"})
    with pytest.raises(ValidationError, match=r"evaluation\.autoencoder decodes latents, but data\.kind is images; leave it out"):
        tiny(data=short.model_dump(), evaluation={"autoencoder": {"weights": str(weights)}})
