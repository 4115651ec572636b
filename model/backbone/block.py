"""One DiT block with adaLN-Zero (2212.09748), and the final layer."""

import torch
from torch import Tensor, nn

from model.backbone.attention import Attention
from model.backbone.mlp import Mlp
from model.backbone.modulation import Slices, gated, modulate
from model.grouping import Grouping


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
