"""The one forward path against the dense reference: both losses, every gradient, every tap."""

from itertools import product
from typing import Any

import dense_reference
import pytest
import torch
from dense_reference import DenseBatch, DenseMethod
from tiny_trials import CELLS, CLASSES, TOKENS, Batch, batch_of, gradients, network_of, objective_of, tiny

from model.config import TrainConfig
from model.grouping import Grouping
from model.objective import Objective

LAYOUTS: dict[str, dict[str, Any]] = CELLS | {
    "single_full_free_teacher": {"attention": {"separation": "full"}},
    "dual_full_free_teacher": {"attention": {"separation": "full"}, "timesteps": {"kind": "dual"}},
    "three_groups": CELLS["dual_full"] | {"partition": {"ratio": (0.5, 0.3, 0.2)}},
}
TEACHERS: dict[str, dict[str, Any]] = {
    "interval": {"timesteps": "interval", "interval": {"width": 0.5}},
    "interval_per_group": {"timesteps": "interval", "interval": {"per": "group", "width": 0.5}},
    "interval_per_image": {"timesteps": "interval", "interval": {"per": "image", "width": 0.5}},
    "min": {"timesteps": "min"},
    "same": {"timesteps": "same"},
}
CASES = [
    case
    for case in product(LAYOUTS, TEACHERS, ("width", "tokens"), ("undropped", "dropped"))
    if not (case[1] == "min" and LAYOUTS[case[0]].get("alignment"))  # refused: min is one level under full attention
]


def cut_at(order: torch.Tensor, counts: tuple[int, ...]) -> torch.Tensor:
    """(N, T) part of every token, when the order is cut at the counts."""
    parts = torch.empty_like(order)
    for n in range(len(order)):
        for place in range(TOKENS):
            parts[n, order[n, place]] = sum(place >= sum(counts[: g + 1]) for g in range(len(counts)))
    return parts


def dense_batch(config: TrainConfig, batch: Batch) -> DenseBatch:
    """Every draw of the batch, laid out per token in image order."""
    draws, order = batch.draws, batch.draws.order
    if draws.groups is None:
        groups = cut_at(order, config.partition.counts(TOKENS))
        views = groups if draws.views is None else cut_at(draws.views, config.partition.counts(TOKENS))
    else:  # the sizes of each image are its own
        sizes = [tuple(int((row == g).sum()) for g in range(len(config.partition.shares))) for row in draws.groups]
        groups = torch.cat([cut_at(order[n : n + 1], size) for n, size in enumerate(sizes)])
        seen = order if draws.views is None else draws.views
        views = torch.cat([cut_at(seen[n : n + 1], size) for n, size in enumerate(sizes)])
    place = order.argsort(dim=1) if config.partitioned else torch.arange(TOKENS).expand(len(order), -1)

    def per_token(rows: torch.Tensor) -> torch.Tensor:
        if rows.shape[1] == 1:
            return rows.expand(-1, TOKENS)
        index = place if config.timesteps.kind == "per_token" else groups
        return torch.stack([rows[n, index[n]] for n in range(len(rows))])

    whole = torch.zeros(len(order), dtype=torch.bool) if draws.whole is None else draws.whole
    t, k = per_token(draws.t), per_token(draws.k)
    return DenseBatch(batch.data, draws.noise, t, k, groups, views, whole, batch.labels, draws.dropped, CLASSES)


def dense_method(config: TrainConfig) -> DenseMethod:
    aligned, teacher = config.alignment, config.alignment.teacher
    return DenseMethod(
        heads=config.backbone.heads,
        separation=config.attention.separation,
        teacher_separated=teacher.separated,
        teacher_timesteps=teacher.timesteps,
        teacher_sees_dropped=teacher.labels == "dropped",
        student_layer=aligned.student_layer,
        teacher_layer=teacher.layer,
        weight=aligned.weight,
        axis=aligned.axis,
        loss=aligned.loss,
        head=aligned.head,
        path=config.process.path if config.process.kind == "flow" else "ddpm",
        least_teacher_t={"zero": 0, "released": 1}[teacher.interval.clamp],
    )


def leaves(objective: Objective) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    return (
        {name: value.clone().requires_grad_() for name, value in objective.student.state_dict().items()},
        {name: value.clone().requires_grad_() for name, value in objective.head.state_dict().items()},
    )


