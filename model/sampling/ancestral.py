"""Ancestral sampling of DDPM (2006.11239) on a respaced chain (2102.09672), as DiT samples: nothing is clipped."""

from collections.abc import Callable

from torch import Tensor

from model.noise.ddpm import Diffusion
from model.sampling.guidance import Field


def ancestral(predict: Field, x: Tensor, steps: int, fresh_noise: Callable[[int], Tensor], diffusion: Diffusion) -> Tensor:
    """`steps` network calls from x at the last t of `diffusion` to images; `predict` gives noise and variance.

    `fresh_noise(i)` gives N(0, 1) like x for step i. The last step takes the mean alone.
    """
    chain = diffusion.respaced(steps)
    told = chain.original.tolist()
    for i, t in enumerate(range(steps - 1, -1, -1)):
        mean, log_variance = chain.step_back(predict(x, float(told[t])), x, x.new_full((1, 1, 1), t))
        x = mean + (0.5 * log_variance).exp() * fresh_noise(i) if t > 0 else mean
    return x
