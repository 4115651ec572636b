"""What a sampler follows: a network, its labels, and classifier-free guidance on an interval of t."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from model.backbone.transformer import DiffusionTransformer
from model.config.evaluation import GuidanceConfig
from model.grouping import Grouping
from model.noise.process import Process

Field = Callable[[Tensor, float], Tensor]
"""(x (N, T, P), t) -> what the network predicts: a velocity (N, T, P), or noise and variance (N, T, 2P)."""
FIRST_CHANNELS = 3


@dataclass(frozen=True)
class Guided:
    """What of a prediction is guided, and in which units its t is."""

    values: int
    """The first so many of the values predicted for a token; a learned variance never is."""
    t_max: float
    """The t that counts as 1 in the interval."""

    @classmethod
    def of(cls, guidance: GuidanceConfig, process: Process, patch_values: int, channels: int) -> "Guided":
        """Of images with `channels`, whose tokens have `patch_values` values, channel by channel."""
        guided = channels if guidance.channels == "all" else min(FIRST_CHANNELS, channels)
        return cls(patch_values // channels * guided, process.t_max)


def guided_field(
    network: DiffusionTransformer, labels: Tensor, guidance: GuidanceConfig, guided: Guided, decided_at: float | None = None
) -> Field:
    """v = v_null + w (v_label - v_null) for t in the interval; at w = 1 or outside it the null pass is skipped.

    Values that are not `guided` are those of the label. `decided_at` is the t that is looked for in the interval; None is the t of each
    call.
    """
    low, high = guidance.interval
    null = torch.full_like(labels, network.y_embedder.null)

    def predict(x: Tensor, t: float, given: Tensor) -> Tensor:
        levels = x.new_full((len(x), 1), t)
        return network(x, levels, given, Grouping.whole(x.shape[1]))[0]

    def field(x: Tensor, t: float) -> Tensor:
        if guidance.scale == 1 or not low <= (t if decided_at is None else decided_at) / guided.t_max <= high:
            return predict(x, t, labels)
        both = predict(torch.cat([x, x]), t, torch.cat([labels, null]))
        conditional, unconditional = both.chunk(2)
        moved = unconditional + guidance.scale * (conditional - unconditional)
        return torch.cat([moved[..., : guided.values], conditional[..., guided.values :]], dim=-1)

    return field
