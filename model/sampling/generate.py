"""Draw labelled samples from a network, block by block."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from model.backbone.transformer import DiffusionTransformer
from model.config.evaluation import EvaluationConfig
from model.noise.process import FLOW, Ddpm, Flow, Process
from model.randomness import stream
from model.sampling.ancestral import ancestral
from model.sampling.guidance import Field, Guided, guided_field
from model.sampling.ode import dopri5, euler, heun
from model.sampling.sde import euler_maruyama

BLOCK = 256
"""Samples drawn together. Sample i has rows i of the streams, so more samples begin with the fewer ones."""


def block_count(samples: int) -> int:
    """How many blocks so many samples are."""
    return -(-samples // BLOCK)


def block_start(number: int) -> int:
    """The place of a block's first sample."""
    return number * BLOCK


@torch.no_grad()
def generate(
    network: DiffusionTransformer,
    config: EvaluationConfig,
    *,
    shape: tuple[int, int],
    dtype: torch.dtype,
    tick: Callable[[], None],
    channels: int,
    process: Process = FLOW,
    classes: Sequence[int] = (),
    blocks: Iterable[int] | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Blocks of (tokens (n, *shape), labels (n,)), `config.samples` in all; sample i shows classes[i modulo their number], () is every one,
    in turn or drawn (`config.labels`).

    The sampler is one of the process (`TrainConfig` sees to it); tokens hold images of `channels`. `tick` is called before every block
    and every network call, to say that the trial is alive: a block of a large network takes longer than a trial may be silent. `blocks`
    are the numbers of those to draw, from 0; None is all. A block is the same whoever draws it.
    """
    device = network.positions.device
    cycle = torch.tensor(list(classes) or range(network.y_embedder.null), device=device)
    guided = Guided.of(config.guidance, process, shape[1], channels)
    for number in range(block_count(config.samples)) if blocks is None else blocks:
        tick()
        first = block_start(number)
        n = min(BLOCK, config.samples - first)
        if config.labels == "random" and not classes:
            drawn = stream(config.seed, "sample_labels").uniform((n,), first=first).double() * len(cycle)
            labels = cycle[drawn.long().to(device)]
        else:
            labels = cycle[torch.arange(first, first + n, device=device) % len(cycle)]

        def noise(purpose: str, *indices: int, first: int = first, n: int = n) -> Tensor:
            return stream(config.seed, purpose, *indices).normal((n, *shape), first=first).to(device, dtype)

        def field_at(decided_at: float | None = None, labels: Tensor = labels) -> Field:
            return _heard(guided_field(network, labels, config.guidance, guided, decided_at), tick)

        yield _follow(config, field_at, noise("sample"), partial(noise, "sample_sde"), process), labels


def _heard(field: Field, tick: Callable[[], None]) -> Field:
    def told(x: Tensor, t: float) -> Tensor:
        tick()
        return field(x, t)

    return told


def _follow(
    config: EvaluationConfig,
    field_at: Callable[..., Field],
    x: Tensor,
    fresh_noise: Callable[[int], Tensor],
    process: Process,
) -> Tensor:
    """The sampler of the config, from x, which is noise, to t = 0."""
    sampler, guidance = config.sampler, config.guidance
    match (sampler.kind, process):
        case ("euler", Flow()):
            return euler(field_at(), x, sampler.steps)
        case ("heun", Flow()):
            return heun(field_at, x, sampler.steps)
        case ("dopri5", Flow()):
            edges = () if guidance.scale == 1 else guidance.interval
            return dopri5(field_at, x, edges, relative=sampler.relative_tolerance, absolute=sampler.absolute_tolerance)
        case ("euler_maruyama", Flow(path)):
            return euler_maruyama(field_at(), x, sampler.steps, fresh_noise, path)
        case ("ancestral", Ddpm(diffusion)):
            return ancestral(field_at(), x, sampler.steps, fresh_noise, diffusion)
    raise AssertionError(f"{sampler.kind} does not sample {process}")