@pytest.mark.parametrize(("layout", "teacher", "axis", "labels"), CASES)
def test_losses_and_gradients_are_those_of_the_dense_reference(layout: str, teacher: str, axis: str, labels: str) -> None:
    assert_agreement(tiny(LAYOUTS[layout], {"alignment": {"axis": axis, "teacher": TEACHERS[teacher] | {"labels": labels}}}))


@pytest.mark.parametrize("more", [{}, {"partition": {"full_image_probability": 0.34}}, {"attention": {"separation": "shuffled"}}])
@pytest.mark.parametrize("layout", ["single_full", "dual_full", "three_groups"])
def test_groups_as_slices(layout: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are from `SLICED_FROM` tokens on; the other tests here have fewer."""
    monkeypatch.setattr("model.noise.layout.SLICED_FROM", 0)
    assert_agreement(tiny(LAYOUTS[layout], more))


@pytest.mark.parametrize("head", [True, False], ids=["head", "no_head"])
@pytest.mark.parametrize("loss", ["cosine", "smooth_l1", "l1", "l2"])
@pytest.mark.parametrize("layout", ["single_none", "dual_full"])
def test_every_alignment_loss_with_and_without_a_head(layout: str, loss: str, head: bool) -> None:
    assert_agreement(tiny(LAYOUTS[layout], {"alignment": {"loss": loss, "head": head}}))


def assert_agreement(config: TrainConfig) -> None:
    """Both losses and every gradient, to 1e-9, on a batch as the config draws it."""
    objective, batch = objective_of(config), batch_of(config)
    assert batch.draws.dropped.any()
    assert not batch.draws.dropped.all()
    found = objective(batch.data, batch.labels, batch.draws)
    found.total.backward()

    student, head = leaves(objective)
    total, generation, alignment = dense_reference.losses(
        dense_method(config), student, head, objective.average.state_dict(), dense_batch(config, batch)
    )
    total.backward()
    assert found.alignment is not None
    for ours, dense in ((found.total, total), (found.generation, generation), (found.alignment, alignment)):
        assert ours.item() == pytest.approx(dense.item(), rel=1e-9)
    wanted = {f"student.{name}": p.grad for name, p in student.items()} | {f"head.{name}": p.grad for name, p in head.items()}
    measured = gradients(objective)
    assert measured.keys() == wanted.keys()
    for name, dense_gradient in wanted.items():
        assert dense_gradient is not None, name
        assert dense_gradient.abs().max() > 0, name
        torch.testing.assert_close(measured[name], dense_gradient, rtol=1e-9, atol=1e-11, msg=lambda text, name=name: f"{name}: {text}")
    assert all(p.grad is None for p in objective.average.parameters())


def test_without_alignment_the_generation_loss_is_all_there_is() -> None:
    config = tiny(CELLS["dual_none"], alignment={"kind": "none"})
    objective, batch = objective_of(config), batch_of(config)
    found = objective(batch.data, batch.labels, batch.draws)
    assert found.alignment is None
    assert found.total is found.generation
    student, head = leaves(objective)
    dense = dense_reference.losses(dense_method(config), student, head, objective.average.state_dict(), dense_batch(config, batch))
    assert found.total.item() == pytest.approx(dense[1].item(), rel=1e-9)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_the_truncated_pass_is_the_tap_of_the_full_pass(after: int) -> None:
    config = tiny()
    network, batch = network_of(config), batch_of(config)
    grouping = Grouping.whole(TOKENS)
    with torch.no_grad():
        velocity, tapped = network(batch.data, batch.draws.t, batch.labels, grouping, features_after=after)
        features = network.features(batch.data, batch.draws.t, batch.labels, grouping, after=after)
        everyone = torch.ones(len(batch.data), TOKENS, TOKENS, dtype=torch.bool)
        t = batch.draws.t.expand(-1, TOKENS)
        dense, taps = dense_reference.forward(network.state_dict(), config.backbone.heads, batch.data, t, batch.labels, everyone)
    assert tapped is not None
    assert torch.equal(features, tapped)
    torch.testing.assert_close(features, taps[after - 1], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(velocity, dense, rtol=1e-10, atol=1e-10)


def test_blocks_after_the_teachers_layer_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(alignment={"teacher": {"layer": 2}})
    objective, batch = objective_of(config), batch_of(config)

    def never(*_: object) -> None:
        raise AssertionError("the teacher ran past its layer")

    monkeypatch.setattr(objective.average.blocks[2], "forward", never)
    monkeypatch.setattr(objective.average.final_layer, "forward", never)
    objective(batch.data, batch.labels, batch.draws)
