"""The generation loss on held-out images: the metric of least variance."""

import torch
import torch.nn.functional as F

from model.backbone.transformer import DiffusionTransformer
from model.config.evaluation import EvaluationConfig
from model.data.examples import Examples
from model.grouping import Grouping
from model.noise.process import FLOW, Process, levels
from model.randomness import stream

BLOCK = 512
HELD_OUT_NAMES = {"velocity": "held_out_loss", "noise": "held_out_noise_loss"}
"""By what the network predicts: errors of different targets do not compare."""


@torch.no_grad()
def held_out_loss(network: DiffusionTransformer, held_out: Examples, config: EvaluationConfig, process: Process = FLOW) -> float:
    """Mean squared error of the predicted velocity (ddpm: noise) over held-out images and a fixed grid of t.

    Noise and noise levels depend on the generation seed alone, so every variant and training seed meets the same ones.
    """
    grouping = Grouping.whole(held_out.tokens.shape[1])
    tokens = held_out.tokens
    total = torch.zeros((), dtype=torch.float64, device=tokens.device)
    for level, t in enumerate(levels(config.held_out_levels, process)):
        drawn = torch.randn(tokens.shape, generator=stream(config.seed, "held_out_noise", level))
        noise = drawn.to(tokens.device, tokens.dtype)
        for first in range(0, len(held_out), BLOCK):
            part = slice(first, first + BLOCK)
            told = tokens.new_full((len(tokens[part]), 1), t)
            noisy = process.noised(tokens[part], noise[part], told.unsqueeze(-1))
            predicted, _ = network(noisy, told, held_out.labels[part], grouping)
            target = process.target(tokens[part], noise[part], told.unsqueeze(-1))
            error = F.mse_loss(predicted[..., : target.shape[-1]].to(tokens.dtype), target, reduction="sum")
            total += error.double()
    return (total / (tokens.numel() * config.held_out_levels)).item()
