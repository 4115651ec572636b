"""The velocity field that a sampler follows: a network, its labels, and classifier-free guidance on an interval of t."""

from collections.abc import Callable

import torch
from torch import Tensor

from model.backbone.transformer import DiffusionTransformer
from model.config.evaluation import GuidanceConfig
from model.grouping import Grouping

VelocityField = Callable[[Tensor, float], Tensor]
"""(x (N, T, P), t) -> velocity (N, T, P)."""


def guided_field(network: DiffusionTransformer, labels: Tensor, guidance: GuidanceConfig, decided_at: float | None = None) -> VelocityField:
    """v = v_null + w (v_label - v_null) for t in the interval; at w = 1 or outside it the null pass is skipped.

    `decided_at` is the t that is looked for in the interval; None is the t of each call.
    """
    low, high = guidance.interval
    null = torch.full_like(labels, network.y_embedder.null)

    def predict(x: Tensor, t: float, given: Tensor) -> Tensor:
        levels = x.new_full((len(x), 1), t)
        return network(x, levels, given, Grouping.whole(x.shape[1]))[0]

    def field(x: Tensor, t: float) -> Tensor:
        if guidance.scale == 1 or not low <= (t if decided_at is None else decided_at) <= high:
            return predict(x, t, labels)
        both = predict(torch.cat([x, x]), t, torch.cat([labels, null]))
        conditional, unconditional = both.chunk(2)
        return unconditional + guidance.scale * (conditional - unconditional)

    return field
