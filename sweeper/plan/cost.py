"""What a sweep takes on disk, from the config alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from model.config import TrainConfig
from model.train_trial import KEPT, DataFacts
from sweeper.spec.sweep_spec import Keep

FLOAT32 = 4
FULL_STATE = 4
"""Weights, moving average and two moments."""
WIDEST_ENCODER = 1536
"""Counted for every external encoder: only timm knows a model's width, and planning does not load it."""


def parameters(config: TrainConfig, facts: DataFacts) -> int:
    """Weights of the transformer, and of the alignment head where there is one."""
    d, values = config.backbone.width, facts.channels * config.backbone.patch**2
    attention, mlp, modulation = 4 * d * d + 4 * d, 8 * d * d + 5 * d, 6 * (d * d + d)
    norms = 4 * d // config.backbone.heads if config.backbone.qk_norm else 0
    block = attention + norms + mlp + modulation
    embeddings = (values + 1) * d + (256 * d + d + d * d + d) + (facts.classes + 1) * d
    predicted = (2 if config.process.kind == "ddpm" else 1) * values
    final = (d + 1) * predicted + 2 * (d * d + d)
    return config.backbone.layers * block + embeddings + final + _head(config)


def _head(config: TrainConfig) -> int:
    d, hidden = config.backbone.width, config.alignment.head_width
    if config.alignment.kind == "none" or not config.alignment.head:
        return 0
    if config.alignment.kind == "self":
        return 4 * d * d + 3 * d
    return (d + 1) * hidden + (hidden + 1) * hidden + (hidden + 1) * WIDEST_ENCODER


@dataclass(frozen=True)
class DiskNeed:
    """What trials take on disk, in bytes (pictures and logs are small)."""

    at_end: int
    """When all have finished."""
    meanwhile: int
    """At most, while they train."""


def kept_bytes(config: TrainConfig, facts: DataFacts, keep: Keep) -> int:
    """What stays of a trial that has finished: its moving average, and a checkpoint where it is to be resumable."""
    return parameters(config, facts) * FLOAT32 * (1 + FULL_STATE * (keep == "resumable"))


def largest_bytes(config: TrainConfig, facts: DataFacts) -> int:
    """Of the folders of a trial that trains: the checkpoints that are kept, the one that is written, and the moving average."""
    return parameters(config, facts) * FLOAT32 * (1 + FULL_STATE * (KEPT + 1))


def disk_need(sizes: Sequence[tuple[int, int]], concurrent: int) -> DiskNeed:
    """Of trials with these (`kept_bytes`, `largest_bytes`), so many of which train at the same time."""
    more = sorted((largest - kept for kept, largest in sizes), reverse=True)
    at_end = sum(kept for kept, _ in sizes)
    return DiskNeed(at_end, at_end + sum(more[:concurrent]))


def bytes_in_words(count: int) -> str:
    """Bytes in words: '12 MiB'."""
    left = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if left < 1024:
            return f"{left:.0f} {unit}"
        left /= 1024
    return f"{left:.1f} TiB"
