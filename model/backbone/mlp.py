"""The MLP of a block: two linears around a tanh-approximated GELU (2212.09748). N images, T tokens, D width, 4 D hidden values."""

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MLP_RATIO = 4
GELU_LINEAR, GELU_CUBIC = math.sqrt(2 / math.pi), 0.044715
CHUNK = 2**16
"""Values that take all operations of a GELU together: they and what is made of them stay in a core's own cache."""


class Mlp(nn.Module):
    """Two linears around a tanh-approximated GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """By what is fastest on the device of x; never rounded to half precision between the operations of the GELU.

        A compiler traces no function with a backward pass of its own, and under autocast the types would have to be chosen by hand.
        """
        if x.is_cuda or torch.compiler.is_compiling() or torch.is_autocast_enabled(x.device.type) or x.dtype.itemsize < 4:
            return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))
        weights = (self.fc1.weight, self.fc1.bias, self.fc2.weight, self.fc2.bias)
        out: Tensor = LeanMlp.apply(x, *weights, torch.is_grad_enabled())
        return out


class LeanMlp(torch.autograd.Function):
    """An MLP on a CPU that keeps 4 D values of a token for the way back, where the operations one by one keep 12 D.

    The GELU is x * sigmoid(2 z), z = sqrt(2 / pi) (x + .044715 x^3), in chunks that fit a cache; it is computed again on the way back.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight1: Tensor, bias1: Tensor, weight2: Tensor, bias2: Tensor, way_back: bool) -> Tensor:
        """(N, T, D) to (N, T, D); without a `way_back`, hidden values take the place of those they are made of."""
        tokens = x.reshape(-1, x.shape[-1])
        inner = tokens @ weight1.t()
        hidden = torch.empty_like(inner) if way_back else inner
        for h, gelu, share in _chunks(inner, hidden):
            torch.mul(_share_(share, h.add_(bias1)), h, out=gelu)
        if way_back:
            ctx.save_for_backward(tokens, inner, weight1, weight2)
        return torch.addmm(bias2, hidden, weight2.t()).view(x.shape)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, None]:
        """The slope of the GELU is share + x share (1 - share) 2 z'."""
        tokens, inner, weight1, weight2 = ctx.saved_tensors
        of_out = gradient.reshape(tokens.shape)
        hidden, of_inner = torch.empty_like(inner), of_out @ weight2
        for h, gelu, of_h, share in _chunks(inner, hidden, of_inner):
            _share_(share, h)
            slope = torch.mul(h, h, out=gelu).mul_(6 * GELU_LINEAR * GELU_CUBIC).add_(2 * GELU_LINEAR).mul_(h)
            torch.ops.aten.sigmoid_backward.grad_input(slope, share, grad_input=slope)
            of_h.mul_(slope.add_(share))
            torch.mul(share, h, out=gelu)
        of_x = (of_inner @ weight1).view(gradient.shape)
        return of_x, of_inner.t() @ tokens, of_inner.sum(dim=0), of_out.t() @ hidden, of_out.sum(dim=0), None


def _chunks(inner: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same tokens of each, and as much room for the sigmoid."""
    count = max(1, CHUNK // inner.shape[1])
    room = torch.empty_like(inner[:count])
    for parts in zip(*(values.split(count) for values in (inner, *others)), strict=True):
        yield (*parts, room[: len(parts[0])])


def _share_(out: Tensor, x: Tensor) -> Tensor:
    """sigmoid(2 z), into `out`."""
    return torch.mul(x, x, out=out).mul_(2 * GELU_LINEAR * GELU_CUBIC).add_(2 * GELU_LINEAR).mul_(x).sigmoid_()
