"""AdamW over all parameters at once."""

from collections.abc import Sequence

import torch
from torch import nn

from model.config.optimization import OptimizerConfig


def adamw(parameters: Sequence[nn.Parameter], config: OptimizerConfig) -> torch.optim.AdamW:
    """One fused update per step on every device."""
    return torch.optim.AdamW(
        parameters,
        lr=config.learning_rate,
        betas=config.betas,
        eps=config.epsilon,
        weight_decay=config.weight_decay,
        fused=True,
    )
