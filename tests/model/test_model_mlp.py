"""The MLP that keeps little on a CPU against its two linears and torch's GELU."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.backbone import mlp
from model.backbone.mlp import CHUNK, LeanMlp, Mlp


def seeded(width: int, dtype: torch.dtype) -> Mlp:
    module = Mlp(width).to(dtype)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, dtype=torch.float64, generator=generator))
    return module


def plain(module: Mlp, x: Tensor) -> Tensor:
    return module.fc2(F.gelu(module.fc1(x), approximate="tanh"))


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
@pytest.mark.parametrize("tokens", [3, CHUNK // 8 // 4 + 5], ids=["one chunk", "a chunk and a rest"])
def test_values_and_derivatives_are_those_of_two_linears(dtype: torch.dtype, error: float, tokens: int) -> None:
    module = seeded(8, dtype)
    shape = (2, tokens, 8)
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4)).to(dtype).requires_grad_()
    upstream = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5)).to(dtype)
    found = []
    for call in (module, lambda x: plain(module, x)):
        y = call(x)
        found.append((y.detach(), *torch.autograd.grad((y * upstream).sum(), (x, *module.parameters()))))
    for ours, wanted in zip(*found, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=error, atol=error * wanted.abs().max().item())


def test_derivatives_are_those_of_differences() -> None:
    module, x = seeded(2, torch.float64), torch.linspace(-2, 2, 12, dtype=torch.float64).view(2, 3, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda *given: LeanMlp.apply(*given, True), (x, *module.parameters()))


def test_what_is_kept_are_the_tokens_and_the_values_before_the_gelu() -> None:
    module, kept = seeded(4, torch.float64), list[int]()
    with torch.autograd.graph.saved_tensors_hooks(lambda value: kept.append(value.numel()) or value, lambda value: value):
        module(torch.zeros(2, 3, 4, dtype=torch.float64))
    assert sorted(kept) == sorted([2 * 3 * 4, 2 * 3 * 16, 4 * 16, 4 * 16])


def test_without_gradients_it_computes_the_same_and_leaves_its_input() -> None:
    module, x = seeded(4, torch.float64), torch.randn(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    before = x.clone()
    with torch.no_grad():
        found = module(x)
    assert not found.requires_grad
    assert torch.equal(found, module(x))
    assert torch.equal(x, before)


@pytest.mark.parametrize("how", ["half precision", "autocast", "compiling"])
def test_elsewhere_torch_has_its_own(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounded to eight bits between its operations, the formula would be a worse GELU; and no compiler traces it."""
    monkeypatch.setattr(mlp, "LeanMlp", None)
    if how == "compiling":
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    module: nn.Module = seeded(4, torch.bfloat16 if how == "half precision" else torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=how == "autocast"):
        x = torch.ones(1, 2, 4, dtype=torch.bfloat16 if how == "half precision" else torch.float32)
        assert torch.equal(module(x), plain(module, x))
