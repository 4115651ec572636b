"""What a token is told besides its pixels: where it is, how noisy it is, what the image shows."""

import math

import torch
from torch import Tensor, nn

SINUSOID_CHANNELS = 256
MAX_PERIOD = 1e4


def grid_positions(tokens: int, width: int) -> Tensor:
    """Fixed 2-D sine-cosine positions (1, T, D): the first half of the channels encodes the column, the second the row (2212.09748)."""
    side = round(tokens**0.5)
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    halves = [_sinusoid(axis.reshape(-1).double(), width // 2) for axis in (columns, rows)]
    return torch.cat(halves, dim=-1).float().unsqueeze(0)


def _sinusoid(position: Tensor, channels: int) -> Tensor:
    frequencies = MAX_PERIOD ** (-torch.arange(channels // 2, dtype=torch.float64) / (channels // 2))
    angles = position[:, None] * frequencies[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class TimestepEmbedder(nn.Module):
    """Noise levels to width: a sinusoid [cos, sin] of raw t, then an MLP. t is in [0, 1] for flow (2401.08740: no factor 1000), the
    integer step for ddpm (2212.09748)."""

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(SINUSOID_CHANNELS, width), nn.SiLU(), nn.Linear(width, width))
        half = SINUSOID_CHANNELS // 2
        # Rounded to float32 once: ddpm multiplies it by t up to 999, and the last digit of a float32 exp is another on each processor.
        frequencies = torch.exp(-math.log(MAX_PERIOD) * torch.arange(half, dtype=torch.float64) / half)
        self.register_buffer("frequencies", frequencies.float(), persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        """(N, R) to (N, R, D)."""
        with torch.autocast(t.device.type, enabled=False):  # bf16 cannot tell neighbouring noise levels apart
            angles = t.unsqueeze(-1).to(self.frequencies.dtype) * self.frequencies
            sinusoid = torch.cat([angles.cos(), angles.sin()], dim=-1)
        return self.mlp(sinusoid)


class LabelEmbedder(nn.Module):
    """Class labels to width; row `classes` is the null label."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.null = classes
        self.embedding_table = nn.Embedding(classes + 1, width)

    def forward(self, labels: Tensor) -> Tensor:
        """(N,) to (N, D)."""
        return self.embedding_table(labels)
