"""Samples on latents become pictures: for the features of metrics, the pictures that people see and ADM's archive; and REPA on latents."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from pydantic import ValidationError
from tiny_autoencoders import CPU, FACTOR, SIDE, autoencoder_of, latents_of, pictures, save_autoencoder
from tiny_extractors import NAME, extractor_of, nothing
from tiny_trials import CELLS, tiny
from trial_reports import run

from model.alignment.encoders import EncodedPictures, encoded_training_set, load_encoder
from model.alignment.targets import EncodedImages
from model.autoencoder import Autoencoder, LatentDecoder, load_autoencoder, load_decoder, scaled, unscaled
from model.config import LatentsData, TrainConfig
from model.config.autoencoder import SETTINGS, WEIGHTS, AutoencoderConfig
from model.config.encoder import EncoderConfig
from model.data.dataset import DataSet, load
from model.errors import ConfigError, DataError
from model.evaluation.distances import Moments, frechet_distance
from model.patches import unpatchify
from model.randomness import BatchStreams
from model.sample_trial import Drawing, Subject, sample_trial
from model.train_trial import ensure_trainable, preflight
from model.train_trial import facts as facts_of
from model.training.state import initial_state

EXTRACTOR = {"kind": "timm", "name": NAME, "weights": "none"}
ENCODER = {"name": NAME, "weights": "none", "resolution": 64}
EXTERNAL: dict[str, Any] = {"alignment": {"kind": "external", "encoder": ENCODER, "teacher": {"layer": 3}}}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_autoencoder(tmp_path_factory.mktemp("autoencoder"))


@pytest.fixture(scope="module")
def autoencoder(weights: Path) -> Autoencoder:
    return autoencoder_of(weights)


@pytest.fixture
def latents(tmp_path: Path, autoencoder: Autoencoder) -> LatentsData:
    return latents_of(tmp_path / "latents", autoencoder, shift=0.25)


def trial(latents: LatentsData, weights: Path, *changes: dict[str, Any], **evaluation: Any) -> TrainConfig:
    decoded = {"autoencoder": {"weights": str(weights)}} | evaluation
    return tiny(CELLS["dual_full"], *changes, data=latents.model_dump(), precision="fp32", evaluation=decoded)


def opened(latents: LatentsData) -> DataSet:
    return load(latents, 2, CPU, torch.float32)


def test_a_decoder_undoes_what_the_data_were_scaled_by(autoencoder: Autoencoder, weights: Path) -> None:
    moments = autoencoder.encode(pictures()[0][:5])
    mean = moments[:, :4]
    assert moments.shape == (5, 8, SIDE // FACTOR, SIDE // FACTOR)
    assert (moments[:, 4:] > 0).all()
    ours = (mean - 0.25) * 0.5
    assert torch.equal(scaled(mean, 0.5, 0.25), ours)
    decoder = load_decoder(AutoencoderConfig(weights=str(weights)), 4, CPU, 0.5, 0.25)
    torch.testing.assert_close(decoder(ours), autoencoder.decode(mean).clamp(-1, 1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(decoder(torch.cat([ours] * 7))[-5:], decoder(ours), rtol=1e-4, atol=1e-5)
    each = ((1.0, 2.0, 0.5, 4.0), (0.0, -1.0, 3.0, 0.5))
    torch.testing.assert_close(unscaled(scaled(mean, *each), *each), mean)
    assert torch.equal(scaled(mean, *each)[:, 2], (mean[:, 2] - 3) * 0.5)


def test_scale_and_shift_are_its_authors_where_nobody_says(tmp_path: Path) -> None:
    shifted = autoencoder_of(save_autoencoder(tmp_path / "shifted", scaling_factor=0.3611, shift_factor=0.1159))
    assert (shifted.scale, shifted.shift, shifted.factor, shifted.channels) == (0.3611, 0.1159, FACTOR, 4)
    told = save_autoencoder(tmp_path / "told", latents_mean=[0.0, 1.0, 2.0, 3.0], latents_std=[1.0, 2.0, 4.0, 8.0], scaling_factor=1.0)
    each = autoencoder_of(told)
    assert (each.scale, each.shift) == ((1.0, 0.5, 0.25, 0.125), (0.0, 1.0, 2.0, 3.0))


def test_an_autoencoder_goes_by_its_content(tmp_path: Path, weights: Path) -> None:
    moved = shutil.copytree(weights, tmp_path / "moved")
    named = AutoencoderConfig(weights=str(weights)).weights_hash
    settings = json.loads((moved / SETTINGS).read_text())
    (moved / SETTINGS).write_text(json.dumps(settings | {"_diffusers_version": "0.1"}))
    assert AutoencoderConfig(weights=str(moved)).weights_hash == named, "who wrote it says nothing of the network"
    (moved / SETTINGS).write_text(json.dumps(settings | {"scaling_factor": 2.0}))
    assert AutoencoderConfig(weights=str(moved)).weights_hash != named
    assert AutoencoderConfig(weights=str(save_autoencoder(tmp_path / "other", seed=1))).weights_hash != named
    assert AutoencoderConfig(weights="stabilityai/sd-vae-ft-ema").weights_hash == "stabilityai/sd-vae-ft-ema"
    assert autoencoder_of(weights).name == named


def test_what_is_no_autoencoder_is_refused(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(ValidationError, match=r"evaluation\.autoencoder\.weights: .*nothing holds no autoencoder \(No such file"):
        AutoencoderConfig(weights=str(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match=r"evaluation\.autoencoder\.kind: tiny is AutoencoderTiny, but .* of AutoencoderKL; set kind: kl"):
        load_autoencoder(AutoencoderConfig(kind="tiny", weights=str(weights)), CPU)
    torn = shutil.copytree(weights, tmp_path / "torn")
    config = AutoencoderConfig(weights=str(torn))
    (torn / WEIGHTS).write_bytes((torn / WEIGHTS).read_bytes()[:-100])
    with pytest.raises(DataError, match=r"torn changed since this trial was named"):
        load_autoencoder(config, CPU)
    with pytest.raises(DataError, match=r"torn cannot be read as AutoencoderKL \(.*\); give a folder that diffusers"):
        load_autoencoder(AutoencoderConfig(weights=str(torn)), CPU)
    mixed = shutil.copytree(weights, tmp_path / "mixed")
    settings = json.loads((mixed / SETTINGS).read_text())
    (mixed / SETTINGS).write_text(json.dumps(settings | {"use_quant_conv": False}))
    with pytest.raises(DataError, match=r"is not of the network that config\.json describes \(quant_conv"):
        load_autoencoder(AutoencoderConfig(weights=str(mixed)), CPU)
    with pytest.raises(ConfigError, match=r"has latents of 4 channels, and the network draws 16; name the autoencoder that the latents"):
        load_decoder(AutoencoderConfig(weights=str(weights)), 16, CPU)


def test_a_trial_is_measured_and_shown_in_pictures(latents: LatentsData, weights: Path, autoencoder: Autoencoder, tmp_path: Path) -> None:
    config = trial(latents, weights, extractor=EXTRACTOR, extra_metrics=["precision", "kid"], samples=30)
    told = run(config, tmp_path / "attempt", tmp_path / "cache")
    ((_, metrics),) = told.of("evaluation")
    looking = next(report.details["looking"] for report in told.reports if report.kind == "evaluation")
    assert looking["by"] == config.looked_at_by(4, SIDE // FACTOR)
    assert 0 < looking["seconds_per_sample"] < 60, "for plans: decoding, and the network that looks"
    evaluator = told.started().details["comparability"]["evaluator"]
    assert evaluator.endswith(f"+decoded by {autoencoder.name}")
    drawing = Drawing(tmp_path / "grid.png", npz=tmp_path / "all.npz", samples=30, seed=config.evaluation.seed)
    sample_trial(Subject.of_trial(config, [told.folder]), told.folder / "average-00000006.safetensors", drawing, lambda line: None)
    drawn = torch.from_numpy(np.load(tmp_path / "all.npz")["arr_0"]).permute(0, 3, 1, 2).float() / 127.5 - 1
    assert drawn.shape == (30, 3, SIDE, SIDE)
    extractor, real = extractor_of(), opened(latents).pictures
    assert real is not None
    known = Moments.of(extractor.extract(real.reference_images.blocks(32), nothing)[0].numpy())
    by_hand = frechet_distance(known, Moments.of(extractor.extract(drawn.split(32), nothing)[0].numpy()))
    assert metrics["fd_test_vit_random"] == pytest.approx(by_hand, rel=0.02), "of pictures that lost less than a level by rounding"
    with Image.open(told.folder / "samples-00000006.png") as picture:
        assert picture.mode == "RGB"
        grid = np.asarray(picture, np.int64)
    with Image.open(tmp_path / "grid.png") as again:
        other = np.asarray(again, np.int64)
    first = slice(2, 2 + 2 * SIDE)  # small pictures are enlarged
    assert np.abs(grid[first, first] - other[first, first]).max() <= 1
    assert grid[first, first].std() > 1


def test_only_blocks_that_are_shown_are_decoded_where_nothing_else_looks(
    latents: LatentsData, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features of the evaluation classifier are of latents: of 48 samples in blocks of 8 the picture shows the first 16, of two classes."""
    monkeypatch.setattr("model.sampling.generate.BLOCK", 8)
    decoded: list[int] = []
    plain = LatentDecoder.__call__
    monkeypatch.setattr(LatentDecoder, "__call__", lambda self, z, *rest: decoded.append(len(z)) or plain(self, z, *rest))
    told = run(trial(latents, weights, samples=48), tmp_path / "attempt", tmp_path / "cache")
    assert told.of("evaluation")
    assert decoded == [8, 8]
    assert (told.folder / "samples-00000006.png").exists()


