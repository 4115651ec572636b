"""The released trainer of 2607.02508 in its manner of computing, with its own modules replaced by the oracle's formulas on torch's kernels.

What it computes too often it computes here as well: an adaLN row for every token, every block of the teacher, a noisy copy of the image per
group, each embedded; where something is separated, a dense mask and a softmax that is held. Where nothing is, its attention is fused. Its
moving average is a loop in Python, its AdamW torch's default, and it reads four numbers from the device in every step. N images, T tokens.
"""

import contextlib
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import dense_trainer
from benchmarks.dense_trainer import DenseTrainer, dense_batch, dense_method, dense_reference, in_place_of
from model.config import TrainConfig
from model.objective import Objective
from model.step_noise import StepNoise

READ_IN_A_STEP = 4
"""Numbers that are read from the device: both losses, their sum, the gradients' norm."""


class ReleasedTrainer(DenseTrainer):
    """Trains copies of a state's weights."""

    def __init__(self, objective: Objective, config: TrainConfig) -> None:
        super().__init__(objective, config)
        asked = config.optimizer
        self.optimizer = torch.optim.AdamW(  # type: ignore[assignment]  # not our subclass of it
            self.parameters, lr=asked.learning_rate, betas=asked.betas, eps=asked.epsilon, weight_decay=asked.weight_decay
        )

    def released_step(self, config: TrainConfig, data: Tensor, labels: Tensor, draws: StepNoise, precision: torch.dtype | None) -> Tensor:
        """One optimizer step on clean tokens (N, T, P); `precision` is that of autocast, None for none."""
        batch = dense_batch(config, data, labels, draws, self.null)
        average = dict(zip(self.names, self.average, strict=True))
        autocast = torch.autocast(data.device.type, dtype=precision) if precision else contextlib.nullcontext()
        with autocast, in_place_of(_operators(config, batch.groups)):
            losses = dense_reference.losses(dense_method(config), dict(self.student), dict(self.head), average, batch)
        self.optimizer.zero_grad(set_to_none=True)
        losses[0].backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimizer.step()
        with torch.no_grad():
            for held, moved in zip(self.average, self.student.values(), strict=True):
                held.mul_(self.decay).add_(moved, alpha=1 - self.decay)
        read = [number.item() for number in (*losses, norm)]
        assert len(read) == READ_IN_A_STEP
        return losses[0].detach()


def _operators(config: TrainConfig, groups: Tensor) -> dict[str, Callable[..., Tensor]]:
    masked, copies = (
        config.attention.separation != "none",
        len(config.partition.counts(groups.shape[1])) if config.timesteps.kind == "dual" else 1,
    )
    plain_mixed = dense_reference.mixed
    noisy: list[Tensor] = []

    def mixed(method: dense_reference.DenseMethod, batch: dense_reference.DenseBatch, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t of the image at each group's noise level, of which every token is then one."""
        noisy.clear()
        target = torch.zeros_like(batch.data)
        for group in range(copies):
            own = batch.groups == group if copies > 1 else torch.ones_like(batch.groups, dtype=torch.bool)
            level = t.masked_fill(~own, -torch.inf).amax(dim=1, keepdim=True)
            level = torch.where(level.isfinite(), level, t.amax(dim=1, keepdim=True)).expand_as(t)
            x, towards = plain_mixed(method, batch, level)
            noisy.append(x)
            target = torch.where(own[..., None], towards, target)
        return noisy[0], target

    def linear(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        if name != "x_embedder.proj":
            return F.linear(x, weight, bias)
        embedded = F.linear(noisy[0], weight, bias)
        for group, copy in enumerate(noisy[1:], start=1):
            embedded = torch.where((groups == group)[..., None], F.linear(copy, weight, bias), embedded)
        return embedded

    def attend(q: Tensor, k: Tensor, v: Tensor, may_read: Tensor) -> Tensor:
        return plain_attend(q, k, v, may_read) if masked else F.scaled_dot_product_attention(q, k, v)

    plain_attend = dense_reference.attend
    return dense_trainer.fused(attend) | {"linear": linear, "mixed": mixed, "position_table": dense_trainer.positions_on(groups.device)}
