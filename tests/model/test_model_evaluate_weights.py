"""Weights without data against a reference file: by hand, stopped in the middle, asked again, and what is refused."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_extractors import nothing
from tiny_trials import CLASSES, network_of, tiny

from model.config.evaluation import EvaluationConfig
from model.errors import CheckpointError, ConfigError
from model.evaluate_weights import EvaluatedWeights, Machine, _asked, evaluate_weights, read_result
from model.evaluation.class_score import inception_score
from model.evaluation.distances import Moments, frechet_distance
from model.evaluation.neighbours import precision_and_recall
from model.patches import unpatchify
from model.sample_trial import Subject
from model.sampling import generate as generation
from model.training import evaluation_blocks
from tests.reference_files import EYE, as_images, use_made_up_features, write_reference


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    use_made_up_features(monkeypatch)
    monkeypatch.setattr(generation, "BLOCK", 8)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file({name: tensor.float().contiguous() for name, tensor in network_of(tiny()).state_dict().items()}, path)
    return path


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return write_reference(tmp_path / "VIRTUAL_tiny.npz")


def subject(reference: Path, **over: Any) -> Subject:
    config = tiny()
    asked = {"samples": 30, "labels": "random", "sampler": {"steps": 3}, "guidance": {"scale": 1.5}, "reference": str(reference)}
    asked |= {"extractor": {"kind": "inception"}, "extra_metrics": ["precision", "recall", "sfid"]} | over
    return Subject(config.backbone, 1, 8, CLASSES, config.process, config.evaluation).asked(asked)


def evaluated(tmp_path: Path, checkpoint: Path, asked: Subject, say: Callable[[str], None] = lambda _: None) -> EvaluatedWeights:
    return evaluate_weights(asked, checkpoint, tmp_path / "out", tmp_path / "cache", Machine(), say)


def test_the_numbers_are_those_of_the_formulas(tmp_path: Path, checkpoint: Path, reference: Path) -> None:
    asked = subject(reference)
    found = evaluated(tmp_path, checkpoint, asked)
    network = network_of(tiny()).float()
    blocks = generation.generate(network, asked.evaluation, shape=(16, 4), dtype=torch.float32, tick=nothing, channels=1)
    images = torch.cat([unpatchify(tokens, 2, 1) for tokens, _ in blocks])
    features, logits, spatial = EYE.extract_with_spatial([images], nothing)
    assert logits is not None
    with np.load(reference) as held:
        known, known_spatial = Moments(held["mu"], held["sigma"], 0), Moments(held["mu_s"], held["sigma_s"], 0)
        real = EYE.extract([as_images(held["arr_0"])], nothing)[0]
    wanted = {
        "fid": frechet_distance(known, Moments.of(features.numpy())),
        "sfid": frechet_distance(known_spatial, Moments.of(spatial.numpy())),
        "inception_score": inception_score(logits),
    } | dict(zip(("precision", "recall"), precision_and_recall(real, features), strict=True))
    assert found.metrics == pytest.approx(wanted, rel=1e-4)
    assert found.details["reference"].startswith("VIRTUAL_tiny.npz (")
    assert (found.protocol["evaluation"]["guidance"]["scale"], found.protocol["precision"]) == (1.5, "fp32")
    assert (tmp_path / "out" / "samples.png").stat().st_size > 100


def test_a_distance_at_infinity_needs_no_floor(tmp_path: Path, checkpoint: Path, reference: Path) -> None:
    found = evaluated(tmp_path, checkpoint, subject(reference, extra_metrics=["fd_infinity"], samples=60))
    assert found.metrics["fid_infinity"] == pytest.approx(found.metrics["fid"], rel=0.5)
    assert "fd_at_floor_n" not in found.details


class Killed(Exception):
    """The process ended here."""


def test_it_goes_on_where_it_was_stopped_and_is_not_measured_twice(
    tmp_path: Path, checkpoint: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_blocks, "KEEP_SECONDS", 0.0)
    asked, said = subject(reference), list[str]()
    wanted = evaluate_weights(asked, checkpoint, tmp_path / "whole", tmp_path / "cache", Machine(), lambda _: None)

    def until(line: str) -> None:
        if line.startswith("block 3"):
            raise Killed

    with pytest.raises(Killed):
        evaluated(tmp_path, checkpoint, asked, until)
    assert read_result(tmp_path / "out") is None
    assert len(list((tmp_path / "out").glob("evaluation-*"))) == 2
    assert evaluated(tmp_path, checkpoint, asked, said.append) == wanted
    assert said == ["looking at the reference's pictures, once for all", "block 1 of at most 4", "block 2 of at most 4"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["result.json", "samples.png"]
    said.clear()
    assert evaluated(tmp_path, checkpoint, asked, said.append) == wanted
    assert said == [f"measured before: {tmp_path / 'out' / 'result.json'}"]
    with pytest.raises(ConfigError, match=r"out holds the result of other weights or another protocol; give another name, or remove it"):
        evaluated(tmp_path, checkpoint, subject(reference, samples=31))
    save_file({name: tensor.float().contiguous() for name, tensor in network_of(tiny(), seed=1).state_dict().items()}, checkpoint)
    with pytest.raises(ConfigError, match=r"out holds the result of other weights"):
        evaluated(tmp_path, checkpoint, asked)


def test_a_protocol_names_what_kept_results_name() -> None:
    """A field that is younger than they are is left out while it holds what they meant, or none of them would be found again."""
    asked = "samples labels sampler guidance seed more_seeds extractor classifier reference_hash autoencoder extra_metrics"
    protocol = _asked(EvaluationConfig())
    assert sorted(protocol) == sorted(asked.split())
    assert sorted(protocol["sampler"]) == ["absolute_tolerance", "kind", "relative_tolerance", "steps"]
    assert sorted(protocol["guidance"]) == ["channels", "interval", "scale"]
    assert _asked(EvaluationConfig(analyses=("probe",), held_out_levels=3, every=5)) == protocol


def test_what_cannot_be_measured_is_refused_before_anything_is_made(tmp_path: Path, checkpoint: Path, reference: Path) -> None:
    refusals = [
        (subject(Path("training"), extra_metrics=["precision"]), "weights come without data: give a reference file of ADM"),
        (subject(reference, extra_metrics=["overfitting_gap"]), "overfitting_gap is measured on data, and weights come without"),
        (
            dataclasses.replace(subject(reference), channels=4),
            "samples of 4 channels are latents; give the autoencoder that makes pictures",
        ),
    ]
    for asked, message in refusals:
        with pytest.raises(ConfigError, match=message):
            evaluated(tmp_path, checkpoint, asked)
    with pytest.raises(CheckpointError, match="is no dit checkpoint of this network"):
        evaluated(tmp_path, checkpoint, dataclasses.replace(subject(reference), family="dit"))
    assert not (tmp_path / "out").exists()
    torch.set_num_threads(1)
    broken = {name: torch.full_like(tensor.float(), float("nan")) for name, tensor in network_of(tiny()).state_dict().items()}
    save_file(broken, checkpoint)
    with pytest.raises(CheckpointError, match="gives samples that are not finite; is ours its family"):
        evaluated(tmp_path, checkpoint, subject(reference))
    (tmp_path / "out" / "result.json").write_text(json.dumps({"metrics": 3}))
    assert read_result(tmp_path / "out") is None


def test_published_sizes_by_name() -> None:
    assert Subject.of_preset("sit", "XL/2").backbone.layers == 28
    assert Subject.of_preset("dit", "B/4", classes=10).evaluation.sampler.kind == "ancestral"
    with pytest.raises(ConfigError, match=r"--preset Z/2: there is no such size; the sizes are nano, S/2"):
        Subject.of_preset("sit", "Z/2")