def test_the_real_pictures_are_those_of_the_latents(latents: LatentsData, autoencoder: Autoencoder) -> None:
    data, (shown, labels) = opened(latents), pictures()
    assert data.pictures is not None
    assert data.pictures.train is not None
    places, _, drawn = data.train.batch(BatchStreams(0, 0, 12))
    found = data.pictures.train.at(places)
    of_each = [(shown - picture).abs().flatten(1).max(dim=1).values.argmin() for picture in found]
    assert [labels[place].item() for place in of_each] == drawn.tolist()
    mean = torch.from_numpy(np.load(latents.path / "moments.npy"))[:, :4]
    torch.testing.assert_close(autoencoder.encode(found)[:, :4], mean[torch.stack(of_each)], rtol=1e-4, atol=1e-4)
    assert (len(data.pictures.reference_images), len(data.pictures.held_out)) == (48, 12)
    whole = torch.cat(list(data.pictures.reference_images.blocks(7)))
    assert torch.equal(torch.cat(list(data.pictures.reference_images.blocks(5, 11))), whole[:11])
    few = opened(latents.model_copy(update={"train_images": 10}))
    assert few.pictures is not None
    assert len(few.pictures.train or ()) == 10


def test_what_a_trial_looks_at_has_to_be_there(tmp_path: Path, autoencoder: Autoencoder, weights: Path) -> None:
    bare = latents_of(tmp_path / "bare", autoencoder, images=False)
    ensure_trainable(trial(bare, weights))
    told = run(trial(bare, weights), tmp_path / "attempt", tmp_path / "cache")
    assert "fd_classifier" in told.of("evaluation")[0][1]
    own = [{"name": "edges", "kind": "edge_strength.EdgeStrength", "direction": "higher"}]
    ensure_trainable(tiny(data=bare.model_dump(), evaluation={"own_metrics": own}))  # which then sees latents
    for config in (trial(bare, weights, extractor=EXTRACTOR), trial(bare, weights, EXTERNAL), trial(bare, weights, own_metrics=own)):
        with pytest.raises(
            DataError, match=r"looks at the pictures .* has no images\.npy with them; encode the data set with its pictures"
        ):
            ensure_trainable(config)
    np.save(bare.path / "images.npy", np.zeros((3, 8, 8, 3), np.uint8))
    with pytest.raises(DataError, match=r"images\.npy has shape \(3, 8, 8, 3\) of uint8; give the pictures of the latents"):
        opened(bare)
    with pytest.raises(ValidationError, match=r"evaluation\.autoencoder decodes latents, but data\.kind is digits; leave it out"):
        tiny(evaluation={"autoencoder": {"weights": str(weights)}})
    with pytest.raises(ValidationError, match=r"kind: timm looks at pictures, but data\.kind: latents are none; set evaluation\.autoenc"):
        tiny(data=bare.model_dump(), evaluation={"extractor": EXTRACTOR})


