"""The distances of features by hand, where they bend, and the heads that stand before them."""

import pytest
import torch
from tiny_trials import tiny
from torch import Tensor, nn

from model.alignment.features import encoder_head, feature_distance, head_of
from model.errors import ConfigError

STUDENT = torch.tensor([[[0.02, -0.3], [1.0, 0.0]]], dtype=torch.float64)
TARGET = torch.tensor([[[0.0, 0.2], [1.05, 0.01]]], dtype=torch.float64)


def distance(loss: str, student: Tensor = STUDENT) -> Tensor:
    return feature_distance(tiny(alignment={"loss": loss}).alignment, student, TARGET)


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        ("l1", (0.02 + 0.5 + 0.05 + 0.01) / 4),
        ("l2", (0.0004 + 0.25 + 0.0025 + 0.0001) / 4),
        ("smooth_l1", (0.5 * 0.0004 / 0.05 + (0.5 - 0.025) + 0.025 + 0.5 * 0.0001 / 0.05) / 4),
    ],
)
def test_by_hand(loss: str, wanted: float) -> None:
    assert distance(loss).item() == pytest.approx(wanted, rel=1e-12)
    assert feature_distance(tiny(alignment={"loss": loss}).alignment, TARGET, TARGET).item() == 0


@pytest.mark.parametrize(
    ("loss", "slopes"),
    [
        ("l1", [1.0, -1.0, -1.0, -1.0]),
        ("l2", [0.04, -1.0, -0.1, -0.02]),
        ("smooth_l1", [0.4, -1.0, -1.0, -0.2]),  # d / beta below .05, the sign from there on
    ],
)
def test_slopes_by_hand(loss: str, slopes: list[float]) -> None:
    student = STUDENT.clone().requires_grad_()
    distance(loss, student).backward()
    assert student.grad is not None
    torch.testing.assert_close(student.grad.flatten() * 4, torch.tensor(slopes, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_the_axis_is_the_cosines_alone() -> None:
    for loss in ("l1", "l2", "smooth_l1"):
        one, other = (feature_distance(tiny(alignment={"loss": loss, "axis": a}).alignment, STUDENT, TARGET) for a in ("width", "tokens"))
        assert torch.equal(one, other)


def test_heads() -> None:
    external = encoder_head(6, 2048, 10, seed=0)
    assert [tuple(p.shape) for p in external.parameters()] == [(2048, 6), (2048,), (2048, 2048), (2048,), (10, 2048), (10,)]
    assert [type(part) for part in external] == [nn.Linear, nn.SiLU, nn.Linear, nn.SiLU, nn.Linear]
    again = encoder_head(6, 2048, 10, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(external.parameters(), again.parameters(), strict=True))
    assert all((p == 0).all() == name.endswith("bias") for name, p in external.named_parameters())


def test_without_a_head_features_are_compared_as_they_are() -> None:
    bare = tiny(alignment={"head": False}).alignment
    assert isinstance(head_of(bare, 16, 16, 0), nn.Identity)
    with pytest.raises(
        ConfigError, match=r"alignment\.head: false .* backbone\.width is 16 and the target's is 64; set alignment\.head: true"
    ):
        head_of(bare, 16, 64, 0)
