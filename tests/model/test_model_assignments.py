"""What each assignment puts first, the independent one's sizes, whole images' levels, views, and a class of the user's."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from tiny_trials import tiny
from torch import Tensor
from trial_reports import run

from model.config.noise import PartitionConfig
from model.errors import ConfigError
from model.noise.assignments import ASSIGNMENTS, assignment_named
from model.noise.partition import draw_partition, draw_views
from model.randomness import BatchStreams
from model.step_noise import draw

IMAGES, SIDE, TOKENS = 3000, 4, 16


def orders(name: str, counts: tuple[int, ...], seed: int = 0, purpose: str = "partition") -> Tensor:
    return assignment_named(name).order(counts, BatchStreams(seed, 0, IMAGES), purpose)


def first_group(order: Tensor, count: int) -> Tensor:
    """(N, S, S) bool."""
    side = int(order.shape[1] ** 0.5)
    return torch.zeros(order.shape, dtype=torch.bool).scatter(1, order[:, :count], True).view(-1, side, side)


def test_the_config_and_the_noise_room_know_the_same_assignments() -> None:
    for name in ASSIGNMENTS:
        assert PartitionConfig(assignment=name).exact
    assert not PartitionConfig(assignment="bernoulli").exact


@pytest.mark.parametrize("counts", [(4, 12), (5, 11), (8, 5, 3), (16,), (1, 15), (15, 1), (12, 13), (1,)])
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_an_order_is_a_permutation_of_every_image_with_exact_counts(name: str, counts: tuple[int, ...]) -> None:
    order = orders(name, counts)
    tokens = sum(counts)
    assert (order.dtype, order.shape) == (torch.int64, (IMAGES, tokens))
    assert torch.equal(order.sort(dim=1).values, torch.arange(tokens).expand(IMAGES, -1))
    assert torch.equal(orders(name, counts), order)
    if len(counts) > 1 and (name, counts) != ("block", (15, 1)):  # that rectangle has one place to stand
        assert not torch.equal(orders(name, counts, seed=1), order)
        assert not torch.equal(orders(name, counts, purpose="views"), order)


@pytest.mark.parametrize(("count", "width", "height"), [(4, 2, 2), (5, 3, 2), (6, 3, 2), (1, 1, 1), (12, 4, 3), (3, 2, 2)])
def test_a_block_is_a_rectangle_with_a_partial_last_row_at_a_uniform_anchor(count: int, width: int, height: int) -> None:
    chosen = first_group(orders("block", (count, TOKENS - count)), count)
    anchors = np.zeros((SIDE - height + 1, SIDE - width + 1))
    for image in chosen:
        rows, columns = image.any(dim=1).nonzero().flatten(), image.any(dim=0).nonzero().flatten()
        top, left = int(rows[0]), int(columns[0])
        cells = [(i // width, i % width) for i in range(count)]
        assert {(top + r, left + c) for r, c in cells} == {(int(r), int(c)) for r, c in image.nonzero()}
        anchors[top, left] += 1
    if anchors.size > 1:
        assert stats.chisquare(anchors.reshape(-1)).pvalue > 0.01


@pytest.mark.parametrize("count", [3, 8])
def test_a_checkerboard_fills_one_colour_first(count: int) -> None:
    chosen = first_group(orders("checkerboard", (count, TOKENS - count)), count)
    colour = torch.arange(SIDE)[:, None].add(torch.arange(SIDE)) % 2
    black = (chosen & (colour == 1)).sum(dim=(1, 2))
    assert set(black.tolist()) == {0, count}
    assert stats.binomtest(int((black > 0).sum()), IMAGES).pvalue > 0.01
    often = chosen.double().mean(dim=0)
    assert (abs(often - count / TOKENS) < 4.5 * (count / TOKENS / IMAGES) ** 0.5).all()


def test_rows_start_at_a_random_row_and_go_around() -> None:
    order = orders("rows", (6, 10))
    assert (order[:, 0] % SIDE == 0).all()
    assert torch.equal(order, (order[:, :1] + torch.arange(TOKENS)) % TOKENS)
    assert stats.chisquare(order[:, 0].bincount(minlength=TOKENS)[::SIDE]).pvalue > 0.01


@pytest.mark.parametrize("shares", [(0.25, 0.75), (0.5, 0.3, 0.2), (0.05, 0.95)])
def test_bernoulli_draws_every_tokens_group_by_itself(shares: tuple[float, ...]) -> None:
    config = PartitionConfig(ratio=shares, assignment="bernoulli")
    drawn = draw_partition(config, TOKENS, BatchStreams(0, 0, IMAGES), partitioned=True)
    assert drawn.groups is not None
    assert (drawn.groups.diff(dim=1) >= 0).all(), "tokens of a group stand together"
    of_token = torch.empty_like(drawn.groups).scatter(1, drawn.order, drawn.groups)
    for group, share in enumerate(shares):
        sizes = (of_token == group).sum(dim=1).numpy()
        law = stats.binom(TOKENS, share)
        edges = np.arange(TOKENS + 1)
        often = np.bincount(sizes, minlength=TOKENS + 1)
        likely = law.pmf(edges) * IMAGES > 5
        observed = np.append(often[likely], often[~likely].sum())
        expected = np.append(law.pmf(edges[likely]), law.pmf(edges[~likely]).sum()) * IMAGES
        assert stats.chisquare(observed, expected).pvalue > 0.01
        assert (abs((of_token == group).double().mean(dim=0) - share) < 4.5 * (share * (1 - share) / IMAGES) ** 0.5).all()
    if shares[0] == 0.05:
        assert ((of_token == 0).sum(dim=1) == 0).any(), "group 0 may be empty"


@pytest.mark.parametrize("name", ["random", "bernoulli"])
def test_a_view_is_independent_of_the_noise_groups(name: str) -> None:
    config, streams = PartitionConfig(ratio=0.25, assignment=name), BatchStreams(0, 0, IMAGES)
    groups = first_group(draw_partition(config, TOKENS, streams, partitioned=True).order, 4).flatten(1)
    views = first_group(draw_views(config, TOKENS, streams), 4).flatten(1)
    shared = (groups & views).sum(dim=1)
    assert (views.sum(dim=1) == 4).all()
    often, law = np.bincount(shared.numpy(), minlength=5), stats.hypergeom(TOKENS, 4, 4).pmf(range(5)) * IMAGES
    assert stats.chisquare([*often[:3], often[3:].sum()], [*law[:3], law[3:].sum()]).pvalue > 0.01


def test_a_whole_image_has_one_noise_level_and_one_interval_and_the_others_keep_theirs() -> None:
    plain, mixed = (
        draw(tiny(timesteps={"kind": "dual"}, partition={"full_image_probability": p}), BatchStreams(0, 0, 6), 16, 4) for p in (0.0, 0.34)
    )
    assert mixed.whole is not None
    for name in ("t", "k"):
        before, after = getattr(plain, name), getattr(mixed, name)
        assert torch.equal(after[~mixed.whole], before[~mixed.whole])
        assert torch.equal(after[mixed.whole], before[mixed.whole][:, :1].expand(-1, 2))
    assert torch.equal(plain.noise, mixed.noise)
    assert torch.equal(plain.order, mixed.order)


OWN = """
import torch
from model.noise.assignments import Assignment

