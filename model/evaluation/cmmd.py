"""CMMD (Jayasumana et al. 2024, 2401.09603): the squared maximum mean discrepancy of CLIP embeddings. m, n embeddings of width F."""

from collections.abc import Callable

import torch
from torch import Tensor

SIGMA, SCALE = 10.0, 1000.0
"""Of the published code: the bandwidth of the Gaussian kernel, and what makes the number readable."""
ROWS = 256
"""Pairs are compared so many rows at a time: 50,000 by 50,000 of them would take 20 GB."""
KEPT = 50_000
"""Real images whose embeddings are kept, at most."""


def cmmd(real: Tensor, generated: Tensor, tick: Callable[[], None], rows: int = ROWS) -> float:
    """1000 (E k(x, x') + E k(y, y') - 2 E k(x, y)) of embeddings (m, F) and (n, F), k(x, y) = exp(-|x - y|^2 / 200).

    As in the published code (cmmd/distance.py), the means are over all pairs, those of an embedding with itself too: the estimate is biased
    upwards, for embeddings of length 1 by less than 20 (1/m + 1/n), and never below 0. That code computes in float32; this in float64,
    since it is a small difference of means near 1. `tick` is called before every block of `rows` rows.
    """
    x, y = real.double(), generated.double()
    within = _mean_kernel(x, x, tick, rows) + _mean_kernel(y, y, tick, rows)
    return max(SCALE * (within - 2 * _mean_kernel(x, y, tick, rows)), 0.0)


def _mean_kernel(a: Tensor, b: Tensor, tick: Callable[[], None], rows: int) -> float:
    """Mean of the kernel over all pairs of a and b."""
    squares_a, squares_b = (part.square().sum(dim=1) for part in (a, b))
    total = 0.0
    for block, squares in zip(a.split(rows), squares_a.split(rows), strict=True):
        tick()
        distances = squares[:, None] + squares_b - 2 * block @ b.T
        total += torch.exp(-distances / (2 * SIGMA**2)).sum().item()
    return total / (len(a) * len(b))
