"""Training images that are drawn anew at every look: latents from their posterior's moments. C channels, S side, P values of a patch."""

import torch
from torch import Tensor

from model.autoencoder import Numbers, scaled
from model.data.row_examples import RowExamples
from model.data.rows import Rows
from model.patches import patchify
from model.randomness import BatchStreams, Stream
from model.transfer import moved


class LatentExamples(RowExamples):
    """z = (mean + std * eps - shift) * scale, eps ~ N(0, 1) from the stream `posterior` of every step; labels (n,) on the device."""

    def __init__(
        self, rows: Rows, places: Tensor, labels: Tensor, *, scale: Numbers, shift: Numbers = 0.0, patch: int, dtype: torch.dtype
    ) -> None:
        """`places` (n,): which rows are these images, a CPU tensor."""
        super().__init__(rows, places, labels)
        self._scale, self._shift, self._patch, self._dtype = scale, shift, patch, dtype

    def _of_step(self, rows: Tensor, streams: BatchStreams) -> Tensor:
        return self._drawn(rows, streams.normal("posterior", rows.shape[1] // 2, *rows.shape[2:]))

    def _once(self, rows: Tensor, drawn: Stream, first: int) -> Tensor:
        return self._drawn(rows, drawn.normal((len(rows), rows.shape[1] // 2, *rows.shape[2:]), first=first))

    def _drawn(self, moments: Tensor, noise: Tensor) -> Tensor:
        mean, std = moments.to(self._dtype).chunk(2, dim=1)
        eps = moved(noise.to(self._dtype), moments.device)
        return patchify(scaled(mean + std * eps, self._scale, self._shift), self._patch)
