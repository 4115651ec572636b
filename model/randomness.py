"""Randomness by name: every draw is a function of (seed, purpose, indices) and of its place, and nothing reads a global generator.

A variant that draws less than another never shifts another stream, a resumed run continues where it was, and two variants with one
seed see the same images, noise and shared initial weights. The bits are the same on every processor and with every version of torch: the
words are those of a counter-based generator of integers (Philox4x64-10, Salmon et al. 2011), and what is made of them is exact
or rounded once. A row takes as many words as it has values, so that row i is drawn without the rows before it.
"""

import hashlib
import math
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.normal_law import normal

WORDS = 8
"""32-bit words in a block of Philox, one value of its counter."""


def stream_seed(seed: int, purpose: str, *indices: int | str) -> int:
    """63-bit seed of the stream `purpose` at `indices` (a step, a group, a parameter name)."""
    name = "\x1f".join(map(str, (seed, purpose, *indices)))
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") >> 1


class Stream:
    """An endless array of random rows, of which any part can be drawn; float32 and int64 tensors on the CPU."""

    def __init__(self, key: int) -> None:
        self._key = key

    def uniform(self, shape: Sequence[int], *, first: int = 0) -> Tensor:
        """U(0, 1) of `shape`: multiples of 2^-24 below 1. Row 0 is row `first` of the stream."""
        found = (self._rows(shape, first) >> 8).view(np.int32).astype(np.float32)
        found *= np.float32(2**-24)
        return torch.from_numpy(found).view(*shape)

    def normal(self, shape: Sequence[int], *, first: int = 0) -> Tensor:
        """N(0, 1) of `shape`. Row 0 is row `first` of the stream."""
        return torch.from_numpy(normal(self._rows(shape, first))).view(*shape)

    def permutation(self, n: int) -> Tensor:
        """A uniform order of n things: that of n words of 64 bits."""
        return torch.from_numpy(self._words(0, 2 * n).view(np.uint64).argsort(kind="stable"))

    def _rows(self, shape: Sequence[int], first: int) -> npt.NDArray[np.uint32]:
        return self._words(first * math.prod(shape[1:]), math.prod(shape))

    def _words(self, first: int, count: int) -> npt.NDArray[np.uint32]:
        """Words `first` and on: a block's 64-bit numbers in order, the lower half of each before the upper."""
        block, skipped = divmod(first, WORDS)
        raw = _philox(self._key, block).random_raw(-(-(skipped + count) // 2))
        return raw.astype("<u8", copy=False).view("<u4")[skipped : skipped + count].astype(np.uint32, copy=False)


_held = threading.local()


def _philox(key: int, block: int) -> np.random.Philox:
    """The generator of this thread, put before a block of a key; to make one anew takes six times as long."""
    if not hasattr(_held, "philox"):
        _held.philox = np.random.Philox(key=0)
        _held.state = _held.philox.state  # a fresh one's: no half-used block
    place = _held.state["state"]
    place["key"][0], place["counter"][0] = key, block
    _held.philox.state = _held.state
    found: np.random.Philox = _held.philox
    return found


def stream(seed: int, purpose: str, *indices: int | str) -> Stream:
    """The stream of that name. Draws are made on the CPU so that they are the same on every device."""
    return Stream(stream_seed(seed, purpose, *indices))


def xavier_uniform(shape: Sequence[int], drawn: Stream) -> Tensor:
    """Weights of a layer (outputs, inputs, *places): U(-a, a), a^2 = 6 / (places (inputs + outputs)) (Glorot and Bengio 2010)."""
    bound = math.sqrt(6 / (math.prod(shape[2:]) * (shape[0] + shape[1])))
    return bound * (2 * drawn.uniform(shape) - 1)


class BatchStreams:
    """Draws of one optimizer step for the images `first:last` of the global batch.

    Each image's draws depend only on (seed, purpose, step, its index in the batch), and only those of the images at hand are made: the
    number of processes or micro-batches changes nothing.
    """

    def __init__(self, seed: int, step: int, batch_size: int, images: slice | None = None) -> None:
        self.seed, self.step, self.batch_size = seed, step, batch_size
        self.images = images if images is not None else slice(0, batch_size)

    @property
    def places(self) -> range:
        """Indices in the batch of the images at hand."""
        return range(self.batch_size)[self.images]

    @property
    def size(self) -> int:
        """How many images are at hand: the N of every draw."""
        return len(self.places)

    def next_step(self) -> "BatchStreams":
        """The streams of the same images one step later."""
        return BatchStreams(self.seed, self.step + 1, self.batch_size, self.images)

    def uniform(self, purpose: str, *shape: int) -> Tensor:
        """U(0, 1) of shape (images, *shape), float32."""
        return stream(self.seed, purpose, self.step).uniform((self.size, *shape), first=self.places.start)

    def normal(self, purpose: str, *shape: int) -> Tensor:
        """N(0, 1) of shape (images, *shape), float32."""
        return stream(self.seed, purpose, self.step).normal((self.size, *shape), first=self.places.start)
