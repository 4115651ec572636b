"""One optimizer step: draw, two losses, backward, clip, update, moving average."""

import math
import time
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from model.alignment.teacher import update_moving_average
from model.config import Precision, TrainConfig
from model.data.dataset import Examples, batch_indices
from model.errors import Diverged
from model.learned_order import in_learned_order
from model.noise.process import process_of
from model.objective import Losses, draw, losses
from model.randomness import BatchStreams
from model.training.state import TrainingState

DTYPES = {"fp32": torch.float32, "bf16": torch.float32, "float64": torch.float64}
"""Of weights, moments and moving average; `bf16` computes in bfloat16 and keeps its weights in float32."""


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Where matrix products are done in bfloat16, if anywhere."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def train_step(config: TrainConfig, state: TrainingState, data: Examples, precision: Precision) -> None:
    """Advances `state` by one step; raises Diverged, with the weights unmoved, when a loss is not finite."""
    started = time.perf_counter()
    images = batch_indices(config.seed, state.step, config.batch_size, len(data)).to(data.labels.device)
    tokens, labels = data.take(images)
    streams = BatchStreams(config.seed, state.step, config.batch_size)
    draws = draw(config, streams, tokens.shape[1], tokens.shape[2]).to(tokens.device, tokens.dtype)
    with autocast(precision, tokens.device):
        draws = in_learned_order(config, state.learner.average, tokens, labels, draws)
        found = losses(config, state.learner, tokens, labels, draws, images=images)
    _check(found, state.step)
    state.optimizer.zero_grad(set_to_none=True)
    found.total.backward()
    norm = nn.utils.clip_grad_norm_([p for _, p in state.parameters], config.optimizer.clip)
    state.optimizer.step()
    update_moving_average(state.learner.average, state.learner.student, config.ema_decay)
    state.step += 1
    values = {"train_loss": found.total, "generation_loss": found.generation, "align_loss": found.alignment, "grad_norm": norm}
    whole = 0 if draws.whole is None else config.partition.whole_images(len(tokens))
    if "realised_gap" in state.sums:  # of the images that have groups
        gap = (draws.t[:, 1:] - draws.t[:, :1]).abs().mean() / process_of(config.process).span
        values["realised_gap"] = gap * (len(tokens) / max(len(tokens) - whole, 1))
    if draws.whole is not None:
        values["whole_image_share"] = draws.whole.to(norm.dtype).mean()
    for name, total in state.sums.items():
        value = values[name]
        assert value is not None, name
        total += value.detach()
    state.summed += 1
    state.seconds += time.perf_counter() - started


def _check(found: Losses, step: int) -> None:
    terms = {"generation loss": found.generation, "alignment loss": found.alignment}
    if not math.isfinite(found.total.item()):
        for term, value in terms.items():
            if value is not None and not math.isfinite(value.item()):
                raise Diverged(step, term, value.item())
        raise Diverged(step, "total loss", found.total.item())
