"""Training images that are stored as pixels of 8 bits: nothing is drawn, and nothing but the batch is ever tokens."""

import torch
from torch import Tensor

from model.data.pictures import in_range
from model.data.row_examples import RowExamples
from model.data.rows import Rows
from model.patches import patchify
from model.randomness import BatchStreams, Stream


class PixelExamples(RowExamples):
    """x = pixel / 127.5 - 1; rows (n, S, S, 3) uint8, which are moved to the device as they are."""

    block = 64

    def __init__(self, rows: Rows, places: Tensor, labels: Tensor, *, patch: int, dtype: torch.dtype) -> None:
        """`places` (n,): which rows are these images, a CPU tensor."""
        super().__init__(rows, places, labels)
        self._patch, self._dtype = patch, dtype

    def _of_step(self, rows: Tensor, streams: BatchStreams) -> Tensor:
        return self._tokens(rows)

    def _once(self, rows: Tensor, drawn: Stream, first: int) -> Tensor:
        return self._tokens(rows)

    def _tokens(self, pixels: Tensor) -> Tensor:
        return patchify(in_range(pixels), self._patch).to(self._dtype)
