"""The token partition: which places of an image belong to which group, drawn by an assignment."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model.config.noise import PartitionConfig
from model.noise.assignments import Random, assignment_named
from model.randomness import BatchStreams


@dataclass(frozen=True)
class Partition:
    """Tokens in group order."""

    order: Tensor
    """(N, T): place j of image n holds token order[n, j]."""
    groups: Tensor | None
    """(N, T) group of each place, ascending, where group sizes vary; None: places are cut at exact sizes."""


def draw_partition(config: PartitionConfig, tokens: int, streams: BatchStreams, *, partitioned: bool) -> Partition:
    """The noise groups of a step's images; not `partitioned`, all tokens are one group."""
    if config.exact:
        counts = config.counts(tokens) if partitioned else (tokens,)
        return Partition(assignment_named(config.assignment).order(counts, streams, "partition"), None)
    groups = independent_groups(config.shares, streams.uniform("partition", tokens))
    order = groups.argsort(dim=1, stable=True)
    return Partition(order, groups.gather(1, order))


def draw_views(config: PartitionConfig, tokens: int, streams: BatchStreams) -> Tensor:
    """(N, T): the order of a second, independent partition with the same group sizes, cut where the first is."""
    if config.exact:
        return assignment_named(config.assignment).order(config.counts(tokens), streams, "views")
    return Random().order((tokens,), streams, "views")  # independent draws, given their sizes, are a uniform order


def independent_groups(shares: tuple[float, ...], u: Tensor) -> Tensor:
    """`bernoulli` (2603.06507): the group of every token by itself, from u (N, T); a group may be empty."""
    edges = torch.tensor(shares, dtype=torch.float64).cumsum(dim=0)[:-1]
    return torch.searchsorted(edges, u.double(), right=True)


def draw_whole_images(config: PartitionConfig, streams: BatchStreams) -> Tensor:
    """(N,) bool: which of the step's images at hand are left whole; exactly `config.whole_images` of the batch.

    Always the same places of a batch, evenly spread: images come to them in shuffled order, and parts of a batch of one size hold at
    most two counts of whole images, so that their work is equal and a compiled step has at most two graphs.
    """
    wanted, images = config.whole_images(streams.batch_size), streams.batch_size
    return torch.tensor([(place + 1) * wanted // images > place * wanted // images for place in streams.places])
