"""The velocity loss on held-out images: the metric of least variance."""

import torch
import torch.nn.functional as F

from model.backbone.transformer import DiffusionTransformer
from model.config.evaluation import EvaluationConfig
from model.data.dataset import Examples
from model.grouping import Grouping
from model.noise.interpolant import PATHS, FlowPath
from model.randomness import stream

BLOCK = 512


@torch.no_grad()
def held_out_loss(network: DiffusionTransformer, held_out: Examples, config: EvaluationConfig, path: FlowPath = PATHS["linear"]) -> float:
    """Mean squared velocity error over held-out images and a fixed grid of t.

    Noise and noise levels depend on the generation seed alone, so every variant and training seed meets the same ones.
    """
    grouping = Grouping.whole(held_out.tokens.shape[1])
    tokens = held_out.tokens
    total = torch.zeros((), dtype=torch.float64, device=tokens.device)
    for level in range(config.held_out_levels):
        t = (level + 0.5) / config.held_out_levels
        drawn = torch.randn(tokens.shape, generator=stream(config.seed, "held_out_noise", level))
        noise = drawn.to(tokens.device, tokens.dtype)
        for first in range(0, len(held_out), BLOCK):
            part = slice(first, first + BLOCK)
            levels = tokens.new_full((len(tokens[part]), 1), t)
            noisy = path.interpolate(tokens[part], noise[part], levels.unsqueeze(-1))
            predicted, _ = network(noisy, levels, held_out.labels[part], grouping)
            target = path.velocity(tokens[part], noise[part], levels.unsqueeze(-1))
            error = F.mse_loss(predicted.to(tokens.dtype), target, reduction="sum")
            total += error.double()
    return (total / (tokens.numel() * config.held_out_levels)).item()
