"""The GELU that is made of torch's fast operations against torch's own."""

import pytest
import torch
import torch.nn.functional as F

from model.backbone import block
from model.backbone.block import TanhGelu, tanh_gelu


def pair(dtype: torch.dtype) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """Values and derivatives: ours in `dtype`, torch's in double precision."""
    x = torch.linspace(-9, 9, 3001, dtype=torch.float64)
    found = []
    for at, gelu in ((x.to(dtype), tanh_gelu), (x.to(dtype).double(), lambda x: F.gelu(x, approximate="tanh"))):
        at.requires_grad_()
        y = gelu(at)
        found.append((y.detach(), torch.autograd.grad(y.sum(), at)[0]))
    return found[0], found[1]


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-13), (torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_values_and_derivatives_are_those_of_torch(dtype: torch.dtype, error: float) -> None:
    for ours, wanted in zip(*pair(dtype), strict=True):
        torch.testing.assert_close(ours.double(), wanted, rtol=error, atol=error)


def test_it_keeps_nothing_where_no_gradient_is_asked_for() -> None:
    x = torch.randn(7, dtype=torch.float64)
    before = x.clone()
    with torch.no_grad():
        assert torch.allclose(TanhGelu.apply(x), F.gelu(x, approximate="tanh"), rtol=1e-12)
    assert torch.equal(x, before)
    assert not TanhGelu.apply(x).requires_grad


def test_half_precision_takes_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounded to eight bits between its operations, the formula would be a worse GELU."""
    monkeypatch.setattr(block, "TanhGelu", None)
    x = torch.randn(5, dtype=torch.bfloat16)
    assert torch.equal(tanh_gelu(x), F.gelu(x, approximate="tanh"))
