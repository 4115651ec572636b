"""One optimizer step: draw, two losses, backward, clip, update, moving average. The host never waits for the device in it.

A step may be cut into micro-batches, one after another in a process or side by side in several: every draw is that of the whole batch,
so only the order of sums differs.
"""

import time
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from model.alignment.teacher import update_moving_average
from model.config import Precision, TrainConfig
from model.data.examples import TrainingImages
from model.objective import Losses, Objective
from model.randomness import BatchStreams
from model.reports import SINGLE_PROCESS, DistributedContext
from model.step_noise import StepNoise
from model.training.state import TrainingState

DTYPES = {"fp32": torch.float32, "bf16": torch.float32, "float64": torch.float64}
"""Of weights, moments and moving average; `bf16` computes in bfloat16 and keeps its weights in float32."""


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Where matrix products are done in bfloat16, if anywhere."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def shares(config: TrainConfig, world: DistributedContext) -> list[slice]:
    """The micro-batches of this process, as slices of the whole batch."""
    size = config.micro_batch(world.size)
    first = world.rank * config.accumulation
    return [slice(size * part, size * (part + 1)) for part in range(first, first + config.accumulation)]


def train_step(
    config: TrainConfig, state: TrainingState, data: TrainingImages, precision: Precision, world: DistributedContext = SINGLE_PROCESS
) -> None:
    """Advances `state` by one step. With a loss that is not finite the weights stay, and `state.ensure_finite` will say so."""
    started = time.perf_counter()
    state.optimizer.zero_grad(set_to_none=True)
    measured = {name: torch.zeros((), dtype=torch.float64, device=data.labels.device) for name in state.sums}
    parts = shares(config, world)
    for number, images in enumerate(parts):
        streams = BatchStreams(config.seed, state.step, config.batch_size, images)
        waits = number + 1 < len(parts)  # gradients are averaged over the processes once, with the last part's
        with state.trained.no_sync() if waits and isinstance(state.trained, DistributedDataParallel) else nullcontext():
            losses, draws = _losses(state, data, streams, precision)
            (losses.total / len(parts)).backward()
        for name, value in _measured(config, state.objective, losses, draws).items():
            measured[name] += value / len(parts)
    norm = nn.utils.clip_grad_norm_([p for _, p in state.parameters], config.optimizer.clip)
    measured["grad_norm"] += norm
    if world.size > 1:
        measured = _mean(measured, world)
    state.watch(measured)
    state.spikes.look(measured["generation_loss"], state.step)
    state.optimizer.step()
    update_moving_average(state.objective.average, state.objective.student, config.ema_decay)
    state.step += 1
    for name, total in state.sums.items():
        total += measured[name]
    state.summed += 1
    if state.warm or state.step == config.steps:  # an only step is timed after all
        state.seconds += time.perf_counter() - started
        state.timed += 1
    state.warm = True


def _losses(state: TrainingState, data: TrainingImages, streams: BatchStreams, precision: Precision) -> tuple[Losses, StepNoise]:
    images, tokens, labels = data.batch(streams)
    draws = state.objective.sample(streams, tokens)
    with autocast(precision, tokens.device):
        draws = state.objective.in_learned_order(tokens, labels, draws)
        return state.trained(tokens, labels, draws, images), draws


@torch.no_grad()
def _measured(config: TrainConfig, objective: Objective, losses: Losses, draws: StepNoise) -> dict[str, Tensor]:
    """What the curves show of a part of the batch."""
    values = {"train_loss": losses.total, "generation_loss": losses.generation}
    if losses.alignment is not None:
        values["align_loss"] = losses.alignment
    if config.timesteps.kind == "dual":  # of the images that have groups
        gap = (draws.t[:, 1:] - draws.t[:, :1]).abs().mean() / objective.process.t_max
        whole = config.partition.whole_images(config.batch_size) if draws.whole is not None else 0
        values["realised_gap"] = gap * (config.batch_size / max(config.batch_size - whole, 1))
    if draws.whole is not None:
        values["whole_image_share"] = draws.whole.double().mean()
    return values


def _mean(measured: dict[str, Tensor], world: DistributedContext) -> dict[str, Tensor]:
    """Over the processes; the gradient's norm is the same in all."""
    together = torch.stack(list(measured.values()))
    dist.all_reduce(together)
    return dict(zip(measured, (together / world.size).unbind(), strict=True))
