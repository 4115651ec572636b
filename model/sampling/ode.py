"""The probability-flow ODE, from t = 1 (noise) to t = 0 (data)."""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from model.errors import ConfigError
from model.sampling.guidance import Field

GatedField = Callable[[float], Field]
"""The velocity field whose guidance is decided at the given t, whatever t it is called with."""


def euler(field: Field, x: Tensor, steps: int) -> Tensor:
    """`steps` network calls on an even grid that ends exactly at t = 0."""
    for t, after in itertools.pairwise(_grid(steps)):
        x = x + (after - t) * field(x, t)
    return x


def heun(field_at: GatedField, x: Tensor, steps: int) -> Tensor:
    """`steps` steps of Heun's second-order rule, the last one Euler's: 2 `steps` - 1 network calls.

    Both stages of a step are guided or not as its start is (released SRA and REPA code).
    """
    for t, after in itertools.pairwise(_grid(steps)):
        field = field_at(t)
        slope = field(x, t)
        if after > 0:
            slope = (slope + field(x + (after - t) * slope, after)) / 2
        x = x + (after - t) * slope
    return x


def dopri5(field_at: GatedField, x: Tensor, edges: tuple[float, ...], *, relative: float, absolute: float) -> Tensor:
    """Adaptive Dormand-Prince 5(4) by torchdiffeq, as many network calls as the tolerances ask for.

    `edges` are those of the guidance interval: the field jumps there, so each part of [0, 1] is integrated by itself, its guidance
    decided at its middle. Images drawn together share their steps, so that a sample depends on its block, within the tolerances. A
    field that stops being finite gives NaN, as with the other samplers.
    """
    try:
        from torchdiffeq import odeint  # a GPU machine that never asks for it does without
    except ImportError as error:
        raise ConfigError("sampler.kind: dopri5 needs torchdiffeq; install it (pip install torchdiffeq) or choose heun") from error
    inside = {edge for edge in edges if 0 < edge < 1}
    for start, end in itertools.pairwise(sorted({0.0, 1.0} | inside, reverse=True)):
        field = field_at((start + end) / 2)

        def right_hand_side(t: Tensor, x: Tensor, field: Field = field) -> Tensor:
            found = field(x, t.item()).to(x.dtype)
            if not found.isfinite().all():
                raise _NotFinite
            return found

        span = torch.tensor([start, end], dtype=torch.float64, device=x.device)
        try:
            x = odeint(
                right_hand_side,
                x,
                span,
                rtol=relative,
                atol=absolute,
                method="dopri5",
                options={"step_t": span[1:]},  # lands on the end; it would step past t = 0 and read back
            )[-1]
        except _NotFinite:
            return torch.full_like(x, math.nan)
    return x


class _NotFinite(Exception):
    """The field left the numbers."""


def _grid(steps: int) -> list[float]:
    """Quotients, each rounded once: at the edge of a guidance interval a last digit decides."""
    return [(steps - i) / steps for i in range(steps + 1)]
