"""How one forward pass is laid out: which token comes where, which conditioning row it takes, who reads whom.

N images, T tokens, R conditioning rows, K channels. Variants of the method are values of `Grouping`; the forward path has no branch
for any of them. Tokens of one group stand together, so with exact counts a group is a static slice.
"""

import itertools
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Segment:
    """One attention call: in `images`, the tokens `queries` read the tokens `keys`."""

    images: slice = field(default_factory=lambda: slice(None))
    queries: slice = field(default_factory=lambda: slice(None))
    keys: slice = field(default_factory=lambda: slice(None))
    mask: Tensor | None = None
    """Bool, broadcasts to (images, 1, queries, keys): which of `keys` is read where that differs between images; None is all."""

    @property
    def is_everything(self) -> bool:
        """Whether all tokens of all images read all tokens."""
        return self.mask is None and self.images == self.queries == self.keys == slice(None)


@dataclass(frozen=True)
class Grouping:
    """Token order, conditioning-row index and attention segments of a pass.

    Segments cover every (image, token) once as queries, in order: image slices ascending, then query slices ascending.
    """

    order: Tensor | None
    """(N, T) index: place j of image n holds token order[n, j] of the image; None is the image's own order."""
    counts: tuple[int, ...]
    """Tokens of each conditioning row, in order; their sum is T."""
    segments: tuple[Segment, ...]
    rows: Tensor | None = None
    """(N, T) index: the conditioning row of each place, where that differs between images; None goes by `counts`."""

    @classmethod
    def whole(cls, tokens: int) -> "Grouping":
        """No groups: the image's own order, full attention; also what inference uses."""
        return cls(order=None, counts=(tokens,), segments=(Segment(),))

    def sort(self, tokens: Tensor) -> Tensor:
        """Tokens (N, T, K) or positions (1, T, K) from image order to group order, (N, T, K)."""
        if self.order is None:
            return tokens
        return _rows_at(tokens, self.order)

    def unsort(self, tokens: Tensor) -> Tensor:
        """The inverse of `sort`."""
        if self.order is None:
            return tokens
        index = self.order.unsqueeze(-1).expand_as(tokens)
        return torch.empty_like(tokens).scatter(1, index, tokens)

    def slices(self, rows: int) -> tuple[slice, ...]:
        """The tokens of each of several rows, where these are the same in all images; () where they are not, or each has but one."""
        if rows == 1 or self.rows is not None or len(self.counts) != rows or rows == sum(self.counts):
            return ()
        ends = list(itertools.accumulate(self.counts))
        return tuple(slice(end - count, end) for end, count in zip(ends, self.counts, strict=True))

    def spread(self, rows: Tensor) -> Tensor:
        """Rows (N, R, K) to tokens: (N, 1, K) for the one row that all share, (N, T, K) for one row per group or per token."""
        if rows.shape[1] == 1:
            return rows
        if self.rows is not None:
            return _rows_at(rows, self.rows)
        if rows.shape[1] != len(self.counts):
            raise AssertionError(f"{rows.shape[1]} conditioning rows for {len(self.counts)} groups")
        if len(self.counts) == sum(self.counts):
            return rows
        return torch.cat([rows[:, g : g + 1].expand(-1, count, -1) for g, count in enumerate(self.counts)], dim=1)


def _rows_at(rows: Tensor, index: Tensor) -> Tensor:
    """Rows (N, R, K) of each image, or (1, R, K) of all, at index (N, T): (N, T, K).

    By copies of whole rows; `gather` goes value by value, ten times slower on a CPU, and so does its backward pass.
    """
    images, held, channels = rows.shape
    if images > 1:
        index = index + held * torch.arange(images, device=index.device).unsqueeze(1)
    return rows.reshape(images * held, channels).index_select(0, index.flatten()).view(*index.shape, channels)
