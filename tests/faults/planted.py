"""A user's token assignment that can be told, by files beside it, to misbehave at a step: NaN among the weights, or no memory left.

Without those files it is a raster order, and its hash, so the trial's name, is the same either way.
"""

import gc
from pathlib import Path

import torch
from torch import Tensor

from model.backbone.transformer import DiffusionTransformer
from model.noise.assignments import Assignment
from model.randomness import BatchStreams

HERE = Path(__file__).parent


class Planted(Assignment):
    def order(self, counts: tuple[int, ...], streams: BatchStreams, purpose: str) -> Tensor:
        images = streams.size
        if told("nan") == streams.step and streams.seed == 0:
            for network in [found for found in gc.get_objects() if isinstance(found, DiffusionTransformer)]:
                with torch.no_grad():
                    next(network.parameters()).fill_(float("nan"))
        if told("memory") == streams.step and streams.seed == 1 and images == streams.batch_size:
            torch.empty(2**60, dtype=torch.uint8)
        return torch.arange(sum(counts)).expand(images, -1)


def told(what: str) -> int | None:
    file = HERE / what
    return int(file.read_text()) if file.exists() else None
