"""Draw labelled samples from a network, block by block."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from model.backbone.transformer import DiffusionTransformer
from model.config.evaluation import EvaluationConfig
from model.noise.process import FLOW, Process
from model.randomness import stream
from model.sampling.guidance import Field, Guided, guided_field
from model.sampling.samplers import SamplingProblem, sampler_of

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
    sampler = sampler_of(config.sampler)
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
            return _ticking(guided_field(network, labels, config.guidance, guided, decided_at), tick)

        problem = SamplingProblem(
            x=noise("sample"),
            process=process,
            field=field_at(),
            field_decided_at=field_at,
            fresh_noise=partial(noise, "sample_sde"),
            guidance_edges=() if config.guidance.scale == 1 else config.guidance.interval,
            config=config.sampler,
        )
        yield sampler.draw(problem), labels


def _ticking(field: Field, tick: Callable[[], None]) -> Field:
    def ticked(x: Tensor, t: float) -> Tensor:
        tick()
        return field(x, t)

    return ticked
