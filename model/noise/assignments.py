"""Which tokens come first: an order of the tokens of every image, cut afterwards at the exact group sizes.

To add one: a subclass of `Assignment` here and its name in `ASSIGNMENTS` and `model.config.noise.ASSIGNMENTS`; or in a module of your own,
named `package.module.ClassName` in the config. N images, T tokens, S = sqrt(T) tokens a side, numbered row by row.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from model.errors import ConfigError
from model.randomness import BatchStreams
from model.user_class import load_class


class Assignment(ABC):
    """A law of token orders. Made without arguments, and without state: what it draws depends on the streams alone."""

    @abstractmethod
    def order(self, counts: tuple[int, ...], streams: BatchStreams, purpose: str) -> Tensor:
        """(N, T), N = streams.size, T = sum(counts): a permutation per image. Its first counts[0] tokens are group 0, the next counts[1]
        group 1, and so on.

        Draws only from streams whose names begin with `purpose`, so that a noise partition and a view of one image are independent.
        """


class Random(Assignment):
    """A uniform permutation (2607.02508, released code)."""

    def order(self, counts: tuple[int, ...], streams: BatchStreams, purpose: str) -> Tensor:
        return streams.uniform(purpose, sum(counts)).argsort(dim=1, stable=True)


class Block(Assignment):
    """Group 0 is a rectangle, as square as can be, its last row partial, at a random anchor; the rest follows row by row."""

    def order(self, counts: tuple[int, ...], streams: BatchStreams, purpose: str) -> Tensor:
        row, column = _grid(sum(counts))
        side = math.isqrt(sum(counts))
        width = math.isqrt(counts[0] - 1) + 1
        height = -(-counts[0] // width)
        anchor = streams.uniform(f"{purpose}/anchor", 2)
        top, left = (_below(anchor[:, i : i + 1], side - size + 1) for i, size in enumerate((height, width)))
        down, right = row - top, column - left
        inside = (down >= 0) & (down < height) & (right >= 0) & (right < width)
        return torch.where(inside, down * width + right, height * width + row * side + column).argsort(dim=1)


class Checkerboard(Assignment):
    """One colour of a checkerboard first, which one by a fair coin; tokens of one colour in uniform order."""

    def order(self, counts: tuple[int, ...], streams: BatchStreams, purpose: str) -> Tensor:
        row, column = _grid(sum(counts))
        phase = _below(streams.uniform(f"{purpose}/phase", 1), 2)
        colour = (row + column + phase) % 2
        return (streams.uniform(f"{purpose}/places", sum(counts)) / 2 + colour).argsort(dim=1, stable=True)


class Rows(Assignment):
    """Row by row from a random row on, around the lower edge."""

    def order(self, counts: tuple[int, ...], streams: BatchStreams, purpose: str) -> Tensor:
        tokens = sum(counts)
        side = math.isqrt(tokens)
        return (torch.arange(tokens) + side * _below(streams.uniform(f"{purpose}/offset", 1), side)) % tokens


class Learned(Random):
    """The order before tokens are scored: a uniform permutation, so that equal scores fall by chance (`model.learned_order`).

    A view is no more than that: in order of the same scores it would be the noise partition over again.
    """


ASSIGNMENTS: dict[str, type[Assignment]] = {
    "random": Random,
    "block": Block,
    "checkerboard": Checkerboard,
    "rows": Rows,
    "learned": Learned,
}


def assignment_named(name: str) -> Assignment:
    """The assignment of a name, or of the dotted path of a user's class; raises ConfigError when there is none."""
    if name in ASSIGNMENTS:
        return ASSIGNMENTS[name]()
    return _Checked(name, load_class("partition.assignment", name, Assignment))


class _Checked(Assignment):
    """A user's assignment, whose orders are looked at: a token that is missing or double would train silently on something else."""

    def __init__(self, name: str, inner: Assignment) -> None:
        self.name, self.inner = name, inner

    def order(self, counts: tuple[int, ...], streams: BatchStreams, purpose: str) -> Tensor:
        order = self.inner.order(counts, streams, purpose)
        images, tokens = streams.size, sum(counts)
        wanted = torch.arange(tokens).expand(images, -1)
        if order.ndim != 2 or order.dtype != torch.int64 or not torch.equal(order.sort(dim=1).values, wanted):
            raise ConfigError(
                f"partition.assignment {self.name} gave an order of shape {tuple(order.shape)} and type {order.dtype}"
                f" that is no permutation of {tokens} tokens in each of {images} images; return int64 (streams.size, {tokens})"
            )
        return order


def _grid(tokens: int) -> tuple[Tensor, Tensor]:
    """Row and column of every token, (T,) each."""
    side = math.isqrt(tokens)
    place = torch.arange(tokens)
    return place // side, place % side


def _below(uniform: Tensor, bound: int) -> Tensor:
    """U(0, 1) to a uniform integer of 0 .. bound - 1."""
    return (uniform * bound).long().clamp(max=bound - 1)
