"""What a sweep takes on disk, from the config alone."""

from model.config import TrainConfig
from model.train_trial import DataFacts

FLOAT32 = 4
FULL_STATE = 4
"""Weights, moving average and two moments."""
KEPT_CHECKPOINTS = 2
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


def disk_bytes(config: TrainConfig, facts: DataFacts) -> int:
    """Largest size of a trial's folder: two full checkpoints and the final moving average (pictures and logs are small)."""
    return parameters(config, facts) * FLOAT32 * (KEPT_CHECKPOINTS * FULL_STATE + 1)
