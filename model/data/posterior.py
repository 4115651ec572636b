"""Training images that are drawn anew at every look: latents from their posterior's moments. C channels, S side, P values of a patch."""

import torch
from torch import Tensor

from model.autoencoder import Numbers, scaled
from model.data.examples import Examples, batch_places
from model.data.rows import Rows
from model.patches import patchify
from model.randomness import BatchStreams, stream
from model.transfer import moved

JUDGED = 50_000
"""Training images that evaluation looks at, of a larger set: as many as FID is usually taken against."""
BLOCK = 1024


class LatentExamples:
    """z = (mean + std * eps - shift) * scale, eps ~ N(0, 1) from the stream `posterior` of every step; labels (n,) on the device."""

    def __init__(
        self, rows: Rows, places: Tensor, labels: Tensor, *, scale: Numbers, shift: Numbers = 0.0, patch: int, dtype: torch.dtype
    ) -> None:
        """`places` (n,): which rows are these images, a CPU tensor."""
        self._rows, self._places, self.labels = rows, places, labels
        self._scale, self._shift, self._patch, self._dtype = scale, shift, patch, dtype

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, streams: BatchStreams) -> tuple[Tensor, Tensor, Tensor]:
        """As `Examples.batch`; has the next step's rows read meanwhile."""
        here = batch_places(streams, len(self))
        moments = self._rows.at(self._places[here])
        self._rows.expect(self._places[batch_places(streams.next_step(), len(self))])
        noise = streams.normal("posterior", moments.shape[1] // 2, *moments.shape[2:])
        places = moved(here, self.labels.device)
        return places, self._drawn(moments, noise), self.labels.index_select(0, places)

    def fixed(self, most: int, purpose: str) -> Examples:
        """See `TrainingImages`; the same for every trial and seed."""
        drawn, parts = stream(0, purpose), []
        for first in range(0, min(most, len(self)), BLOCK):
            here = torch.arange(first, min(first + BLOCK, most, len(self)))
            moments = self._rows.at(self._places[here])
            noise = drawn.normal((len(here), moments.shape[1] // 2, *moments.shape[2:]), first=first)
            parts.append(self._drawn(moments, noise))
        return Examples(torch.cat(parts), self.labels[:most])

    def _drawn(self, moments: Tensor, noise: Tensor) -> Tensor:
        mean, std = moments.to(self._dtype).chunk(2, dim=1)
        eps = moved(noise.to(self._dtype), moments.device)
        return patchify(scaled(mean + std * eps, self._scale, self._shift), self._patch)
