"""The flow paths (2401.08740): x_t = a(t) x0 + s(t) e. t = 0 is data, t = 1 is noise."""

import math
from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor


class FlowPath(ABC):
    """A way from data to noise. `t` broadcasts against data and noise (N, T, P), so every token can have its own."""

    @abstractmethod
    def interpolate(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t."""

    @abstractmethod
    def velocity(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """d x_t / d t, the target of the network."""

    @abstractmethod
    def score(self, velocity_at: Tensor, x: Tensor, t: float) -> Tensor:
        """Score of the density at x from its velocity v: -E[e | x] / s with E[e | x] = (a' x - a v) / (a' s - a s'); t > 0."""


class Linear(FlowPath):
    """a = 1 - t, s = t."""

    def interpolate(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        return (1 - t) * data + t * noise

    def velocity(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        return noise - data

    def score(self, velocity_at: Tensor, x: Tensor, t: float) -> Tensor:
        return -(x + (1 - t) * velocity_at) / t


class Cosine(FlowPath):
    """a = cos(pi t / 2), s = sin(pi t / 2): the variance of whitened data stays 1."""

    def interpolate(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        angle = math.pi / 2 * t
        return torch.cos(angle) * data + torch.sin(angle) * noise

    def velocity(self, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        angle = math.pi / 2 * t
        return math.pi / 2 * (torch.cos(angle) * noise - torch.sin(angle) * data)

    def score(self, velocity_at: Tensor, x: Tensor, t: float) -> Tensor:
        angle = math.pi / 2 * t
        return -(x + 2 / math.pi * velocity_at / math.tan(angle))


PATHS: dict[Literal["linear", "cosine"], FlowPath] = {"linear": Linear(), "cosine": Cosine()}
