"""The distances of features by hand, where they bend, and the heads that stand before them."""

from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from tiny_trials import tiny
from torch import Tensor, nn

from model.alignment.features import cosine_distance, encoder_head, feature_distance, head_of
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


@pytest.mark.parametrize("axis", ["width", "tokens"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_cosine_is_torchs(axis: Literal["width", "tokens"], dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(2)
    student, target = (torch.randn(3, 8, 5, dtype=torch.float64, generator=generator).to(dtype) for _ in range(2))
    wide = student.double().requires_grad_()
    wanted = 1 - F.cosine_similarity(wide, target.double(), dim=-1 if axis == "width" else 1).mean()
    student.requires_grad_()
    found = cosine_distance(student, target, axis)
    assert found.dtype == (torch.float32 if dtype == torch.bfloat16 else dtype)
    error = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 1e-2}[dtype]  # a gradient is rounded to the type of its leaf
    torch.testing.assert_close(found.double(), wanted, rtol=min(error, 1e-5), atol=min(error, 1e-5))
    (slope,), (known,) = torch.autograd.grad(found, student), torch.autograd.grad(wanted, wide)
    torch.testing.assert_close(slope.double(), known, rtol=error, atol=error * known.abs().max().item())


def test_a_vector_without_length_has_a_cosine_and_a_derivative_of_zero() -> None:
    student, target = torch.zeros(1, 2, 3, requires_grad=True), torch.ones(1, 2, 3)
    found = cosine_distance(student, target, "width")
    (slope,) = torch.autograd.grad(found, student)
    assert found.item() == 1
    assert slope.isfinite().all()


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
