"""Losses over noise levels and training, copies among samples, and what training has shown: by hand, and against the evaluation."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from analysed import analysed, few
from tiny_trials import CELLS, DDPM, network_of, tiny
from torch import Tensor
from torch.testing import assert_close

from model.analyses import views as views_module
from model.analyses.by_level import by_level, overfitting
from model.analyses.drawn_samples import Samples
from model.analyses.memorisation import memorisation, nearer_share, nearest_ratios
from model.analyses.views import BINS, different_pairs, shown, views
from model.config import DigitsData
from model.data.dataset import DataSet
from model.data.examples import batch_indices
from model.data.source import facts
from model.evaluation.held_out import held_out_loss, overfitting_gap
from model.noise.process import process_of
from model.randomness import BatchStreams
from model.step_noise import draw

SEEDS: dict[str, Any] = {"evaluation": {"more_seeds": [3]}}


@pytest.mark.parametrize("change", [{}, DDPM, SEEDS], ids=["flow", "ddpm", "two generation seeds"])
def test_the_means_over_levels_are_the_evaluations_metrics(change: dict[str, Any], digits: DataSet) -> None:
    config, data = tiny(change), few(digits)
    network, process = network_of(config), process_of(config.process)
    found = {array.name: array for array in by_level(analysed(config, network, data)).arrays}
    one = [config.evaluation.model_copy(update={"seed": seed}) for seed in config.evaluation.generation_seeds]
    losses = [held_out_loss(network, data.held_out, asked, process) for asked in one]
    gaps = [overfitting_gap(network, data, loss, asked, process) for loss, asked in zip(losses, one, strict=True)]
    assert found["held_out_loss"].values.mean() == pytest.approx(np.mean(losses), rel=1e-12)
    assert found["mean_held_out_loss"].at({}) == pytest.approx(np.mean(losses), rel=1e-12)
    assert found["gap"].values.mean() == pytest.approx(np.mean(gaps), rel=1e-10)
    assert found["mean_gap"].at({}) == pytest.approx(np.mean(gaps), rel=1e-10)
    assert found["gap"].values == pytest.approx(found["held_out_loss"].values - found["train_loss"].values)
    assert found["gap"].axes[0].values == (0.25, 0.75)


def test_the_gap_over_training(digits: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    config, data = tiny(), few(digits)
    trained = analysed(config, network_of(config), data)
    assert "at least two steps" in overfitting(trained).details["not_applicable"]
    trained.averages = {2: Path("a"), 6: Path("b")}
    monkeypatch.setattr(trained, "load", lambda path: network_of(config, seed=5 if path == Path("a") else 0))
    found = {array.name: array for array in overfitting(trained).arrays}
    newest = {array.name: array for array in by_level(trained).arrays}
    assert found["gap"].axes[0].values == (2, 6)
    assert found["gap"].values[1] == pytest.approx(newest["gap"].values)
    assert found["mean_gap"].at({"step": 6}) == pytest.approx(newest["mean_gap"].at({}))
    assert overfitting(trained).details["averages"] == [2, 6]
    assert found["mean_gap"].at({"step": 2}) != pytest.approx(found["mean_gap"].at({"step": 6}))


def points(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_nearer_and_ratios_by_hand() -> None:
    known, new = points([0, 0], [10, 0]), points([0, 10], [10, 10])
    assert nearer_share(points([0, 1], [9, 2], [1, 9]), known, new) == pytest.approx(2 / 3)
    assert nearer_share(points([0, 5]), known, new) == 0.5, "a tie is a half"
    ratios, nearest, distance = nearest_ratios(points([10, 0], [2, 0], [5, 3]), known)
    assert ratios.tolist() == pytest.approx([0, 0.25, 1])
    assert nearest.tolist()[:2] == [1, 0]
    assert distance.tolist()[:2] == [0, 2]
    assert nearest_ratios(points([1, 1]), points([1, 1], [1, 1]))[0].tolist() == [1.0], "two copies of one are no sign of either"


@torch.no_grad()
def test_a_copied_image_is_found(digits: DataSet) -> None:
    """Three of ten samples are training images, one of them with a little noise; seven are held-out images, shown by nobody."""
    config, data = tiny(), few(digits, held_out=100, train=100)
    trained = analysed(config, network_of(config), data)
    copies = data.train.tokens[[5, 17, 40]].clone()  # type: ignore[attr-defined]
    copies[1] += 0.01
    unseen = digits.held_out.tokens[200:207]
    trained.__dict__["samples"] = Samples(torch.cat([copies, unseen]), torch.zeros(10, dtype=torch.long))
    result = memorisation(trained)
    found = {array.name: array for array in result.arrays}
    assert found["near_copies"].at({"of": "samples"}) == pytest.approx(0.3)
    closest = {each["sample"]: each["training_image"] for each in result.details["closest"]}
    assert {sample: closest[sample] for sample in (0, 1, 2)} == {0: 5, 1: 17, 2: 40}
    assert [each["sample"] for each in result.details["closest"]][:3] == [0, 2, 1]
    assert found["nearer_to_training"].at({}) >= 0.3
    assert found["ratios"].values.sum(axis=1) == pytest.approx([1, 1])
    assert found["ratios"].at({"of": "samples", "ratio": 0.025}) == pytest.approx(0.3)
    pairs = found["closest_pairs"]
    first = {"pair": 0, "channel": 0, "row": 3, "column": 2}
    assert pairs.at(first | {"image": "sample"}) == pairs.at(first | {"image": "training image"})
    assert pairs.values.shape == (8, 2, 1, 8, 8)


def test_images_of_one_law_are_as_near_to_either_set(digits: DataSet) -> None:
    """Training images that no one trains on, as samples: .5, within four standard errors."""
    tokens = digits.reference_images.tokens.flatten(1)
    samples, known = tokens[:400], tokens[400:759]
    assert abs(nearer_share(samples, known, digits.held_out.tokens.flatten(1)) - 0.5) < 4 * 0.5 / 400**0.5


def test_distances_do_not_depend_on_blocks(digits: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = digits.held_out.tokens.flatten(1)
    whole = nearest_ratios(tokens[:20], tokens[20:80])
    monkeypatch.setattr("model.analyses.memorisation.BLOCK", 3)
    for one, other in zip(whole, nearest_ratios(tokens[:20], tokens[20:80]), strict=True):
        assert torch.equal(one, other)


def test_pairs_at_different_levels_by_hand() -> None:
    levels = torch.tensor([[0.1, 0.9], [0.4, 0.4]])
    assert_close(different_pairs(levels, torch.tensor([[4, 12]])), torch.tensor([4 * 12 * 2 / (16 * 15), 0], dtype=torch.float64))
    assert different_pairs(levels[:, :1], torch.tensor([[16]])).tolist() == [0, 0]
    assert different_pairs(torch.rand(1, 5), torch.ones(1, 5)).tolist() == [1]
    few_levels = torch.tensor([[0.2, 0.7, 0.2, 0.2]])
    assert different_pairs(few_levels, torch.ones(1, 4)).tolist() == [0.5], "equal levels that do not stand beside each other"
    assert_close(different_pairs(few_levels, torch.tensor([[1, 5, 0, 2]])), torch.tensor([2 * 3 * 5 / 56], dtype=torch.float64))


CASES: dict[str, tuple[dict[str, Any], ...]] = {
    **{name: (cell,) for name, cell in CELLS.items()},
    "whole images": (CELLS["dual_none"], {"partition": {"full_image_probability": 0.5}}),
    "three ordered": (CELLS["dual_none"], {"partition": {"ratio": [1, 2, 3]}, "timesteps": {"ordering": "masked_is_noisier"}}),
    "bernoulli": (CELLS["dual_none"], {"partition": {"assignment": "bernoulli"}}),
}


@pytest.mark.parametrize("case", CASES)
def test_views_are_those_of_the_trials_own_steps(case: str) -> None:
    """Counted in sets, from what the objective draws."""
    config = tiny(*CASES[case], steps=7, data={"kind": "digits", "train_images": 20})
    known = facts(DigitsData(train_images=20))
    found = shown(config, known, 16, 7)
    seen, joint, different = set(), set(), []
    for step in range(7):
        draws = draw(config, BatchStreams(config.seed, step, config.batch_size), 16, 4)
        t = draws.t.expand(-1, found.groups)
        for place, row in zip(batch_indices(config.seed, step, config.batch_size, 20).tolist(), range(config.batch_size), strict=True):
            bins = tuple(min(int(level * BINS), BINS - 1) for level in t[row].tolist())
            seen |= {(place, group, b) for group, b in enumerate(bins)}
            joint.add((place, bins))
        groups = draws.groups
        if groups is None:
            counts = config.partition.counts(16) if draws.t.shape[1] > 1 else (16,)
            groups = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)).expand(config.batch_size, -1)
        level = draws.t.gather(1, groups) if draws.t.shape[1] > 1 else draws.t.expand(-1, 16)
        unequal = (level[:, :, None] != level[:, None, :]).double().sum(dim=(1, 2)) / (16 * 15)
        different.append(unequal.mean().item())
    assert found.views[-1] == len(seen)
    assert found.joint[-1] == len(joint)
    assert found.different[-1] == pytest.approx(np.mean(different))
    assert found.read[-1] == (0 if config.attention.separation == "full" else pytest.approx(np.mean(different)))
    assert found.steps == tuple(range(1, 8))


def test_views_need_no_weights_and_no_images(digits: DataSet) -> None:
    config = tiny(CELLS["dual_none"], steps=10)
    trained = analysed(config, network_of(config), digits)
    del trained.__dict__["network"], trained.__dict__["data"]
    found = {array.name: array for array in views(trained).arrays}
    assert set(trained.__dict__) & {"network", "data"} == set()
    assert found["passes"].at({"step": 10}) == 10 * 6 / 1438
    assert found["share_of_views"].values == pytest.approx(found["views"].values / (1438 * 2 * BINS))
    assert (np.diff(found["views"].values) >= 0).all()


def test_levels_of_many_tokens_have_shares_too(digits: DataSet) -> None:
    """Of 324 tokens there are more joint views than a float holds."""
    config = tiny(timesteps={"kind": "per_token"}, steps=3)
    trained = analysed(config, network_of(config), digits)
    trained.__dict__["facts"] = dataclasses.replace(facts(DigitsData()), resolution=36)
    found = {array.name: array.values for array in views(trained).arrays}
    assert np.isnan(found["joint_views"]).all()
    assert np.isnan(found["share_of_joint_views"]).all()
    assert found["different_pairs"] == pytest.approx(1, abs=1e-3)
    assert (found["share_of_views"] > 0).all()


def test_too_many_views_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views_module, "MOST_HELD", 1438 * 2 * BINS)
    found = shown(tiny(CELLS["dual_none"]), facts(DigitsData()), 16, 3)
    assert np.isnan(found.joint).all()
    assert found.views[-1] > 0


@pytest.mark.parametrize(("mode", "share"), [("none", 1.0), ("full", 0.0), ("noisy_reads_clean", 0.5), ("shuffled", 130 / 240)])
def test_of_pairs_at_different_levels_a_part_is_read(mode: str, share: float) -> None:
    """Of 16 tokens 5 and 11 are in a view: (5 * 4 + 11 * 10) / (16 * 15) of pairs are in one."""
    config = tiny(CELLS["dual_none"], attention={"separation": mode})
    found = shown(config, facts(DigitsData()), 16, 2)
    assert found.read == pytest.approx(share * found.different)


BERNOULLI: dict[str, Any] = {"partition": {"assignment": "bernoulli"}}


@pytest.mark.parametrize("mode", ["full", "shuffled"])
def test_tokens_drawn_one_by_one_are_in_a_part_with_the_squares_of_its_share(mode: str) -> None:
    """Levels of tokens say nothing of groups: .3^2 + .7^2 of pairs are in one, whatever the sizes of an image's groups."""
    config = tiny(BERNOULLI, timesteps={"kind": "per_token"}, attention={"separation": mode})
    found = shown(config, facts(DigitsData()), 16, 2)
    assert found.read == pytest.approx(0.58 * found.different)
    exact = shown(tiny(timesteps={"kind": "per_token"}, attention={"separation": mode}), facts(DigitsData()), 16, 2)
    assert exact.read == pytest.approx(130 / 240 * exact.different)


def test_views_of_one_image_have_the_sizes_of_its_groups() -> None:
    """Under `bernoulli` both vary from image to image together, which a product of means would not tell."""
    config = tiny(CELLS["dual_none"], BERNOULLI, attention={"separation": "shuffled"})
    read = []
    for step in range(4):
        groups = draw(config, BatchStreams(config.seed, step, config.batch_size), 16, 4).groups
        assert groups is not None
        first = (groups == 0).sum(dim=1).double()
        second = 16 - first
        together = (first * (first - 1) + second * (second - 1)) / (16 * 15)
        read.append((2 * first * second / (16 * 15) * together).mean().item())
    assert shown(config, facts(DigitsData()), 16, 4).read[-1] == pytest.approx(np.mean(read))
