"""Settings that must mean the same: equal noise levels, one group, decay 0, tokens in another order."""

from dataclasses import replace
from typing import Any

import dense_reference
import pytest
import torch
from test_model_dense_agreement import LAYOUTS, dense_batch, dense_method
from tiny_trials import CELLS, TOKENS, Batch, batch_of, gradients, objective_of, tiny
from torch import Tensor

from model.alignment.teacher import update_moving_average
from model.config import TrainConfig
from model.data.dataset import DataSet
from model.noise.layout import grouping_of
from model.step_noise import StepNoise
from model.training.state import initial_state
from model.training.step import train_step


def outcome(config: TrainConfig, batch: Batch, draws: StepNoise | None = None) -> dict[str, Tensor]:
    """Losses and gradients of fresh networks."""
    objective = objective_of(config)
    found = objective(batch.data, batch.labels, draws or batch.draws)
    found.total.backward()
    assert found.alignment is not None
    return gradients(objective) | {"total": found.total, "generation": found.generation, "alignment": found.alignment}


def assert_alike(a: dict[str, Tensor], b: dict[str, Tensor], tolerance: float = 1e-10) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        torch.testing.assert_close(value, b[name], rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("axis", ["width", "tokens"])
@pytest.mark.parametrize("separation", ["none", "full"])
@pytest.mark.parametrize("teacher", ["interval", "min", "same"])
def test_dual_with_equal_times_is_single(teacher: str, separation: str, axis: str) -> None:
    changes = {"attention": {"separation": separation}, "alignment": {"axis": axis, "teacher": {"timesteps": teacher}}}
    single, dual = tiny(changes), tiny(changes, timesteps={"kind": "dual"})
    batch = batch_of(single)
    assert batch.draws.t.shape == (len(batch.data), 1)
    twice = replace(batch.draws, t=batch.draws.t.expand(-1, 2), k=batch.draws.k.expand(-1, 2))
    assert_alike(outcome(single, batch), outcome(dual, batch, twice))


def test_outputs_of_dual_with_equal_times_are_those_of_single() -> None:
    config = tiny(CELLS["dual_full"])
    network, batch = objective_of(config).student, batch_of(config)
    grouping = grouping_of(batch.draws.order, config.partition.counts(TOKENS), separated=False)
    one = batch.draws.t[:, :1]
    with torch.no_grad():
        twice, _ = network(grouping.sort(batch.data), one.expand(-1, 2), batch.labels, grouping)
        once, _ = network(grouping.sort(batch.data), one, batch.labels, grouping)
    torch.testing.assert_close(twice, once, rtol=1e-10, atol=1e-10)


def test_without_separation_and_grouped_times_the_partition_plays_no_part() -> None:
    quarter, undivided, thirds = (tiny(partition={"ratio": ratio}) for ratio in (0.25, (1.0,), (1.0, 1.0, 1.0)))
    batch = batch_of(quarter)
    alone = outcome(undivided, batch_of(undivided))
    for config in (quarter, thirds):
        for name, value in outcome(config, batch_of(config)).items():
            assert torch.equal(value, alone[name]), name
    moved = replace(batch.draws, order=batch.draws.order.flip(1))
    for name, value in outcome(quarter, batch, moved).items():
        assert torch.equal(value, alone[name]), name


def test_one_group_is_no_partition_where_every_group_has_its_own_interval() -> None:
    per_group = {"alignment": {"teacher": {"interval": {"per": "group"}}}}
    one, plain = tiny(per_group, partition={"ratio": (1.0,)}), tiny(partition={"ratio": (1.0,)})
    assert_alike(outcome(one, batch_of(one)), outcome(plain, batch_of(plain)))


@pytest.mark.parametrize("axis", ["width", "tokens"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_order_within_a_group_is_free(layout: str, axis: str) -> None:
    config = tiny(LAYOUTS[layout], alignment={"axis": axis})
    batch = batch_of(config)
    generator = torch.Generator().manual_seed(1)
    parts = [
        part[:, torch.randperm(part.shape[1], generator=generator)] for part in batch.draws.order.split(config.partition.counts(TOKENS), 1)
    ]
    shuffled = torch.cat(parts, dim=1)
    assert not torch.equal(shuffled, batch.draws.order)
    assert_alike(outcome(config, batch), outcome(config, batch, replace(batch.draws, order=shuffled)))


@pytest.mark.parametrize("cell", ["single_full", "dual_none", "dual_full"])
def test_the_partition_matters_across_groups(cell: str) -> None:
    config = tiny(CELLS[cell])
    batch = batch_of(config)
    moved = replace(batch.draws, order=batch.draws.order.flip(1))
    assert abs(outcome(config, batch)["total"] - outcome(config, batch, moved)["total"]) > 1e-6


def test_groups_may_trade_names_with_their_times() -> None:
    config = tiny(CELLS["dual_full"], partition={"ratio": 0.5})
    batch = batch_of(config)
    traded = replace(batch.draws, t=batch.draws.t.flip(1), k=batch.draws.k.flip(1), order=batch.draws.order.roll(TOKENS // 2, dims=1))
    assert_alike(outcome(config, batch), outcome(config, batch, traded))


SEPARATED = {"alignment": {"teacher": {"separated": True}}}


@pytest.mark.parametrize("kind", ["single", "dual", "per_token"])
@pytest.mark.parametrize("separation", ["none", "full", "noisy_reads_clean", "clean_reads_noisy", "shuffled"])
@pytest.mark.parametrize("assignment", ["random", "bernoulli"])
def test_whole_images_alone_are_single_without_separation(assignment: str, separation: str, kind: str) -> None:
    """The very draws of `single`: no t or k is given from outside."""
    if separation.endswith(("clean", "noisy")) and kind != "dual":
        return
    plain = tiny()
    config = tiny(
        SEPARATED if separation != "none" else {},
        timesteps={"kind": kind},
        attention={"separation": separation},
        partition={"full_image_probability": 1.0, "assignment": assignment},
    )
    assert_alike(outcome(plain, batch_of(plain)), outcome(config, batch_of(config)))
    assert config.equivalent() == plain.equivalent()


@pytest.mark.parametrize("separation", ["none", "full", "shuffled"])
@pytest.mark.parametrize("teacher", ["interval", "same"])
def test_per_token_with_equal_times_is_single(teacher: str, separation: str) -> None:
    changes: dict[str, Any] = {"attention": {"separation": separation}, "alignment": {"teacher": {"timesteps": teacher}}}
    single, each = tiny(changes), tiny(changes, timesteps={"kind": "per_token"})
    batch = batch_of(single)
    spread = replace(batch.draws, t=batch.draws.t.expand(-1, TOKENS))
    assert_alike(outcome(single, batch), outcome(each, batch, spread))
    assert abs(outcome(single, batch)["total"] - outcome(each, batch_of(each))["total"]) > 1e-6


@pytest.mark.parametrize("cell", ["single_full", "dual_full"])
def test_shuffled_with_the_view_of_the_groups_is_full(cell: str) -> None:
    full, shuffled = tiny(CELLS[cell]), tiny(CELLS[cell], attention={"separation": "shuffled"})
    batch = batch_of(full)
    assert_alike(outcome(full, batch), outcome(shuffled, batch, replace(batch.draws, views=batch.draws.order)))
    assert abs(outcome(full, batch)["total"] - outcome(shuffled, batch_of(shuffled))["total"]) > 1e-6


def test_single_shuffled_is_single_full_with_the_view_for_a_partition() -> None:
    full, shuffled = tiny(CELLS["single_full"]), tiny(CELLS["single_full"], attention={"separation": "shuffled"})
    batch = batch_of(shuffled)
    assert batch.draws.views is not None
    assert_alike(outcome(shuffled, batch), outcome(full, batch, replace(batch.draws, order=batch.draws.views, views=None)))


@pytest.mark.parametrize("mode", ["noisy_reads_clean", "clean_reads_noisy"])
def test_one_way_with_equal_times_is_full(mode: str) -> None:
    full, one_way = tiny(CELLS["dual_full"]), tiny(CELLS["dual_full"], attention={"separation": mode})
    batch = batch_of(full)
    equal = replace(batch.draws, t=batch.draws.t[:, :1].expand(-1, 2))
    assert_alike(outcome(full, batch, equal), outcome(one_way, batch, equal))


def test_bernoulli_with_the_exact_sizes_is_the_exact_partition() -> None:
    for cell in ("single_full", "dual_none", "dual_full"):
        exact, varying = tiny(CELLS[cell]), tiny(CELLS[cell], partition={"assignment": "bernoulli"})
        batch = batch_of(exact)
        sizes = torch.tensor(exact.partition.counts(TOKENS))
        groups = torch.arange(2).repeat_interleave(sizes).expand(len(batch.data), -1)
        assert_alike(outcome(exact, batch), outcome(varying, batch, replace(batch.draws, groups=groups)))


def test_the_two_directions_differ() -> None:
    both = [tiny(CELLS["dual_full"], attention={"separation": mode}) for mode in ("noisy_reads_clean", "clean_reads_noisy")]
    batch = batch_of(both[0])
    found = [outcome(config, batch)["total"] for config in both]
    assert abs(found[0] - found[1]) > 1e-6


def test_tokens_in_any_order_with_their_positions_give_the_same_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model in an order of its own against the reference whose tokens, groups and positions were all renamed."""
    config = tiny(CELLS["dual_full"])
    objective, batch = objective_of(config), batch_of(config)
    found = objective(batch.data, batch.labels, batch.draws)
    renamed = torch.randperm(TOKENS, generator=torch.Generator().manual_seed(8))
    table = dense_reference.position_table(TOKENS, config.backbone.width)[renamed]
    monkeypatch.setattr(dense_reference, "position_table", lambda *_: table)
    weights = (objective.student.state_dict(), objective.head.state_dict(), objective.average.state_dict())
    dense = dense_reference.losses(dense_method(config), *weights, dense_batch(config, batch).permuted(renamed))
    assert found.total.item() == pytest.approx(dense[0].item(), rel=1e-10)
    monkeypatch.setattr(dense_reference, "position_table", lambda *_: table.flip(0))
    lost = dense_reference.losses(dense_method(config), *weights, dense_batch(config, batch).permuted(renamed))
    assert abs(lost[0].item() - found.total.item()) > 1e-6


def test_images_do_not_see_each_other() -> None:
    config = tiny(CELLS["dual_full"])
    batch = batch_of(config)
    back = torch.arange(len(batch.data)).flip(0)
    fields: dict[str, Any] = {name: getattr(batch.draws, name)[back] for name in ("noise", "t", "k", "order", "dropped")}
    assert_alike(outcome(config, batch), outcome(config, Batch(batch.data[back], batch.labels[back], StepNoise(**fields))))


def test_decay_zero_is_the_student_after_the_step(digits: DataSet) -> None:
    config = tiny(ema_decay=0.0)
    state = initial_state(config, digits, torch.device("cpu"), torch.float64)
    before = [p.clone() for p in state.objective.student.parameters()]
    train_step(config, state, digits.train, "float64")
    pairs = list(zip(state.objective.average.parameters(), state.objective.student.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert any(not torch.equal(a, b) for a, b in zip(before, state.objective.student.parameters(), strict=True))


def test_the_average_moves_by_one_minus_decay() -> None:
    average, student = torch.nn.Linear(2, 2).double(), torch.nn.Linear(2, 2).double()
    wanted = [0.9 * a + 0.1 * s for a, s in zip(average.parameters(), student.parameters(), strict=True)]
    update_moving_average(average, student, 0.9)
    for moved, value in zip(average.parameters(), wanted, strict=True):
        torch.testing.assert_close(moved, value, rtol=1e-12, atol=1e-12)


def test_the_average_starts_as_the_student_and_is_updated_after_the_optimizer(digits: DataSet) -> None:
    config = tiny(ema_decay=0.75)
    state = initial_state(config, digits, torch.device("cpu"), torch.float64)
    start = [p.clone() for p in state.objective.student.parameters()]
    assert all(torch.equal(a, s) for a, s in zip(state.objective.average.parameters(), start, strict=True))
    train_step(config, state, digits.train, "float64")
    for a, s, before in zip(state.objective.average.parameters(), state.objective.student.parameters(), start, strict=True):
        torch.testing.assert_close(a, 0.75 * before + 0.25 * s, rtol=1e-10, atol=1e-12)
