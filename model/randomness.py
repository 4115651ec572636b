"""Randomness by name: every draw is a function of (seed, purpose, indices), and nothing reads a global generator.

A variant that draws less than another never shifts another stream, a resumed run continues where it was, and two variants with one
seed see the same images, noise and shared initial weights.
"""

import hashlib

import torch
from torch import Tensor


def stream_seed(seed: int, purpose: str, *indices: int | str) -> int:
    """63-bit seed of the stream `purpose` at `indices` (a step, a group, a parameter name)."""
    name = "\x1f".join(map(str, (seed, purpose, *indices)))
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") >> 1


def stream(seed: int, purpose: str, *indices: int | str) -> torch.Generator:
    """A fresh CPU generator; draws are made on the CPU so that they are the same on every device."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose, *indices))


class BatchStreams:
    """Draws of one optimizer step for the images `first:last` of the global batch.

    Every stream is drawn for the whole global batch and cut, so each image's draws depend only on (seed, purpose, step, its index in
    the batch): the number of processes or micro-batches changes nothing.
    """

    def __init__(self, seed: int, step: int, batch_size: int, images: slice | None = None) -> None:
        self.seed, self.step, self.batch_size = seed, step, batch_size
        self.images = images if images is not None else slice(0, batch_size)

    @property
    def size(self) -> int:
        """How many images are at hand: the N of every draw."""
        return len(range(self.batch_size)[self.images])

    def whole_batch(self) -> "BatchStreams":
        """The streams of all images of the step."""
        return BatchStreams(self.seed, self.step, self.batch_size)

    def next_step(self) -> "BatchStreams":
        """The streams of the same images one step later."""
        return BatchStreams(self.seed, self.step + 1, self.batch_size, self.images)

    def uniform(self, purpose: str, *shape: int) -> Tensor:
        """U(0, 1) of shape (images, *shape), float32."""
        generator = stream(self.seed, purpose, self.step)
        return torch.rand((self.batch_size, *shape), generator=generator)[self.images]

    def normal(self, purpose: str, *shape: int) -> Tensor:
        """N(0, 1) of shape (images, *shape), float32."""
        generator = stream(self.seed, purpose, self.step)
        return torch.randn((self.batch_size, *shape), generator=generator)[self.images]
