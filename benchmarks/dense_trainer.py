"""The dense oracle of the tests as a trainer: what the released code does, with the same optimizer, moving average, type and threads.

Every token has its own adaLN row, separation is a dense mask over all pairs, the teacher runs all its blocks (method of 2607.02508 as
released). With `kernels`, the oracle's spelled-out formulas give way to torch's fused operators, so that what is compared is the
algorithm; without, attention materialises its softmax as released. N images, T tokens.
"""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "oracles"))

import dense_reference
from dense_reference import DenseBatch, DenseMethod

from model.alignment.teacher import update_moving_average
from model.config import TrainConfig
from model.noise.layout import Cells
from model.objective import Objective
from model.step_noise import StepNoise
from model.training.optimizer import adamw


class DenseTrainer:
    """Trains copies of a state's weights, by any method that trains as many."""

    def __init__(self, objective: Objective, config: TrainConfig) -> None:
        self.student = _leaves(objective.student)
        self.head = _leaves(objective.head)
        self.average = nn.ParameterList([p.detach().clone() for p in objective.average.parameters()]).requires_grad_(False)
        self.names = [name for name, _ in objective.average.named_parameters()]
        self.parameters = [*self.student.values(), *(self.head.values() if objective.target is not None else ())]
        self.optimizer, self.clip, self.decay = adamw(self.parameters, config.optimizer), config.optimizer.clip, config.ema_decay
        self.null = objective.student.y_embedder.null

    def step(
        self, config: TrainConfig, data: Tensor, labels: Tensor, draws: StepNoise, precision: torch.dtype | None, *, kernels: bool
    ) -> Tensor:
        """One optimizer step of the config's method on clean tokens (N, T, P); `precision` is that of autocast, None for none."""
        batch = dense_batch(config, data, labels, draws, self.null)
        average = dict(zip(self.names, self.average, strict=True))
        autocast = torch.autocast(data.device.type, dtype=precision) if precision else contextlib.nullcontext()
        table = in_place_of({"position_table": positions_on(data.device)})  # on the device once, not in every pass
        with autocast, table, _kernels(config) if kernels else contextlib.nullcontext():
            total, *_ = dense_reference.losses(dense_method(config), dict(self.student), dict(self.head), average, batch)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimizer.step()
        update_moving_average(self.average, nn.ParameterList(self.student.values()), self.decay)
        return total.detach()


def _leaves(module: nn.Module) -> dict[str, nn.Parameter]:
    return {name: nn.Parameter(value.detach().clone()) for name, value in module.named_parameters()}


def dense_method(config: TrainConfig) -> DenseMethod:
    """The config in the oracle's words; flow and self alignment only."""
    aligned, teacher = config.alignment, config.alignment.teacher
    return DenseMethod(
        heads=config.backbone.heads,
        separation=config.attention.separation,
        teacher_separated=teacher.separated,
        teacher_timesteps=teacher.timesteps,
        teacher_sees_dropped=teacher.labels == "dropped",
        student_layer=aligned.student_layer,
        teacher_layer=teacher.layer,
        weight=aligned.weight,
        axis=aligned.axis,
        loss=aligned.loss,
        head=aligned.head,
        path=config.process.path,
    )


def dense_batch(config: TrainConfig, data: Tensor, labels: Tensor, draws: StepNoise, null: int) -> DenseBatch:
    """The draws of groups of exact size, laid out per token in image order."""
    images, tokens, _ = data.shape
    whole = torch.zeros(images, dtype=torch.bool, device=data.device)
    groups = torch.zeros(images, tokens, dtype=torch.long, device=data.device)
    if config.partitioned:
        places = Cells(config.partition.counts(tokens), draws.groups).of_places(images, data.device)
        groups = groups.scatter(1, draws.order, places)
    views = groups
    if draws.views is not None:
        views = torch.zeros_like(groups).scatter(1, draws.views, places)

    def per_token(rows: Tensor) -> Tensor:
        return rows.expand(-1, tokens) if rows.shape[1] == 1 else rows.gather(1, groups)

    return DenseBatch(data, draws.noise, per_token(draws.t), per_token(draws.k), groups, views, whole, labels, draws.dropped, null)


_position_table = dense_reference.position_table


@functools.cache
def _positions(tokens: int, width: int, device: torch.device) -> Tensor:
    return _position_table(tokens, width).to(device)


@contextlib.contextmanager
def in_place_of(functions: dict[str, Callable[..., Tensor]]) -> Iterator[None]:
    plain = {name: getattr(dense_reference, name) for name in functions}
    try:
        for name, function in functions.items():
            setattr(dense_reference, name, function)
        yield
    finally:
        for name, function in plain.items():
            setattr(dense_reference, name, function)


def positions_on(device: torch.device) -> Callable[..., Tensor]:
    """The table of positions, kept on the device."""
    return functools.partial(_positions, device=device)


def fused(attend: Callable[..., Tensor]) -> dict[str, Callable[..., Tensor]]:
    """Torch's operators in the place of the spelled-out formulas, and that attention."""
    return {
        "linear": lambda weights, name, x: F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"]),
        "silu": F.silu,
        "standardised": lambda x, epsilon=1e-6: F.layer_norm(x, x.shape[-1:], eps=epsilon),
        "tanh_gelu": lambda x: F.gelu(x, approximate="tanh"),
        "attend": attend,
    }


def _kernels(config: TrainConfig) -> AbstractContextManager[None]:
    masked = config.attention.separation != "none"

    def attend(q: Tensor, k: Tensor, v: Tensor, may_read: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=may_read[:, None] if masked else None)

    return in_place_of(fused(attend))