class Raster(Assignment):
    def order(self, counts, streams, purpose):
        return torch.arange(sum(counts)).expand(streams.size, -1)

class Twice(Assignment):
    def order(self, counts, streams, purpose):
        return torch.zeros(streams.size, sum(counts), dtype=torch.int64)

class Stranger:
    pass
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_orders", raising=False)
    (tmp_path / "own_orders.py").write_text(OWN)
    return tmp_path / "own_orders.py"


def test_a_class_of_the_users_and_its_source_names_the_trial(own_module: Path) -> None:
    config = tiny(partition={"assignment": "own_orders.Raster"}, attention={"separation": "full"})
    assert config.fit(8) == TOKENS
    drawn = draw(config, BatchStreams(0, 0, 6), TOKENS, 4)
    assert torch.equal(drawn.order, torch.arange(TOKENS).expand(6, -1))
    before = config.training_identity(content_hash="", precision="fp32")
    assert len(before["partition"]["assignment_source"]) == 64
    own_module.write_text(OWN + "# changed\n")
    after = config.training_identity(content_hash="", precision="fp32")
    assert before["partition"]["assignment_source"] != after["partition"]["assignment_source"]
    assert "assignment_source" not in tiny().training_identity(content_hash="", precision="fp32")["partition"]


@pytest.mark.usefixtures("classifier")
@pytest.mark.parametrize("changes", [{"attention": {"separation": "full"}}, {"timesteps": {"kind": "dual"}}])
def test_a_trial_with_a_class_of_the_users_trains_and_resumes_while_its_source_stays(
    changes: dict[str, Any], own_module: Path, tmp_path: Path, cache: Path
) -> None:
    config = tiny(changes, partition={"assignment": "own_orders.Raster"}, precision="fp32")
    whole = run(config, tmp_path / "whole", cache)
    assert (whole.result.step, whole.result.stopped) == (6, False)
    stopped = run(config, tmp_path / "attempt-1", cache, stop=lambda report: report.kind == "checkpoint" and report.step == 4)
    assert stopped.result.stopped
    resumed = run(config, tmp_path / "attempt-2", cache, resume_from=[stopped.folder])
    assert resumed.started().step == 4
    ours, theirs = (told.tensors("checkpoint-00000006.safetensors") for told in (resumed, whole))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    random = run(tiny(changes, precision="fp32"), tmp_path / "random", cache)
    assert random.of("points") != whole.of("points"), "its order is the one that trains"
    own_module.write_text(OWN + "# changed\n")
    anew = run(config, tmp_path / "attempt-3", cache, resume_from=[stopped.folder])
    assert anew.started().step == 0
    assert [text.rpartition("/")[2] for text in anew.started().details["checkpoints_passed_over"]] == [
        f"checkpoint-0000000{step}.safetensors belongs to another trial" for step in (4, 2)
    ]


@pytest.mark.usefixtures("own_module")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_orders.Twice", "no permutation of 16 tokens in each of 6 images; return int64"),
        ("own_orders.Stranger", "is no subclass of model.noise.assignments.Assignment; make it one"),
        ("own_orders.Missing", "has no attribute 'Missing'; check the name, and that this machine sees the folder of own_orders"),
    ],
)
def test_a_class_that_is_no_assignment_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        draw(tiny(partition={"assignment": name}), BatchStreams(0, 0, 6), TOKENS, 4)


@pytest.mark.parametrize("name", ["no_such_module.Order", "no_such_package.module.Order"])
def test_a_module_that_is_not_there_is_refused_before_training(name: str) -> None:
    config = tiny(partition={"assignment": name}, attention={"separation": "full"})
    places = "beside the sweep file, in the current folder or on PYTHONPATH"
    with pytest.raises(ConfigError, match=rf"partition\.assignment {name}: .*; put no_such_\w+ {places}, or use one of"):
        config.fit(8)
