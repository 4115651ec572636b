"""The loss on held-out images minus that on training images: by hand, its sign, and only where it is asked for."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_trials import DDPM, network_of, tiny
from trial_reports import run

from model.config import DigitsData
from model.data.dataset import DataSet, load
from model.data.examples import Examples
from model.evaluation.held_out import held_out_loss, overfitting_gap
from model.noise.process import FLOW, process_of
from model.reports import TrialReport

ASKED: dict[str, Any] = {"evaluation": {"extra_metrics": ["overfitting_gap"]}}


@pytest.mark.parametrize("train_images", [None, 100])
def test_by_hand(train_images: int | None, digits: DataSet) -> None:
    """The first 359 training images, or the 100 that there are three and a half times, each at the noise of a held-out image."""
    data = load(DigitsData(train_images=train_images), 2, torch.device("cpu"), torch.float64)
    config, network = tiny().evaluation, network_of(tiny())
    again = torch.arange(359) % (train_images or 359)
    known = Examples(data.train.tokens[again], data.train.labels[again])  # type: ignore[attr-defined]
    held_out = held_out_loss(network, data.held_out, config)
    assert overfitting_gap(network, data, held_out, config, FLOW) == held_out - held_out_loss(network, known, config)
    assert not torch.equal(known.tokens, data.held_out.tokens)


def test_images_that_are_known_and_held_out_have_no_gap(digits: DataSet) -> None:
    same = DataSet(digits.held_out, digits.held_out, 1, 10, "x", digits.reference_images)
    network, config = network_of(tiny()), tiny().evaluation
    assert overfitting_gap(network, same, held_out_loss(network, digits.held_out, config), config, FLOW) == 0


def test_it_grows_where_few_images_are_learned_by_heart(cache: Path, tmp_path: Path) -> None:
    """Above 0 is overfitting: ten images, three hundred passes over them."""
    few = {"data": {"kind": "digits", "train_images": 10}, "batch_size": 10, "ema_decay": 0.9, "label_dropout": 0.0}
    settings = {"optimizer": {"learning_rate": 1e-2}, "log_every": 100, "checkpoint_every": 300, "precision": "fp32"}
    config = tiny(ASKED, few, settings, steps=300, evaluation={"held_out_levels": 4, "every": 10})
    gaps = {step: metrics["overfitting_gap"] for step, metrics in run(config, tmp_path / "attempt", cache).of("evaluation") if step}
    assert gaps[300] > gaps[10] + 0.05
    assert gaps[300] > 0.05


def test_it_is_measured_where_it_is_asked_for(cache: Path, tmp_path: Path) -> None:
    def evaluated(*changes: dict[str, Any]) -> TrialReport:
        told = run(tiny(*changes, steps=2), tmp_path / str(len(list(tmp_path.iterdir()))), cache)
        (found,) = (report for report in told.reports if report.kind == "evaluation")
        return found

    plain, asked, noise = evaluated(), evaluated(ASKED), evaluated(DDPM, ASKED)
    assert "overfitting_gap" not in plain.metrics
    assert "gap_images" not in plain.details
    assert asked.details["gap_images"] == 359
    shared = set(plain.metrics) - {"steps_per_second", "peak_memory_mib"}
    assert {name: asked.metrics[name] for name in shared} == {name: plain.metrics[name] for name in shared}
    assert set(asked.metrics) - set(plain.metrics) == {"overfitting_gap"}
    assert "overfitting_noise_gap" in noise.metrics
    assert "overfitting_gap" not in noise.metrics, "errors of noise and of velocity do not compare"


def test_of_each_generation_seed(cache: Path, tmp_path: Path) -> None:
    told = run(tiny(ASKED, steps=2, evaluation={"more_seeds": [1]}), tmp_path / "attempt", cache)
    (found,) = (report for report in told.reports if report.kind == "evaluation")
    values = found.details["by_generation_seed"]["overfitting_gap"]
    assert set(values) == {"0", "1"}
    assert found.metrics["overfitting_gap"] == pytest.approx(sum(values.values()) / 2)


def test_the_name_of_an_evaluation_is_as_before_without_it() -> None:
    plain, asked = (tiny(change).evaluation_identity(content_hash="x") for change in ({}, ASKED))
    assert "extra_metrics" not in plain
    assert asked == plain | {"extra_metrics": ("overfitting_gap",)}


def test_noise_is_of_its_own_process(digits: DataSet) -> None:
    config = tiny(DDPM)
    network, process = network_of(config), process_of(config.process)
    held_out = held_out_loss(network, digits.held_out, config.evaluation, process)
    known = Examples(digits.reference_images.tokens[:359], digits.reference_images.labels[:359])
    wanted = held_out - held_out_loss(network, known, config.evaluation, process)
    assert overfitting_gap(network, digits, held_out, config.evaluation, process) == wanted
