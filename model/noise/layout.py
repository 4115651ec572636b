"""From a partition to the layout of a pass: where tokens stand, which conditioning row they take, whom they read.

N images, T tokens, G groups, R conditioning rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from model.config.alignment import Separation
from model.grouping import Grouping, Segment

SLICED_FROM = 128
"""Tokens from which on a call per group is cheaper than one call with a mask (benchmarks/NOTES.md)."""


@dataclass(frozen=True)
class Cells:
    """G groups over the places of a pass: runs of constant length, or an index where the lengths vary."""

    counts: tuple[int, ...]
    groups: Tensor | None
    """(N, T) group of each place, or None: by `counts`."""

    def of_places(self, images: int, device: torch.device) -> Tensor:
        """(N, T) group of each place."""
        if self.groups is not None:
            return self.groups
        places = torch.arange(sum(self.counts), device=device)
        edges = accumulate(self.counts[:-1])
        return sum(((places >= edge).long() for edge in edges), torch.zeros_like(places)).expand(images, -1)


def grouping_of(order: Tensor, counts: tuple[int, ...], *, separated: bool) -> Grouping:
    """The layout of a pass over tokens in `order` (N, T), cut at `counts`; separated groups read only themselves."""
    return Grouping(order, counts, segments(Cells(counts, None), "full" if separated else "none", whole=0, t=order))


def segments(cells: Cells, separation: Separation, *, whole: int, t: Tensor) -> tuple[Segment, ...]:
    """Who reads whom, when the first `whole` of N images read everything; t (N, G) is looked at by the one-way modes alone."""
    images = len(t)
    if separation == "none" or whole == images:
        return (Segment(),)
    divided = slice(whole, None) if whole else slice(None)
    first = (Segment(images=slice(0, whole)),) if whole else ()
    if cells.groups is not None:
        reads = _reads(separation, t, len(cells.counts))[divided]
        groups = cells.groups[divided]
        by_query = reads.gather(1, groups.unsqueeze(-1).expand(-1, -1, reads.shape[2]))
        mask = by_query.gather(2, groups.unsqueeze(1).expand(-1, groups.shape[1], -1))
        return (*first, Segment(images=divided, mask=mask.unsqueeze(1)))
    if separation in ("full", "shuffled"):
        if sum(cells.counts) < SLICED_FROM:
            group = cells.of_places(1, t.device)
            return (*first, Segment(images=divided, mask=(group.unsqueeze(2) == group.unsqueeze(1)).unsqueeze(1)))
        return (*first, *(Segment(images=divided, queries=cut, keys=cut) for cut in _cuts(cells.counts)))
    reads = _reads(separation, t, len(cells.counts))[divided]
    runs = [reads[:, :, h : h + 1].expand(-1, -1, count) for h, count in enumerate(cells.counts)]
    keys = torch.cat(runs, dim=2)  # (N, G, T): may group g read the token of this place?
    return (*first, *(Segment(divided, cut, slice(None), keys[:, g, None, None]) for g, cut in enumerate(_cuts(cells.counts))))


def _reads(separation: Separation, t: Tensor, groups: int) -> Tensor:
    """(N, G, G) bool: may group g read group h? Groups at the same noise level do not read each other."""
    own = torch.eye(groups, dtype=torch.bool, device=t.device).expand(len(t), -1, -1)
    match separation:
        case "noisy_reads_clean":
            return own | (t[:, None, :] < t[:, :, None])
        case "clean_reads_noisy":
            return own | (t[:, None, :] > t[:, :, None])
        case _:
            return own


def _cuts(counts: tuple[int, ...]) -> Iterator[slice]:
    return (slice(a, b) for a, b in pairwise([sum(counts[:g]) for g in range(len(counts) + 1)]))


def rows_seen_from(order: Tensor, rows: Tensor, views: Tensor) -> Tensor:
    """(N, T) row of each place of the order `views`, where `rows` (N, T) are those of the places of `order`."""
    of_token = torch.empty_like(rows, memory_format=torch.contiguous_format).scatter(1, order, rows)
    return of_token.gather(1, views)
