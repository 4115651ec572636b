"""Who can learn from whom: derivatives across the groups of the partition."""

import pytest
import torch
from tiny_trials import CELLS, CLASSES, PATCH_VALUES, TOKENS, batch_of, network_of, objective_of, tiny
from torch import Tensor

from model.alignment.features import cosine_distance
from model.config.alignment import Separation
from model.grouping import Grouping
from model.noise import layout
from model.noise.layout import Cells, grouping_of, segments
from model.objective import groupings

COUNTS = (5, 11)


def jacobian_norms(*, separated: bool, features: bool) -> Tensor:
    """(T, T): size of d out_i / d x_j of one image, in group order."""
    network = network_of(tiny())
    order = torch.randperm(TOKENS, generator=torch.Generator().manual_seed(1))[None]
    grouping = grouping_of(order, COUNTS, separated=separated)
    t = torch.tensor([[0.3, 0.8]], dtype=torch.float64)
    x = torch.randn(1, TOKENS, PATCH_VALUES, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def out(x: Tensor) -> Tensor:
        velocity, tapped = network(x, t, torch.tensor([CLASSES]), grouping, features_after=2)
        assert tapped is not None
        return tapped[0] if features else velocity[0]

    jacobian = torch.autograd.functional.jacobian(out, x)
    assert isinstance(jacobian, Tensor)
    return jacobian.squeeze(2).abs().amax(dim=(1, 3))


@pytest.mark.parametrize("features", [False, True])
def test_separated_groups_do_not_read_each_other(features: bool) -> None:
    norms = jacobian_norms(separated=True, features=features)
    a, b = slice(0, COUNTS[0]), slice(COUNTS[0], TOKENS)
    assert (norms[a, b] == 0).all()
    assert (norms[b, a] == 0).all()
    assert (norms[a, a] > 1e-8).all()
    assert (norms[b, b] > 1e-8).all()


def test_without_separation_every_token_reads_every_other() -> None:
    assert (jacobian_norms(separated=False, features=False) > 1e-8).all()


@pytest.mark.parametrize("mode", ["noisy_reads_clean", "clean_reads_noisy"])
@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize("t", [(0.3, 0.8), (0.8, 0.3), (0.5, 0.5)])
def test_one_way_modes_read_in_the_allowed_direction_alone(t: tuple[float, float], varying: bool, mode: Separation) -> None:
    network = network_of(tiny())
    levels = torch.tensor([t], dtype=torch.float64)
    a, b = slice(0, COUNTS[0]), slice(COUNTS[0], TOKENS)
    index = torch.tensor([[0] * COUNTS[0] + [1] * COUNTS[1]])
    order = torch.randperm(TOKENS, generator=torch.Generator().manual_seed(1))[None]
    cells = Cells(COUNTS, index if varying else None)
    grouping = Grouping(order, COUNTS, segments(cells, mode, whole=0, t=levels), index if varying else None)
    x = torch.randn(1, TOKENS, PATCH_VALUES, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x, levels, torch.tensor([CLASSES]), grouping)[0][0], x)
    norms = jacobian.squeeze(2).abs().amax(dim=(1, 3))
    assert (norms[a, a] > 1e-8).all()
    assert (norms[b, b] > 1e-8).all()
    first_reads = t[1] < t[0] if mode == "noisy_reads_clean" else t[1] > t[0]
    second_reads = t[0] < t[1] if mode == "noisy_reads_clean" else t[0] > t[1]
    assert (norms[a, b] > 1e-8).all() if first_reads else (norms[a, b] == 0).all()
    assert (norms[b, a] > 1e-8).all() if second_reads else (norms[b, a] == 0).all()


def test_three_groups_read_all_that_is_cleaner() -> None:
    t = torch.tensor([[0.5, 0.9, 0.1], [0.2, 0.2, 0.7]])
    order = torch.arange(TOKENS).expand(2, -1)
    found = segments(Cells((4, 6, 6), None), "noisy_reads_clean", whole=0, t=t)
    reads = [[[bool(s.mask[n, 0, 0, place]) for place in (0, 4, 10)] for s in found if s.mask is not None] for n in range(len(order))]
    assert reads == [
        [[True, False, True], [True, True, True], [False, False, True]],
        [[True, False, False], [False, True, False], [True, True, True]],
    ]


