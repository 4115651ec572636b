"""Training images that lie as rows of an array, on the device or on disk; what becomes of a row is said by what they are."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from model.data.examples import Examples, batch_places
from model.data.rows import Rows
from model.randomness import BatchStreams, Stream, stream
from model.transfer import moved

REFERENCE_IMAGES = 50_000
"""Training images that evaluation looks at, of a larger set: as many as FID is usually taken against."""


class RowExamples(ABC):
    """Images of one part of a data set. Labels (n,) on the device; tokens (m, T, P) are made of rows when they are asked for."""

    block = 1024
    """Rows that are made tokens together, where there are many."""

    def __init__(self, rows: Rows, places: Tensor, labels: Tensor) -> None:
        """`places` (n,): which rows are these images, a CPU tensor."""
        self._rows, self._places, self.labels = rows, places, labels

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, streams: BatchStreams) -> tuple[Tensor, Tensor, Tensor]:
        """As `Examples.batch`; has the next step's rows read meanwhile."""
        here = batch_places(streams, len(self))
        rows = self._rows.at(self._places[here])
        self._rows.expect(self._places[batch_places(streams.next_step(), len(self))])
        places = moved(here, self.labels.device)
        return places, self._of_step(rows, streams), self.labels.index_select(0, places)

    def fixed(self, most: int, purpose: str) -> Examples:
        """See `TrainingImages`; the same for every trial and seed. No more is held than the tokens and a block."""
        count, drawn = min(most, len(self)), stream(0, purpose)
        tokens = torch.empty(0)
        for first in range(0, count, self.block):
            here = torch.arange(first, min(first + self.block, count))
            part = self._once(self._rows.at(self._places[here]), drawn, first)
            tokens = tokens if first else part.new_empty((count, *part.shape[1:]))
            tokens[first : first + len(part)] = part
        return Examples(tokens, self.labels[:most])

    @abstractmethod
    def _of_step(self, rows: Tensor, streams: BatchStreams) -> Tensor:
        """Tokens of the rows that a step sees."""

    @abstractmethod
    def _once(self, rows: Tensor, drawn: Stream, first: int) -> Tensor:
        """Tokens of rows, the same ever after; those of image `first` of the stream `drawn` and on."""
