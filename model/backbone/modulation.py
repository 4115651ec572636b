"""adaLN: shift, scale and gate of tokens by their conditioning row (2212.09748). N images, T tokens, R conditioning rows, D width.

Where the tokens of a row are a slice, the row is laid over the slice as it is: rows of 6 D values for every token would be written, kept
for the way back and summed again, which takes a tenth of an S/2 step and an eighth of its memory on a CPU.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

NORM_EPSILON = 1e-6

Slices = Sequence[slice]
"""The tokens of each row, in order; () where rows broadcast against the tokens."""


def normalise(x: Tensor) -> Tensor:
    """LayerNorm over the width, without learned scale or shift."""
    return F.layer_norm(x, x.shape[-1:], eps=NORM_EPSILON)


def modulate(x: Tensor, shift: Tensor, scale: Tensor, slices: Slices = ()) -> Tensor:
    """shift + normalised x * (1 + scale); shift and scale (N, R, D) of `slices`, else broadcasting against x (N, T, D)."""
    if not slices:
        return torch.addcmul(shift, normalise(x), 1 + scale)
    modulated: Tensor = _Modulate.apply(x, shift, scale, slices)
    return modulated


def gated(x: Tensor, gate: Tensor, branch: Tensor, slices: Slices = ()) -> Tensor:
    """x + gate * branch; gate (N, R, D) of `slices`, else broadcasting against x (N, T, D)."""
    if not slices:
        return torch.addcmul(x, gate, branch)
    summed: Tensor = _Gate.apply(x, gate, branch, slices)
    return summed


class _Modulate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, shift: Tensor, scale: Tensor, slices: Slices) -> Tensor:
        normalised, _, deviation = torch.native_layer_norm(x, x.shape[-1:], None, None, NORM_EPSILON)
        factor = 1 + scale
        out = torch.empty_like(normalised)
        for row, part in enumerate(slices):
            torch.addcmul(shift[:, row : row + 1], normalised[:, part], factor[:, row : row + 1], out=out[:, part])
        ctx.slices = slices
        ctx.save_for_backward(normalised, deviation, factor)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """dx = r (g - mean(g) - y mean(g y)) over the width, of g = gradient * (1 + scale); y = (x - mean) r is all that is kept of x."""
        normalised, deviation, factor = ctx.saved_tensors
        product = gradient * normalised
        shift, scale = torch.empty_like(factor), torch.empty_like(factor)
        inner = torch.empty_like(gradient)
        for row, part in enumerate(ctx.slices):
            shift[:, row] = gradient[:, part].sum(dim=1)
            scale[:, row] = product[:, part].sum(dim=1)
            torch.mul(gradient[:, part], factor[:, row : row + 1], out=inner[:, part])
        inner.mul_(deviation)
        width, nothing, one = normalised.shape[-1:], torch.zeros_like(deviation), torch.ones_like(deviation)
        of_x, _, _ = torch.ops.aten.native_layer_norm_backward(inner, normalised, width, nothing, one, None, None, [True, False, False])
        return of_x, shift, scale, None


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gate: Tensor, branch: Tensor, slices: Slices) -> Tensor:
        out = torch.empty_like(x)
        for row, part in enumerate(slices):
            torch.addcmul(x[:, part], gate[:, row : row + 1], branch[:, part], out=out[:, part])
        ctx.slices = slices
        ctx.save_for_backward(gate, branch)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        gate, branch = ctx.saved_tensors
        product, of_branch, of_gate = gradient * branch, torch.empty_like(branch), torch.empty_like(gate)
        for row, part in enumerate(ctx.slices):
            of_gate[:, row] = product[:, part].sum(dim=1)
            torch.mul(gradient[:, part], gate[:, row : row + 1], out=of_branch[:, part])
        return gradient, of_gate, of_branch, None
