"""Samplers by name: from noise to images, each with what it is given to draw with.

To add one of your own without touching this package: a subclass of `Sampler` in a module of yours, named `package.module.ClassName` in
`evaluation.sampler.kind`. To build one in: its code in a file beside this one, a subclass here, and its name in `model.config.sampler`.
N samples of T tokens with F values each.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from model.config.sampler import SamplerConfig, hash_of
from model.errors import ConfigError, DataError
from model.noise.process import Ddpm, Flow, Process
from model.sampling.ancestral import ancestral
from model.sampling.guidance import Field
from model.sampling.ode import dopri5, euler, heun
from model.sampling.sde import euler_maruyama
from model.user_class import load_class


@dataclass(frozen=True)
class SamplingProblem:
    """What a sampler draws with: the network, guided as the config says, and its noise."""

    x: Tensor
    """(N, T, F) of N(0, 1): the images at t = 1."""
    process: Process
    """How data became noise."""
    field: Field
    """(x, t) to what the network says of x (N, T, F) at t, a number from 1 (noise) to 0 (data): the velocity of a flow; of ddpm, with t
    the place in the chain, noise and variance. Each call is one of the network, two under guidance."""
    field_decided_at: Callable[[float], Field]
    """The field whose guidance is that of the given t, whatever t it is called with: for rules that look ahead within a step."""
    fresh_noise: Callable[[int], Tensor]
    """N(0, 1) like x for step i. A sampler draws no other random numbers: samples must not depend on who draws them."""
    guidance_edges: tuple[float, ...]
    """Where guidance begins and ends: the field jumps there. Empty without guidance."""
    config: SamplerConfig
    """Steps and tolerances."""


class Sampler(ABC):
    """A rule from noise to images. Made without arguments, and without state."""

    @abstractmethod
    def draw(self, problem: SamplingProblem) -> Tensor:
        """(N, T, F) like `problem.x`: the images at t = 0. Raises ConfigError for a process that it does not sample."""


class Euler(Sampler):
    def draw(self, problem: SamplingProblem) -> Tensor:
        return euler(problem.field, problem.x, problem.config.steps)


class Heun(Sampler):
    def draw(self, problem: SamplingProblem) -> Tensor:
        return heun(problem.field_decided_at, problem.x, problem.config.steps)


class Dopri5(Sampler):
    def draw(self, problem: SamplingProblem) -> Tensor:
        relative, absolute = problem.config.relative_tolerance, problem.config.absolute_tolerance
        return dopri5(problem.field_decided_at, problem.x, problem.guidance_edges, relative=relative, absolute=absolute)


class EulerMaruyama(Sampler):
    def draw(self, problem: SamplingProblem) -> Tensor:
        assert isinstance(problem.process, Flow)
        return euler_maruyama(problem.field, problem.x, problem.config.steps, problem.fresh_noise, problem.process.path)


class Ancestral(Sampler):
    def draw(self, problem: SamplingProblem) -> Tensor:
        assert isinstance(problem.process, Ddpm)
        return ancestral(problem.field, problem.x, problem.config.steps, problem.fresh_noise, problem.process.diffusion)


_SAMPLERS: dict[str, type[Sampler]] = {
    "euler": Euler,
    "heun": Heun,
    "dopri5": Dopri5,
    "euler_maruyama": EulerMaruyama,
    "ancestral": Ancestral,
}


def sampler_of(config: SamplerConfig) -> Sampler:
    """The sampler that a config names.

    Raises:
        ConfigError: There is no such class.
        DataError: The file of a user's class, or a module of his that it imports, was replaced since the trial was planned.
    """
    if config.kind in _SAMPLERS:
        return _SAMPLERS[config.kind]()
    inner = load_class("evaluation.sampler.kind", config.kind, Sampler)
    if (found := hash_of(config.kind)) != config.source_hash:
        raise DataError(
            f"the file of evaluation.sampler.kind {config.kind}, or of what it imports, was replaced after this trial was planned: its"
            f" content is {found[:16]}, not {config.source_hash[:16]}; put the old content back, or run the same command again, which"
            " plans with the new"
        )
    return _Checked(config.kind, inner)


class _Checked(Sampler):
    """A user's sampler, whose images are looked at: of another shape or type they would be measured as something else."""

    def __init__(self, name: str, inner: Sampler) -> None:
        self.name, self.inner = name, inner

    def draw(self, problem: SamplingProblem) -> Tensor:
        x = self.inner.draw(problem)
        if x.shape != problem.x.shape or x.dtype != problem.x.dtype:
            raise ConfigError(
                f"evaluation.sampler.kind {self.name} gave images of shape {tuple(x.shape)} and type {x.dtype}; return them like problem.x,"
                f" {tuple(problem.x.shape)} and {problem.x.dtype}"
            )
        return x