def test_a_trial_of_another_autoencoder_is_another_result_but_the_same_weights(latents: LatentsData, weights: Path, tmp_path: Path) -> None:
    other = save_autoencoder(tmp_path / "other", seed=1)
    one, two = (trial(latents, folder) for folder in (weights, other))
    moved = trial(latents, shutil.copytree(weights, tmp_path / "moved"))
    named = [config.training_identity(content_hash="x", precision="fp32") for config in (one, two)]
    assert named[0] == named[1]
    same, moved_too, other_too = (config.evaluation_identity(content_hash="x") for config in (one, moved, two))
    assert same == moved_too != other_too


def test_samples_of_a_checkpoint_are_decoded_by_its_authors_scale(weights: Path, autoencoder: Autoencoder, tmp_path: Path) -> None:
    """A subject without a scale, as a public checkpoint is."""
    plain = latents_of(tmp_path / "plain", autoencoder)
    told = run(tiny(data=plain.model_dump(), precision="fp32"), tmp_path / "attempt", tmp_path / "cache")
    subject = Subject.of_trial(tiny(data=plain.model_dump()), [told.folder])
    checkpoint, said = told.folder / "average-00000006.safetensors", []
    undecoded = Drawing(tmp_path / "grid.png", npz=tmp_path / "all.npz", samples=4)
    with pytest.raises(ConfigError, match=r"--npz is for pictures, .* give the --autoencoder that makes pictures of them"):
        sample_trial(subject, checkpoint, undecoded, said.append)
    for name, one in (("trial", subject), ("public", Subject(**{**vars(subject), "scale": None, "shift": None}))):
        drawing = Drawing(tmp_path / "g.png", tmp_path / f"{name}.npz", 4, autoencoder=AutoencoderConfig(weights=str(weights)))
        sample_trial(one, checkpoint, drawing, said.append)
    assert not any("latents" in line for line in said)
    found = [np.load(tmp_path / f"{name}.npz")["arr_0"] for name in ("trial", "public")]
    assert autoencoder.scale == plain.scale
    assert np.array_equal(*found)


