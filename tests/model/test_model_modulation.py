"""Shift, scale and gate of slices: values and derivatives are those of a row laid out for every token."""

from collections.abc import Callable

import pytest
import torch
from tiny_trials import network_of, tiny
from torch import Tensor

from model.backbone import block
from model.backbone.modulation import Slices, gated, modulate
from model.grouping import Grouping, Segment

COUNTS = (3, 1, 4)
GROUPING = Grouping(order=None, counts=COUNTS, segments=(Segment(),))
SLICES = (slice(0, 3), slice(3, 4), slice(4, 8))
Operation = Callable[[Tensor, Tensor, Tensor, Slices], Tensor]


def operands(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens (2, 8, 6), and rows or tokens of two more."""
    generator = torch.Generator().manual_seed(5)
    shapes = ((2, 8, 6), (2, 3, 6), (2, 3, 6))
    x, a, b = (torch.randn(shape, dtype=torch.float64, generator=generator).to(dtype).requires_grad_() for shape in shapes)
    return x, a, b


def a_gate(x: Tensor, gate: Tensor, rows: Tensor, slices: Slices) -> Tensor:
    """The branch is made of the rows: it has the shape of x."""
    return gated(x, gate, GROUPING.spread(rows).sin(), slices)


@pytest.mark.parametrize("operation", [modulate, a_gate])
def test_slices_are_rows_of_every_token(operation: Operation) -> None:
    x, a, b = operands(torch.float64)
    upstream = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    found = operation(x, a, b, SLICES)
    ours = torch.autograd.grad((found * upstream).sum(), (x, a, b))
    wanted = operation(x, GROUPING.spread(a), b if operation is a_gate else GROUPING.spread(b), ())
    theirs = torch.autograd.grad((wanted * upstream).sum(), (x, a, b))
    assert torch.equal(found, wanted)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-13)
    assert torch.autograd.gradcheck(lambda *given: operation(*given, SLICES), (x, a, b))


@pytest.mark.parametrize("operation", [modulate, a_gate])
def test_in_single_precision_too(operation: Operation) -> None:
    x, a, b = operands(torch.float32)
    ours = torch.autograd.grad(operation(x, a, b, SLICES).square().sum(), (x, a, b))
    theirs = torch.autograd.grad(operation(x.double(), a.double(), b.double(), SLICES).square().sum(), (x, a, b))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


def test_which_layouts_have_slices() -> None:
    assert GROUPING.slices(3) == SLICES
    assert GROUPING.slices(1) == ()
    assert Grouping.whole(8).slices(1) == ()
    assert Grouping(None, (1, 1, 1), (Segment(),)).slices(3) == (), "a row per token is laid out as it is"
    assert Grouping(None, COUNTS, (Segment(),), rows=torch.zeros(2, 8, dtype=torch.long)).slices(3) == ()


def test_a_network_is_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features and prediction to the bit, gradients to rounding; under autocast and in a compiler rows are laid out."""
    network = network_of(tiny())
    tokens = torch.randn(2, 16, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    t, labels = torch.tensor([[0.2, 0.7], [0.4, 0.1]], dtype=torch.float64), torch.tensor([1, 2])
    grouping = Grouping(None, (5, 11), (Segment(),))
    used: list[int] = []
    plain = block.modulate
    monkeypatch.setattr(block, "modulate", lambda x, a, b, slices: used.append(len(slices)) or plain(x, a, b, slices))
    found = []
    for _ in range(2):
        network.zero_grad()
        prediction, features = network(tokens, t, labels, grouping, features_after=2)
        (prediction.square().sum() + features.square().sum()).backward()
        found.append((prediction, features, [parameter.grad.clone() for parameter in network.parameters()]))
        monkeypatch.setattr(Grouping, "slices", lambda *_: ())
    (prediction, features, gradients), (other_prediction, other_features, other_gradients) = found
    assert set(used) == {0, 2}
    assert torch.equal(prediction, other_prediction)
    assert torch.equal(features, other_features)
    for mine, other in zip(gradients, other_gradients, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-12)


def test_autocast_lays_rows_out(monkeypatch: pytest.MonkeyPatch) -> None:
    network, used = network_of(tiny()).float(), list[int]()
    plain = block.modulate
    monkeypatch.setattr(block, "modulate", lambda x, a, b, slices: used.append(len(slices)) or plain(x, a, b, slices))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        network(torch.zeros(1, 16, 4), torch.zeros(1, 2), torch.tensor([0]), Grouping(None, (5, 11), (Segment(),)))
    assert set(used) == {0}
