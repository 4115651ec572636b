"""Regular fractions of two-level factorials, and what they cannot tell apart. pydoe generates them; it is loaded when one is asked for."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

Word = tuple[str, ...]
"""Factors whose product is an interaction; a single one is a main effect, none is the mean."""
LONGEST_WORD = 2
"""Interactions of more factors are taken to be nothing; tables of aliases leave them out."""


@dataclass(frozen=True)
class AliasRow:
    """Effects that the fraction gives only the sum of (up to sign): main effects first."""

    effects: tuple[Word, ...]

    def __str__(self) -> str:
        return " = ".join(" x ".join(word) if word else "mean" for word in self.effects)


def fraction(factors: Sequence[str], resolution: int | None, generators: Mapping[str, Sequence[str]]) -> list[tuple[int, ...]]:
    """The runs: for every factor the number of its level, 0 or 1. By resolution, or with each generated factor the product of others."""
    pydoe = _pydoe()
    if resolution is not None:
        signs = pydoe.fracfact_by_res(len(factors), resolution)
    else:
        letters = dict(zip((name for name in factors if name not in generators), ascii_lowercase, strict=False))
        words = ("".join(letters[part] for part in generators[name]) if name in generators else letters[name] for name in factors)
        signs = pydoe.fracfact(" ".join(words))
    return [tuple(int(sign > 0) for sign in row) for row in signs]


def alias_table(factors: Sequence[str], runs: Sequence[Sequence[int]]) -> tuple[AliasRow, ...]:
    """Main effects and two-factor interactions that the runs give only the sum of; an effect alone in its row is told apart from all these.

    Two effects are aliased when their columns of signs are equal or opposite.
    """
    columns: dict[tuple[int, ...], list[Word]] = {}
    for length in range(LONGEST_WORD + 1):
        for word in itertools.combinations(range(len(factors)), length):
            signs = [1] * len(runs)
            for i in word:
                signs = [sign * (1 if run[i] else -1) for sign, run in zip(signs, runs, strict=True)]
            column = tuple(sign * signs[0] for sign in signs)
            columns.setdefault(column, []).append(tuple(factors[i] for i in word))
    return tuple(AliasRow(tuple(words)) for words in columns.values() if words != [()])


def _pydoe() -> Any:
    import pydoe

    return pydoe
