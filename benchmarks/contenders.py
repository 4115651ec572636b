"""What the benchmarks of a step measure: every variant of a model as this project trains it and as the dense oracle does.

All variants share one set of weights, so that the largest model fits its device once, and the oracle another.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from benchmarks.dense_trainer import DenseTrainer
from model.config import DigitsData, Precision, TrainConfig
from model.data.dataset import DataSet, load
from model.data.examples import Examples
from model.objective import Objective
from model.presets import config_from, merge
from model.randomness import BatchStreams
from model.step_noise import draw
from model.training.compilation import compile_where_it_pays
from model.training.state import TrainingState, initial_state, no_sums, target_of
from model.training.step import DTYPES, train_step

FULL: dict[str, Any] = {"attention": {"separation": "full"}, "alignment": {"teacher": {"separated": True}}}
DUAL: dict[str, Any] = {"timesteps": {"kind": "dual"}}
PUBLISHED = {"SRA": "sra", "Self-Flow": "self_flow_p1", "SRA + DTS": "sra_dts", "SRA + DTS + AS": "sra_dts_as"}
"""The methods of 2607.02508, as it calls them, and here."""
VARIANTS: dict[str, dict[str, Any]] = {
    "single/none": {},
    "single/full": FULL,
    "dual/none": DUAL,
    "dual/full": merge(DUAL, FULL),
    "dual/shuffled": merge(DUAL, merge(FULL, {"attention": {"separation": "shuffled"}})),
    "dual/noisy_reads_clean": merge(DUAL, merge(FULL, {"attention": {"separation": "noisy_reads_clean"}})),
    **{name: {"method": method} for name, method in PUBLISHED.items()},
}
TRAINERS = ("ours", "oracle", "kernels")
"""This project; the dense oracle as it is written; the oracle with torch's fused kernels."""
COMPILED = "compiled"
"""This project as it trains most long runs on a CPU: `ours` is compiled on a GPU alone."""
IMAGES = 512
"""Random latents that stand for a data set."""


@dataclass(frozen=True)
class Case:
    """A model, its images and its batch."""

    preset: str
    batch: int
    channels: int = 4
    side: int = 32
    """Of a latent, in pixels; an image of 256 has 32."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Laid over the preset."""

    def config(self, variant: str, precision: str) -> TrainConfig:
        """The config of a variant; random latents are trained on in place of the data it names."""
        partial = {"preset": self.preset, "batch_size": self.batch, "precision": precision}
        return config_from(merge(merge(partial, self.changes), VARIANTS[variant]))

    def data(self, patch: int, device: torch.device, dtype: torch.dtype) -> DataSet:
        """Digits for the nano model of 16 tokens, random latents for all others."""
        if self.preset == "nano" and "backbone" not in self.changes:
            return load(DigitsData(), patch, device, dtype)
        shape = (IMAGES, (self.side // patch) ** 2, self.channels * patch**2)
        tokens = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        examples = Examples(tokens.to(device, dtype), torch.arange(IMAGES, device=device) % 1000)
        return DataSet(examples, examples, self.channels, 1000, "random latents", examples, bounded=False)


def trainers_of(variant: str, trainers: Sequence[str]) -> list[str]:
    """Those that a variant is measured with: a minute of compilation is spent on the published methods alone."""
    return [trainer for trainer in trainers if trainer != COMPILED or variant in (*PUBLISHED, "dual/full")]


class Contenders:
    """The trainers of one case on one device."""

    def __init__(self, case: Case, device: torch.device, precision: Precision) -> None:
        self.case, self.device, self.precision = case, device, precision
        first = case.config("dual/full", precision)
        self.data = case.data(first.backbone.patch, device, DTYPES[precision])
        _, self.tokens, self.patch_values = self.data.held_out.tokens.shape
        self._state = initial_state(first, self.data, device, DTYPES[precision])

    @property
    def objective(self) -> Objective:
        """With the shared weights, which no trainer has moved yet where it is asked first."""
        return self._state.objective

    @cached_property
    def _oracle(self) -> DenseTrainer:
        return DenseTrainer(self._state.objective, self.case.config("dual/full", self.precision))

    def all(self, variants: list[str], steps: int, trainers: Sequence[str] = TRAINERS) -> Iterator[tuple[str, Callable[[], None]]]:
        """Every trainer of every variant, by the name `<variant> <trainer>`, as a call of so many steps."""
        for variant in variants:
            for trainer in trainers_of(variant, trainers):
                yield f"{variant} {trainer}", self.call(variant, trainer, steps)

    def call(self, variant: str, trainer: str, steps: int) -> Callable[[], None]:
        """So many steps of one trainer."""
        config = self.case.config(variant, self.precision)
        state = self.of(config, trainer) if trainer in ("ours", COMPILED) else None

        def call() -> None:
            for step in range(steps):
                if state is not None:
                    train_step(config, state, self.data.train, self.precision)
                else:
                    self.dense(config, step, kernels=trainer == "kernels")

        return call

    def of(self, config: TrainConfig, trainer: str = "ours") -> TrainingState:
        """The shared weights, trained by the config's method; compiled on a GPU, and where the trainer is `COMPILED`."""
        compiled = self.device.type == "cuda" or trainer == COMPILED
        config = config.model_copy(update={"compile": "on" if compiled else "off"})
        shared = self._state.objective
        target, _ = target_of(config, shared.average, self.data)
        objective = Objective(config, shared.student, shared.head, shared.average, target)
        compile_where_it_pays(config, objective, self.device)
        return replace(self._state, objective=objective, trained=objective, sums=no_sums(config, self.device))

    def dense(self, config: TrainConfig, step: int, *, kernels: bool) -> Tensor:
        """Loss of one step of the oracle, which sees and draws what ours does."""
        streams = BatchStreams(config.seed, step, config.batch_size)
        _, tokens, labels = self.data.train.batch(streams)
        drawn = draw(config, streams, tokens.shape[1], tokens.shape[2]).to(self.device, tokens.dtype)
        precision = torch.bfloat16 if self.precision == "bf16" else None
        return self._oracle.step(config, tokens, labels, drawn, precision, kernels=kernels)
