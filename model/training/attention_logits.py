"""The largest attention logit of the student, looked at now and then: growing logits come before a loss that breaks."""

from typing import Any

import torch
from torch import Tensor, nn

from model.config import Precision
from model.data.examples import TrainingImages
from model.objective import Objective
from model.randomness import BatchStreams
from model.training.step import autocast

PROBED = 4
"""Images looked at. Fused attention never holds the logits, so they are computed once more: at the points of the curves alone, for few
images, a block of queries at a time. A bound by norms would cost as little but be no maximum."""


@torch.no_grad()
def largest_attention_logit(objective: Objective, data: TrainingImages, step: int, precision: Precision) -> float:
    """The largest q . k / sqrt(d) among pairs of tokens that may read each other, over the student's blocks and heads.

    Of the first `PROBED` images that step `step` (from 0) sees, as it sees them: the same however the batch is cut.
    """
    config, logits = objective.config, list[Tensor]()

    def look(attention: nn.Module, given: tuple[Any, ...]) -> None:
        logits.append(attention.largest_logit(*given))  # type: ignore[operator]

    streams = BatchStreams(config.seed, step, config.batch_size, slice(0, min(PROBED, config.batch_size)))
    images, tokens, labels = data.batch(streams)
    draws = objective.sample(streams, tokens)
    hooks = [block.attn.register_forward_pre_hook(look) for block in objective.student.blocks]  # type: ignore[union-attr]
    try:
        with autocast(precision, tokens.device):
            draws = objective.in_learned_order(tokens, labels, draws)
            objective.forward(tokens, labels, draws, images)  # not by a call, which may run a compiled graph, where no hook is called
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(logits).max().item()
