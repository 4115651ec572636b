"""AdamW over all parameters at once."""

from collections.abc import Sequence
from inspect import unwrap
from typing import Any

import torch
from torch import nn

from model.config.optimization import OptimizerConfig


class EagerAdamW(torch.optim.AdamW):
    """AdamW that does not load torch's compiler, which costs 1.5 s of a processor in every trial's process.

    Torch's own breaks a compiled graph around each step, and keeps its compiler from tracing what changes the parameter groups. Nothing
    that is compiled here calls an optimizer, so its methods are called without that. Where a version of torch keeps them otherwise, the
    compiler is loaded as ever.
    """

    def step(self, closure: Any = None) -> Any:
        """One update of all parameters, without gradients of its own."""
        with torch.no_grad():
            return unwrap(torch.optim.AdamW.step)(self, closure)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients."""
        unwrap(torch.optim.AdamW.zero_grad)(self, set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Also at the start, for the first group."""
        unwrap(torch.optim.AdamW.add_param_group)(self, param_group)


def adamw(parameters: Sequence[nn.Parameter], config: OptimizerConfig) -> EagerAdamW:
    """One fused update per step on every device."""
    return EagerAdamW(
        parameters,
        lr=config.learning_rate,
        betas=config.betas,
        eps=config.epsilon,
        weight_decay=config.weight_decay,
        fused=True,
    )
