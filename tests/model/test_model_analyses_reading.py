"""Attention across groups and what it gains: values that algebra knows, and the same however images are cut into passes."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from analysed import analysed, few, looks_of
from tiny_trials import CELLS, CLASSES, DDPM, network_of, tiny
from torch.testing import assert_close

from model.analyses import attention_mass as mass_module
from model.analyses.attention_mass import attention_mass, mass_on_others
from model.analyses.counterfactual import counterfactual
from model.analyses.drawn_samples import draw_samples, reading_blocked
from model.analyses.grid import LEVELS, setting, settings
from model.analyses.loss_grid import gain, group_errors, loss_grid
from model.backbone.attention import attention_probabilities, segmented_attention
from model.backbone.transformer import DiffusionTransformer
from model.data.dataset import DataSet
from model.errors import CheckpointError, ConfigError
from model.evaluation.evaluation_classifier import load_or_train_classifier
from model.evaluation.held_out import held_out_loss
from model.grouping import Grouping
from model.noise.process import process_of
from model.objective import groupings
from model.randomness import BatchStreams
from model.step_noise import draw

PARTITIONS: dict[str, dict[str, Any]] = {
    "two": {},
    "three": {"partition": {"ratio": [0.2, 0.5, 0.3]}},
    "bernoulli": {"partition": {"ratio": 0.3, "assignment": "bernoulli"}},
    "learned": {"partition": {"ratio": 0.3, "assignment": "learned"}},
}
SPREAD = {2: (0.1, 0.9), 3: (0.1, 0.5, 0.9)}


@torch.no_grad()
def reading_evenly(network: DiffusionTransformer) -> DiffusionTransformer:
    """Queries and keys of zero: every token reads all tokens alike."""
    for block in network.blocks:
        width = block.attn.qkv.weight.shape[1]
        block.attn.qkv.weight[: 2 * width] = 0  # type: ignore[index, operator]
        block.attn.qkv.bias[: 2 * width] = 0  # type: ignore[index, operator]
    return network


@torch.no_grad()
def deaf(network: DiffusionTransformer) -> DiffusionTransformer:
    """Whatever is read is thrown away."""
    for block in network.blocks:
        block.attn.proj.weight.zero_()  # type: ignore[union-attr, operator]
    return network


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("mode", ["none", "full", "noisy_reads_clean", "shuffled"])
def test_probabilities_are_what_attention_weighs_its_values_with(mode: str, partition: str) -> None:
    config = tiny(CELLS["dual_none"], PARTITIONS[partition], attention={"separation": mode})
    draws = draw(config, BatchStreams(3, 0, 5), 16, 4).to(torch.device("cpu"), torch.float64)
    segments = groupings(config, draws, 16)[0].segments
    q, k, v = torch.randn(3, 5, 2, 16, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    read = attention_probabilities(q, k, segments)
    assert_close(read.sum(dim=-1), torch.ones(5, 2, 16, dtype=torch.float64), rtol=1e-12, atol=0)
    assert_close(read @ v, segmented_attention(q, k, v, segments), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_even_attention_has_a_mass_of_one(partition: str, digits: DataSet) -> None:
    config = tiny(PARTITIONS[partition])
    network = reading_evenly(network_of(config))
    looks = looks_of(config, network, digits)
    found = mass_on_others(network, looks, SPREAD[looks.groups])
    assert found.shape == (3, 2, looks.groups)
    assert_close(found, torch.ones_like(found), rtol=1e-12, atol=0)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_under_separation_nothing_falls_on_others_and_nothing_is_gained(partition: str, digits: DataSet) -> None:
    config = tiny(PARTITIONS[partition])
    network = network_of(config)
    looks = looks_of(config, network, digits)
    levels = SPREAD[looks.groups]
    assert mass_on_others(network, looks, levels, "full").abs().max() == 0
    assert mass_on_others(network, looks, levels).min() > 0, "without separation some does"
    # A group that nobody reads sees the others' level no more than they see its own.
    for own in range(looks.groups):
        apart = group_errors(network, looks, setting(looks.groups, own, 0.7, 0.1), "full")[0][own]
        alike = group_errors(network, looks, (0.7,) * looks.groups, "full")[0][own]
        assert_close(apart, alike, rtol=1e-12, atol=0)


def test_mass_by_hand(digits: DataSet) -> None:
    """By loops over images, queries and keys, in a network of one layer whose attention input is known."""
    config = tiny(backbone={"layers": 1}, alignment={"kind": "none", "student_layer": 1, "teacher": {"layer": 1}})
    network = network_of(config)
    looks = looks_of(config, network, digits, images=3)
    given = looks.at((0.2, 0.8))
    seen: list[Any] = []
    hook = network.blocks[0].attn.register_forward_pre_hook(lambda _, args: seen.append(args))  # type: ignore[union-attr]
    network(given.noisy, given.t, given.labels, given.grouping)
    hook.remove()
    q, k, _ = network.blocks[0].attn._heads(seen[0][0])  # type: ignore[union-attr, operator]
    read = (q @ k.transpose(-1, -2) / 8**0.5).softmax(dim=-1)
    wanted = torch.zeros(1, 2, 2, dtype=torch.float64)
    counts = config.partition.counts(16)
    for head in range(2):
        for group in range(2):
            inside = range(counts[0]) if group == 0 else range(counts[0], 16)
            outside = [place for place in range(16) if place not in inside]
            each = [read[n, head, query, outside].sum().item() for n in range(3) for query in inside]
            wanted[0, head, group] = np.mean(each) / (len(outside) / 16)
    assert_close(mass_on_others(network, looks, (0.2, 0.8)), wanted, rtol=1e-12, atol=0)


def test_values_do_not_depend_on_how_images_are_cut(digits: DataSet) -> None:
    for change in (*PARTITIONS.values(), DDPM):
        config = tiny(change)
        network = network_of(config)
        looks = looks_of(config, network, digits, images=7)
        levels = SPREAD[looks.groups]
        whole = mass_on_others(network, looks, levels, block=7), *group_errors(network, looks, levels, "full", block=7)
        parts = mass_on_others(network, looks, levels, block=2), *group_errors(network, looks, levels, "full", block=2)
        for one, other in zip(whole, parts, strict=True):
            assert_close(one, other, rtol=1e-11, atol=0)


def test_a_token_knows_its_own_level_and_the_rest_knows_theirs(digits: DataSet) -> None:
    """At equal levels the grid is the held-out loss at that level, of the same noise."""
    config = tiny()
    network = network_of(config)
    looks = looks_of(config, network, digits)
    errors, counts = group_errors(network, looks, (0.7, 0.7))
    t = torch.full((len(looks), 1), 0.7, dtype=torch.float64)
    noisy = 0.3 * looks.tokens + 0.7 * looks.draws.noise
    predicted = network(noisy, t, looks.labels, Grouping.whole(16))[0]
    wanted = (predicted - (looks.draws.noise - looks.tokens)).square().mean()
    assert_close(errors.sum() / counts.sum(), wanted, rtol=1e-12, atol=0)
    assert counts.tolist() == [len(looks) * count for count in config.partition.counts(16)]


@pytest.mark.parametrize("change", [{}, PARTITIONS["three"]], ids=["two groups", "three"])
def test_the_grid_is_of_own_tokens(change: dict[str, Any], digits: DataSet) -> None:
    config = tiny(change)
    network, data = network_of(config), few(digits)
    trained = analysed(config, network, data)
    found = loss_grid(trained)
    loss, gains, by_group = found.arrays
    groups, looks = len(config.partition.shares), trained.looks
    sums, blocked = np.zeros(groups), np.zeros(groups)
    for group in range(groups):
        levels = setting(groups, group, 0.7, 0.1)
        sums[group], blocked[group] = (group_errors(network, looks, levels, mode)[0][group].item() for mode in ("none", "full"))
    where = {"t_own": 0.7, "t_other": 0.1}
    assert loss.at(where | {"reading": "reads"}) == pytest.approx(sums.sum() / (24 * 16), rel=1e-12)
    assert loss.at(where | {"reading": "blocked"}) == pytest.approx(blocked.sum() / (24 * 16), rel=1e-12)
    assert gains.at(where) == pytest.approx(blocked.sum() / sums.sum() - 1, rel=1e-10)
    assert [by_group.at(where | {"group": g}) for g in range(groups)] == pytest.approx((blocked / sums - 1).tolist(), rel=1e-10)
    assert np.abs(gains.values).min() > 1e-6, "this network reads"


def test_a_network_that_ignores_what_it_reads_gains_nothing(digits: DataSet) -> None:
    config = tiny()
    trained = analysed(config, deaf(network_of(config)), few(digits))
    assert np.abs(loss_grid(trained).arrays[1].values).max() < 1e-12


def test_gain_is_of_the_loss_with_reading() -> None:
    found = gain(np.array([2.0, 4.0, 0.0]), np.array([3.0, 4.0, 0.0]))
    assert found[:2].tolist() == [0.5, 0.0]
    assert math.isnan(found[2]), "a group without tokens"


def test_attention_mass_is_named_by_layer_reader_and_levels(digits: DataSet) -> None:
    config = tiny()
    trained = analysed(config, network_of(config), few(digits))
    mass, by_direction, by_head = attention_mass(trained).arrays
    direct = mass_on_others(trained.network, trained.looks, (0.1, 0.9))  # group 0 clean, group 1 noisy
    assert mass.at({"layer": 3, "reader": 1, "t_reader": 0.9, "t_read": 0.1}) == pytest.approx(direct[2, :, 1].mean().item())
    assert mass.at({"layer": 1, "reader": 0, "t_reader": 0.1, "t_read": 0.9}) == pytest.approx(direct[0, :, 0].mean().item())
    other = mass_on_others(trained.network, trained.looks, (0.9, 0.1))
    noisy_reads = 0.3 * other[:, :, 0] + 0.7 * direct[:, :, 1]
    assert by_head.values[:, :, 0] == pytest.approx(noisy_reads.numpy())
    assert by_direction.at({"layer": 2, "direction": "noisy->clean"}) == pytest.approx(noisy_reads[1].mean().item())


def test_two_groups_share_their_passes() -> None:
    assert len(settings(2)) == len(LEVELS) ** 2
    assert len(settings(3)) == 3 * len(LEVELS) * (len(LEVELS) - 1) + len(LEVELS)


def test_large_images_are_looked_at_few_at_a_time(digits: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny()
    network = network_of(config)
    looks, cuts = looks_of(config, network, digits), []
    plain = type(looks).blocks
    monkeypatch.setattr(type(looks), "blocks", lambda self, size: cuts.append(size) or plain(self, size))  # type: ignore[func-returns-value]
    monkeypatch.setattr(mass_module, "LOGITS_HELD", 2 * 16**2 * 4)
    mass_on_others(network, looks, (0.1, 0.9))
    assert cuts == [4]


@pytest.mark.parametrize("analysis", [attention_mass, loss_grid, counterfactual])
def test_without_groups_there_is_nobody_else_to_read(analysis: Any, digits: DataSet) -> None:
    config = tiny(partition={"ratio": [1.0]})
    found = analysis(analysed(config, network_of(config), few(digits)))
    assert found.arrays == ()
    assert "no partition" in found.details["not_applicable"]


def test_blocked_reading_is_the_layout_of_a_separated_pass(digits: DataSet) -> None:
    """At one level the network under the hook gives what the grid's own separated pass gives, in image order; with guidance's double."""
    for change in PARTITIONS.values():
        config = tiny(change)
        network = network_of(config)
        looks = looks_of(config, network, digits, images=5)
        given = looks.at((0.4,) * looks.groups, "full")
        wanted = given.grouping.unsort(network(given.noisy, given.t, given.labels, given.grouping)[0])
        noisy, t = given.grouping.unsort(given.noisy), given.t[:, :1]
        free = network(noisy, t, given.labels, Grouping.whole(16))[0]
        with reading_blocked(network, config, looks.draws):
            found = network(noisy, t, given.labels, Grouping.whole(16))[0]
            double = network(*(torch.cat([part, part]) for part in (noisy, t, given.labels)), Grouping.whole(16))[0]
        assert_close(found, wanted, rtol=1e-11, atol=1e-12)
        assert_close(double, torch.cat([wanted, wanted]), rtol=1e-11, atol=1e-12)
        assert (found - free).abs().max() > 1e-3
        assert torch.equal(network(noisy, t, given.labels, Grouping.whole(16))[0], free), "and the hook is gone"


@pytest.mark.parametrize("change", [{}, DDPM], ids=["flow", "ddpm"])
def test_counterfactual_with_reading_on_is_the_evaluation(change: dict[str, Any], digits: DataSet, cache: Path) -> None:
    config = tiny(change)
    network = network_of(config)
    result = counterfactual(analysed(config, network, digits, cache))
    found = {array.name: array for array in result.arrays}
    assert result.details["evaluator"] == load_or_train_classifier(digits, 2, cache).name
    wanted = held_out_loss(network, digits.held_out, config.evaluation, process_of(config.process))
    assert found["held_out_loss"].at({"reading": "on"}) == wanted
    off = found["held_out_loss"].at({"reading": "off"})
    assert found["gain"].at({}) == pytest.approx((off - wanted) / wanted)
    assert found["held_out_loss_by_level"].values.mean(axis=1) == pytest.approx([wanted, off])
    assert abs(off - wanted) > 1e-4
    assert found["frechet_distance"].values[0] != found["frechet_distance"].values[1]


def test_a_deaf_network_is_the_same_with_reading_and_without(digits: DataSet, cache: Path) -> None:
    config = tiny()
    found = {array.name: array.values for array in counterfactual(analysed(config, deaf(network_of(config)), digits, cache)).arrays}
    for name in ("held_out_loss", "frechet_distance", "class_accuracy"):
        assert found[name][0] == pytest.approx(found[name][1], rel=1e-9)


def test_samples_that_are_not_finite_are_refused(digits: DataSet) -> None:
    config = tiny()
    network = network_of(config)
    network.final_layer.linear.bias.data.fill_(torch.inf)
    with pytest.raises(CheckpointError, match="not finite"):
        draw_samples(network, config, digits)


def test_no_samples_are_drawn_before_their_guidance_is_chosen(digits: DataSet) -> None:
    config = tiny(evaluation={"guidance": {"best_of": [1.0, 2.0], "seed": 7}})
    with pytest.raises(ConfigError, match=r"evaluation\.guidance\.best_of is \[1, 2\], and samples are drawn at one scale"):
        draw_samples(network_of(config), config, digits)


def test_blocked_samples_do_not_depend_on_their_number(digits: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block by block each sample keeps its noise and its partition."""
    config = tiny(evaluation={"samples": 11, "guidance": {"scale": 1.5}})
    network = network_of(config)
    whole = draw_samples(network, config, digits, blocked=True)
    for module in ("model.analyses.drawn_samples", "model.sampling.generate"):
        monkeypatch.setattr(f"{module}.BLOCK", 4)
    parts = draw_samples(network, config, digits, blocked=True)
    assert_close(parts.tokens, whole.tokens, rtol=1e-10, atol=1e-11)
    assert parts.labels.tolist() == [i % CLASSES for i in range(11)]
