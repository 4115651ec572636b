"""What a diffusion process asks of the rest: how images are noised at t, what the network is to predict, and what is added to its error.

One object per process, and no branch on its name anywhere else. N images, T tokens, P values of a patch. Every t broadcasts against
(N, T, P), so each token can have its own.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from model.config.noise import DDPM_STEPS, ProcessConfig
from model.noise.ddpm import Diffusion
from model.noise.interpolant import PATHS, FlowPath


class Process(ABC):
    """From data to noise. What networks are told and draws hold is `t` in units of the process: [0, span], 0 is data."""

    outputs: Literal[1, 2]
    """Values that the network predicts for every value of a patch: 1, or 2 where it learns a variance; the target is of the first P."""
    t_max: float
    """Largest t, in units of the process."""
    predicts: Literal["velocity", "noise"]
    """What the first P predicted values are."""

    @abstractmethod
    def to_timestep(self, level: Tensor) -> Tensor:
        """Noise levels, or differences of such, in [0, 1] as t of the process."""

    @abstractmethod
    def add_noise(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t."""

    @abstractmethod
    def target(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """What the first P predicted values are trained to be."""

    @abstractmethod
    def variance_loss(self, predicted: Tensor, data: Tensor, noisy: Tensor, t: Tensor) -> Tensor | None:
        """What is added to the mean squared error for the other P values, a scalar; None where there are none."""


@dataclass(frozen=True)
class Flow(Process):
    """SiT (2401.08740): t in [0, 1], velocity prediction."""

    path: FlowPath
    outputs = 1
    t_max = 1.0
    predicts = "velocity"

    def to_timestep(self, level: Tensor) -> Tensor:
        return level

    def add_noise(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        return self.path.interpolate(data, noise, t)

    def target(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        return self.path.velocity(data, noise, t)

    def variance_loss(self, predicted: Tensor, data: Tensor, noisy: Tensor, t: Tensor) -> Tensor | None:
        return None


@dataclass(frozen=True)
class Ddpm(Process):
    """DiT (2212.09748): integer t in 0..999, noise prediction, learned variance (2102.09672). Noise levels per group are ours."""

    diffusion: Diffusion
    outputs = 2
    t_max = DDPM_STEPS - 1.0
    predicts = "noise"

    def to_timestep(self, level: Tensor) -> Tensor:
        return (DDPM_STEPS * level).floor().clamp(max=DDPM_STEPS - 1)

    def add_noise(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        return self.diffusion.add_noise(data, noise, t)

    def target(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        return noise

    def variance_loss(self, predicted: Tensor, data: Tensor, noisy: Tensor, t: Tensor) -> Tensor | None:
        return self.diffusion.bits(predicted, data, noisy, t).mean()


_PROCESSES: dict[tuple[str, str], Process] = {("flow", name): Flow(path) for name, path in PATHS.items()}
_PROCESSES["ddpm", "linear"] = Ddpm(Diffusion.linear())


def process_of(config: ProcessConfig) -> Process:
    """The process of a config; always the same object, since its tables stay on the device where they were used."""
    return _PROCESSES[config.kind, config.path]


FLOW = process_of(ProcessConfig())
"""The linear path, which nobody need name."""


def levels(count: int, process: Process) -> list[float]:
    """The middle of each of `count` equal parts of the noise levels, as t."""
    middles = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return process.to_timestep(middles).tolist()
