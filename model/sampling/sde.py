"""The reverse SDE of SiT (2401.08740, equation 5) with diffusion w(t) = 2t, from t = 1 to t = 0."""

import itertools
from collections.abc import Callable

from torch import Tensor

from model.noise.interpolant import PATHS, FlowPath
from model.sampling.guidance import Field

LAST = 0.04
"""The score is not followed closer to data than this; one noiseless step covers the rest."""


def euler_maruyama(field: Field, x: Tensor, steps: int, fresh_noise: Callable[[int], Tensor], path: FlowPath = PATHS["linear"]) -> Tensor:
    """`steps` network calls: an even grid from 1 to `LAST`, then one step of drift alone to 0.

    `fresh_noise(i)` gives N(0, 1) like x for step i.
    """
    grid = [*(LAST + (1 - LAST) * left / (steps - 1) for left in range(steps - 1, -1, -1)), 0.0]
    for i, (t, after) in enumerate(itertools.pairwise(grid)):
        v = field(x, t)
        diffusion = 2 * t
        x = x + (after - t) * (v - diffusion / 2 * path.score(v, x, t))
        if after > 0:
            x = x + (diffusion * (t - after)) ** 0.5 * fresh_noise(i)
    return x