def test_an_encoder_sees_the_pictures_of_the_batch(latents: LatentsData, weights: Path) -> None:
    """REPA on latents: the features of the very pictures, in image order."""
    config = trial(latents, weights, EXTERNAL)
    data = opened(latents)
    target = initial_state(config, data, CPU, torch.float32).objective.target
    assert isinstance(target, EncodedPictures)
    assert data.pictures is not None
    assert data.pictures.train is not None
    places = torch.tensor([5, 0, 40, 5])
    encoder = load_encoder(EncoderConfig(**ENCODER), 64)
    big = F.interpolate((data.pictures.train.at(places) + 1) / 2, (64, 64), mode="bicubic")
    mean, std = (torch.tensor(of).view(1, 3, 1, 1) for of in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        wanted = encoder.forward_features((big - mean) / std)[:, 1:]  # type: ignore[operator]

    class AlignmentBatch:
        images, clean = places, torch.zeros(1)

        class grouping:
            sort = staticmethod(lambda tokens: tokens)

    torch.testing.assert_close(target.features(AlignmentBatch()), wanted, rtol=1e-4, atol=1e-5)  # type: ignore[arg-type]


def test_repa_on_latents_trains_and_resumes(latents: LatentsData, weights: Path, tmp_path: Path) -> None:
    config = trial(latents, weights, EXTERNAL)
    whole = run(config, tmp_path / "whole", tmp_path / "cache")
    begun = run(config, tmp_path / "begun", tmp_path / "cache", stop=lambda report: report.kind == "checkpoint")
    ended = run(config, tmp_path / "ended", tmp_path / "cache", resume_from=[begun.folder])
    assert whole.of("evaluation") == ended.of("evaluation")
    assert 0 < whole.of("points")[0][1]["align_loss"] < 2
    assert preflight(config, facts_of(config.data)).checked == "one step, 2 samples"


def test_features_of_a_subset_are_those_of_its_images(digits: DataSet) -> None:
    """Places count within the images that are trained on."""
    config = tiny(EXTERNAL, data={"kind": "digits", "train_images": 20})
    data = load(config.data, 2, CPU, torch.float64)
    target = initial_state(config, data, CPU, torch.float64).objective.target
    assert isinstance(target, EncodedImages)
    wanted, _ = encoded_training_set(EncoderConfig(**ENCODER), data.train.tokens, 2, 1)  # type: ignore[attr-defined]
    assert torch.equal(target.encoded, wanted)
    assert not torch.allclose(data.reference_images.tokens[:20], data.train.tokens)  # type: ignore[attr-defined]
    before, now = (
        tiny(EXTERNAL, data={"kind": "digits", "train_images": few}).training_identity(content_hash="x", precision="fp32")["alignment"]
        for few in (None, 20)
    )
    assert now == before | {"encoded": "those trained on"}


def test_tokens_and_pictures_are_seen_alike(digits: DataSet) -> None:
    extractor, tokens = extractor_of(), digits.train.tokens[:5]
    assert torch.equal(extractor.extract_tokens(tokens, 2, 1, nothing)[0], extractor.extract([unpatchify(tokens, 2, 1)], nothing)[0])
