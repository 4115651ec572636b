"""One DiT block with adaLN-Zero (2212.09748), and the final layer."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.backbone.attention import Attention
from model.backbone.modulation import Slices, gated, modulate
from model.grouping import Grouping

MLP_RATIO = 4
GELU_LINEAR, GELU_CUBIC = math.sqrt(2 / math.pi), 0.044715


class TanhGelu(torch.autograd.Function):
    """The tanh-approximated GELU by its equal x * sigmoid(2 z), z = sqrt(2 / pi) (x + .044715 x^3).

    On a CPU torch's own spends most of its time in tanh, forwards and backwards; the sigmoid is kept for the way back.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        share = torch.addcmul(x, x * x, x, value=GELU_CUBIC).mul_(2 * GELU_LINEAR).sigmoid_()
        if not ctx.needs_input_grad[0]:
            return share.mul_(x)
        ctx.save_for_backward(x, share)
        return share * x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """share + x share (1 - share) 2 z'."""
        x, share = ctx.saved_tensors
        slope = (x * x).mul_(6 * GELU_LINEAR * GELU_CUBIC).add_(2 * GELU_LINEAR).mul_(x)
        return torch.ops.aten.sigmoid_backward(slope, share).add_(share).mul_(gradient)


def tanh_gelu(x: Tensor) -> Tensor:
    """The tanh-approximated GELU, by what is fastest on the device of x; never rounded to half precision between its operations."""
    fused = x.is_cuda or torch.compiler.is_compiling() or x.dtype.itemsize < 4
    return F.gelu(x, approximate="tanh") if fused else TanhGelu.apply(x)


class Mlp(nn.Module):
    """Two linears around a tanh-approximated GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(tanh_gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention and MLP, each shifted, scaled and gated by its conditioning row."""

    def __init__(self, width: int, heads: int, *, qk_norm: bool = False) -> None:
        super().__init__()
        self.attn = Attention(width, heads, qk_norm=qk_norm)
        self.mlp = Mlp(width)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x: Tensor, conditioning: Tensor, grouping: Grouping) -> Tensor:
        """x (N, T, D) in group order, conditioning (N, R, D)."""
        modulation, slices = _laid_out(self.adaLN_modulation(conditioning), grouping)
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = modulation.chunk(6, dim=-1)
        x = gated(x, gate_a, self.attn(modulate(x, shift_a, scale_a, slices), grouping.segments), slices)
        return gated(x, gate_m, self.mlp(modulate(x, shift_m, scale_m, slices)), slices)


class FinalLayer(nn.Module):
    """Width to the values predicted for a patch."""

    def __init__(self, width: int, predicted_values: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, predicted_values)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(self, x: Tensor, conditioning: Tensor, grouping: Grouping) -> Tensor:
        """x (N, T, D), conditioning (N, R, D) to (N, T, O)."""
        modulation, slices = _laid_out(self.adaLN_modulation(conditioning), grouping)
        shift, scale = modulation.chunk(2, dim=-1)
        return self.linear(modulate(x, shift, scale, slices))


def _laid_out(rows: Tensor, grouping: Grouping) -> tuple[Tensor, Slices]:
    """Rows (N, R, K) with the slice of each where that is faster: in eager mode on a CPU. Else a row per token, or the one of all.

    A compiler fuses what lays out rows with what uses them, and traces no function with a backward pass of its own.
    """
    eager = not (rows.is_cuda or torch.compiler.is_compiling() or torch.is_autocast_enabled(rows.device.type))
    slices = grouping.slices(rows.shape[1]) if eager else ()
    return (rows, slices) if slices else (grouping.spread(rows), ())
