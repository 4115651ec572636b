"""Latents from a shard on disk: the posterior's law and streams, the two residences, what names a shard, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_trials import CELLS, tiny
from trial_reports import run

from model.config import LatentsData, TrainConfig
from model.data.dataset import DataSet, load
from model.data.latents import open_latents
from model.data.source import facts
from model.errors import DataError
from model.evaluation.evaluation_classifier import load_or_train_classifier
from model.patches import unpatchify
from model.randomness import BatchStreams, stream
from model.reports import DistributedContext
from model.train_trial import check, ensure_trainable
from model.training.state import initial_state
from model.training.step import shares, train_step

IMAGES, CHANNELS, SIDE, CLASSES = 60, 4, 8, 5
CPU = torch.device("cpu")
Shard = Callable[..., LatentsData]


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    """Writes a shard and gives its config; `change` may spoil the arrays first."""

    def write(change: Callable[[np.ndarray, np.ndarray], Any] = lambda *_: None, **fields: Any) -> LatentsData:
        random = np.random.default_rng(5)
        moments = random.normal(size=(IMAGES, 2 * CHANNELS, SIDE, SIDE)).astype(np.float16)
        moments[:, CHANNELS:] = abs(moments[:, CHANNELS:]) / 4
        labels = random.integers(CLASSES, size=IMAGES)
        changed = change(moments, labels)
        moments, labels = (moments, labels) if changed is None else changed
        folder = tmp_path / "shard"
        folder.mkdir(exist_ok=True)
        np.save(folder / "moments.npy", moments)
        np.save(folder / "labels.npy", labels)
        known = {"channels": CHANNELS, "resolution": SIDE, "classes": CLASSES, "images": IMAGES, "held_out_fraction": 0.2, "spread": "any"}
        return LatentsData.model_validate({"kind": "latents", "path": folder} | known | fields)

    return write


def opened(config: LatentsData, dtype: torch.dtype = torch.float64) -> DataSet:
    return load(config, 2, CPU, dtype)


def test_a_batch_is_drawn_from_the_moments_of_its_images(shard: Shard) -> None:
    config = shard(scale=0.5)
    data = opened(config)
    streams = BatchStreams(seed=3, step=7, batch_size=12)
    places, tokens, labels = data.train.batch(streams)
    rows = stream(0, "held_out").permutation(IMAGES)[12:][places]
    stored = torch.from_numpy(np.load(config.path / "moments.npy")).double()[rows]
    eps = streams.normal("posterior", CHANNELS, SIDE, SIDE).double()
    assert torch.equal(unpatchify(tokens, 2, CHANNELS), (stored[:, :CHANNELS] + stored[:, CHANNELS:] * eps) * 0.5)
    assert torch.equal(labels, torch.from_numpy(np.load(config.path / "labels.npy"))[rows])
    _, later, _ = data.train.batch(BatchStreams(3, 8, 12))
    assert not torch.equal(later, tokens)


def test_eps_is_fresh_at_every_step_and_goes_by_place_in_the_whole_batch(shard: Shard) -> None:
    data = opened(shard(lambda moments, _: moments[:, :CHANNELS].fill(0), scale=1.0))
    whole = BatchStreams(0, 0, 48)
    _, tokens, _ = data.train.batch(whole)
    config = tiny(batch_size=48, accumulation=3)
    parts = [data.train.batch(BatchStreams(0, 0, 48, part))[1] for rank in range(2) for part in shares(config, DistributedContext(rank, 2))]
    assert torch.equal(torch.cat(parts), tokens)
    once, again = (unpatchify(data.train.batch(BatchStreams(0, step, 48))[1], 2, CHANNELS) for step in (0, 1))
    assert torch.corrcoef(torch.stack([once.flatten(), again.flatten()]))[0, 1].abs() < 0.05


def test_what_evaluation_looks_at_is_drawn_once_for_all(shard: Shard) -> None:
    one, other = opened(shard()), opened(shard(residence="device"))
    for name in ("held_out", "reference_images"):
        assert torch.equal(getattr(one, name).tokens, getattr(other, name).tokens)
    assert (len(one.train), len(one.reference_images), len(one.held_out)) == (48, 48, 12)
    assert not torch.equal(one.reference_images.tokens[:12], one.held_out.tokens)
    assert one.held_out.tokens.shape == (12, 16, 16)


@pytest.mark.parametrize("accumulation", [1, 3])
def test_resident_and_streamed_train_the_same_bits(shard: Shard, accumulation: int) -> None:
    """Over more than an epoch, and with a jump in the steps that nothing was read ahead for."""
    weights = []
    for residence in ("device", "disk"):
        config = tiny(CELLS["dual_full"], batch_size=24, accumulation=accumulation, data=shard(residence=residence).model_dump())
        data = opened(config.data)
        state = initial_state(config, data, CPU, torch.float64)
        for step in (0, 1, 2, 3, 9, 10):
            state.step = step
            train_step(config, state, data.train, "float64")
        weights.append(torch.cat([p.detach().flatten() for _, p in state.parameters]))
        assert state.sums["train_loss"].isfinite()
    assert torch.equal(*weights)


def test_a_trial_on_latents_measures_what_needs_no_decoder(shard: Shard, tmp_path: Path) -> None:
    config = tiny(CELLS["dual_full"], data=shard().model_dump(), precision="fp32")
    told = run(config, tmp_path / "attempt", tmp_path / "judges")
    ((_, metrics),) = told.of("evaluation")
    assert {"held_out_loss", "fd_classifier", "class_accuracy"} <= metrics.keys()
    assert not {"fid", "fd_digits", "inception_score"} & metrics.keys()
    assert all(np.isfinite(value) for value in metrics.values())
    again = run(config, tmp_path / "again", tmp_path / "judges", resume_from=[tmp_path / "attempt"])
    assert again.of("evaluation")[0][1]["held_out_loss"] == metrics["held_out_loss"]


def test_latents_are_judged_as_they_are(shard: Shard, tmp_path: Path) -> None:
    """Values beyond [-1, 1] are ordinary for latents: clamped, they would look alike."""
    data = opened(shard(scale=4.0), torch.float32)
    classifier = load_or_train_classifier(data, 2, tmp_path)
    tokens = data.held_out.tokens
    assert tokens.abs().max() > 2
    assert not torch.equal(classifier.classify(tokens)[0], classifier.classify(tokens.clamp(-1, 1))[0])


def test_a_shard_is_known_by_its_content(shard: Shard) -> None:
    named = open_latents(shard()).content_hash
    assert open_latents(shard()).content_hash == named
    assert facts(shard()).content_hash == named
    assert opened(shard()).content_hash == named

    def another_label(_: np.ndarray, labels: np.ndarray) -> None:
        labels[7] = (labels[7] + 1) % CLASSES

    assert open_latents(shard(another_label)).content_hash != named
    assert open_latents(shard(lambda m, _: m.__setitem__((31, 0, 0, 0), 9))).content_hash != named
    assert open_latents(shard(lambda m, labels: (m.astype(np.float32), labels))).content_hash != named


def test_what_spread_is_taken_does_not_name_the_trials(shard: Shard) -> None:
    named = [TrainConfig(data=shard(spread=spread)).training_identity(content_hash="x", precision="fp32") for spread in ("unit", "any")]
    assert named[0] == named[1]


def test_facts_without_the_shard_are_declared(shard: Shard, tmp_path: Path) -> None:
    there = facts(shard())
    declared = facts(shard().model_copy(update={"path": tmp_path / "nowhere"}))
    assert declared.content_hash.startswith("declared-")
    assert (declared.train, declared.held_out) == (there.train, there.held_out) == (48, 12)


@pytest.mark.parametrize(
    ("change", "fields", "message"),
    [
        (None, {"images": 50}, r"has shape \(60, 8, 8, 8\), but the config says \(50, 8, 8, 8\): \(data.images, 2 x data.channels"),
        (None, {"channels": 3}, r"but the config says \(60, 6, 8, 8\)"),
        (None, {"classes": 3}, r"labels.npy: label [34] of image \d+ is none of 0 to 2"),
        (lambda m, labels: (m.astype(np.float64), labels), {}, "holds float64; give float16 or float32"),
        (lambda m, labels: (m, labels[:-1]), {}, r"labels.npy has shape \(59,\) of int64; give 60 integers, one per image"),
        (lambda m, labels: (m, labels.astype(np.float32)), {}, r"labels.npy has shape \(60,\) of float32"),
        (lambda m, _: m.__setitem__((17, 0, 0, 0), np.nan), {}, "image 17 has values that are not finite"),
        (lambda m, _: m.__setitem__((9, 4, 0, 0), -1), {}, r"image 9 has a negative standard deviation; .*\(not their logarithms\)"),
    ],
)
def test_what_is_not_as_described_is_named(shard: Shard, change: Any, fields: dict[str, Any], message: str) -> None:
    config = shard(change, **fields) if change else shard(**fields)
    with pytest.raises(DataError, match=message):
        open_latents(config)


def test_missing_and_torn_files_are_named(shard: Shard) -> None:
    config = shard()
    whole = (config.path / "moments.npy").read_bytes()
    (config.path / "moments.npy").write_bytes(whole[:-100])
    with pytest.raises(DataError, match=r"moments.npy cannot be read as an array \(.*\); prepare it again"):
        open_latents(config)
    (config.path / "labels.npy").unlink()
    wanted = r"shard has no labels.npy; give a folder with moments.npy, \(60, 8, 8, 8\) float16 or float32: means, then standard deviations"
    with pytest.raises(DataError, match=wanted):
        check(TrainConfig(data=config))
    (config.path / "moments.npy").unlink()
    config.path.rmdir()
    with pytest.raises(DataError, match=r"there is no folder .*shard; give a folder with"):
        ensure_trainable(TrainConfig(data=config))


@pytest.mark.parametrize(
    ("relabel", "classes", "message"),
    [
        (lambda labels: labels + 1, 6, "labels go from 1 to 5, and no image has label 0; they count from 0: subtract 1 from each, and set"),
        (lambda labels: labels + 1, 5, "labels go from 1 to 5, and no image has label 0"),
        (
            lambda labels: labels + (labels > 2),
            6,
            "no image has label 3, and labels go to 5; number the classes from 0 without gaps, as nump",
        ),
        (lambda labels: labels, 9, "labels go from 0 to 4, but data.classes is 9; set data.classes: 5, or give images of the others too"),
    ],
)
def test_a_class_without_images_is_refused(shard: Shard, relabel: Callable[[np.ndarray], np.ndarray], classes: int, message: str) -> None:
    """Samples of it would count as wrong, whatever they show."""
    with pytest.raises(DataError) as caught:
        open_latents(shard(lambda moments, labels: (moments, relabel(labels)), classes=classes))
    assert f"labels.npy: {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "scale", "remedy"),
    [
        (5.0 * 0.18215, 0.18215, "if they are scaled already, set data.scale: 1; data.spread: any trains on them as they are"),
        (5.0, 1.0, "set data.scale to that of their autoencoder, about 0.2; data.spread: any"),
        (0.0, 1.0, "set data.scale to that of their autoencoder; data.spread: any"),
    ],
)
def test_latents_scaled_twice_or_not_at_all_are_refused(shard: Shard, raw: float, scale: float, remedy: str) -> None:
    """A channel's mean is no spread, and counts for none."""

    def scaled(moments: np.ndarray, _: np.ndarray) -> None:
        moments[:, :CHANNELS] = moments[:, :CHANNELS] * raw + 3
        moments[:, CHANNELS:] *= raw / 100

    with pytest.raises(DataError, match=r"moments\.npy: latents have a standard deviation of") as caught:
        open_latents(shard(scaled, scale=scale, spread="unit"))
    assert remedy in str(caught.value)
    assert len(open_latents(shard(scaled, scale=scale, spread="any")).labels) == IMAGES


@pytest.mark.parametrize(("raw", "scale"), [(4.0, 0.18215), (5.5, 0.18215), (7.7, 0.13025), (0.65, 1.5305), (1.0, 1.0)])
def test_latents_of_known_autoencoders_are_taken(shard: Shard, raw: float, scale: float) -> None:
    """Stable Diffusion's over their range, XL's, 3's, and any that were scaled and say so."""

    def scaled(moments: np.ndarray, _: np.ndarray) -> None:
        moments[:, :CHANNELS] *= raw

    assert len(open_latents(shard(scaled, scale=scale, spread="unit")).labels) == IMAGES