@pytest.mark.parametrize("separation", ["full", "noisy_reads_clean", "clean_reads_noisy", "shuffled"])
@pytest.mark.parametrize("assignment", ["random", "bernoulli"])
def test_whole_images_stand_first_and_read_everything(assignment: str, separation: Separation) -> None:
    config = tiny(
        CELLS["dual_none"],
        partition={"full_image_probability": 0.34, "assignment": assignment},
        attention={"separation": separation},
        alignment={"teacher": {"separated": True}},
    )
    for grouping in groupings(config, batch_of(config).draws, TOKENS):
        first, *others = grouping.segments
        assert (first.images, first.queries, first.keys, first.mask) == (slice(0, 2), slice(None), slice(None), None)
        assert {segment.images.start for segment in others} == {2}


@pytest.fixture
def sliced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices however few tokens there are."""
    monkeypatch.setattr(layout, "SLICED_FROM", 0)


def test_few_tokens_are_read_in_one_masked_call() -> None:
    for grouping in groupings(tiny(CELLS["dual_full"]), batch_of(tiny(CELLS["dual_full"])).draws, TOKENS):
        (segment,) = grouping.segments
        assert segment.mask is not None
        assert segment.mask.shape == (1, 1, TOKENS, TOKENS)


@pytest.mark.usefixtures("sliced")
def test_static_slices_stay_where_counts_are_constant() -> None:
    """No mask and no index of rows: separation by constant groups costs no more than it did."""
    for changes in (
        CELLS["dual_full"],
        CELLS["single_full"],
        CELLS["dual_none"],
        {"partition": {"assignment": "block"}} | CELLS["dual_full"],
    ):
        config = tiny(changes)
        for grouping in groupings(config, batch_of(config).draws, TOKENS):
            assert grouping.rows is None
            assert all(segment.mask is None for segment in grouping.segments)


@pytest.mark.parametrize("axis", ["width", "tokens"])
def test_only_the_token_axis_of_the_alignment_loss_couples_separated_groups(axis: str) -> None:
    """Does the gradient that the alignment loss sends to a token depend on the features of another group?"""
    config = tiny(CELLS["dual_full"], alignment={"axis": axis})
    objective, batch = objective_of(config), batch_of(config)
    student, _ = groupings(config, batch.draws, TOKENS)
    first = config.partition.counts(TOKENS)[0]
    target = torch.randn(config.batch_size, TOKENS, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(4))

    def gradient_on_group_0(disturbed: float) -> Tensor:
        x = student.sort(batch.data).clone()
        x[:, first:] += disturbed
        x.requires_grad_()
        tapped = objective.student(x, batch.draws.t, batch.labels, student, features_after=1)[1]
        assert tapped is not None
        assert config.alignment.axis in ("width", "tokens")
        cosine_distance(objective.head(tapped), target, config.alignment.axis).backward()
        assert x.grad is not None
        return x.grad[:, :first]

    change = (gradient_on_group_0(0.0) - gradient_on_group_0(0.5)).abs().max()
    assert change == 0 if axis == "width" else change > 1e-6


@pytest.mark.usefixtures("sliced")
def test_the_teacher_is_separated_only_where_the_config_says_so() -> None:
    batch = batch_of(tiny(CELLS["dual_full"]))
    both = groupings(tiny(CELLS["dual_full"]), batch.draws, TOKENS)
    assert [len(grouping.segments) for grouping in both] == [2, 2]
    mixed = groupings(tiny(CELLS["dual_full"], alignment={"teacher": {"separated": False}}), batch.draws, TOKENS)
    assert [len(grouping.segments) for grouping in mixed] == [2, 1]
    assert mixed[0].order is mixed[1].order


def test_cosine_distance_by_hand() -> None:
    a = torch.tensor([[[3.0, 4.0], [1.0, 0.0]]], dtype=torch.float64)
    b = torch.tensor([[[4.0, 3.0], [0.0, 2.0]]], dtype=torch.float64)
    assert cosine_distance(a, b, "width").item() == pytest.approx(1 - (24 / 25 + 0) / 2, rel=1e-12)
    channels = (12 / (10**0.5 * 4), 12 / (4 * 13**0.5))
    assert cosine_distance(a, b, "tokens").item() == pytest.approx(1 - sum(channels) / 2, rel=1e-12)
