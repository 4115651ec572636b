"""The designs: which variants of a base config a sweep compares. All of them come down to the same `Variant`s, so a trial serves any.

factorial        every combination of the levels of every factor, but for cells that `where` and `unless` drop
fractional       a regular fraction of the combinations of two-level factors, with its alias table
one_at_a_time    the first level of every factor, and each other level alone
leave_one_out    the full recipe, and the recipe minus each component
add_one_in       the base, and the base plus each component
path             from the base to the full recipe, a component at a time, in the order given
variants         an explicit list
search           proposals of a sampler over a space, the best of them confirmed on fresh seeds
"""

import functools
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sweeper.errors import nearest
from sweeper.records import Variant
from sweeper.spec.design import Design
from sweeper.spec.factors import Cells, Factor, level_name, written_as
from sweeper.spec.fractions import AliasRow, alias_table, fraction
from sweeper.spec.recipe_designs import AddOneInDesign, LeaveOneOutDesign, PathDesign
from sweeper.spec.search_design import SearchDesign
from sweeper.spec.section import Name

MOST_MATCHES = 200
"""Of `where` and of `unless`: every cell is held against each."""
MOST_FRACTIONAL_FACTORS = 15
"""The alias table lists every interaction: 32,767 of them."""


class Crossed(Design, ABC):
    """Base of the designs over factors; cells are named by their levels, so that one cell has one name in all of them."""

    factors: dict[Name, Factor] = Field(min_length=1)
    """Factor name -> its levels."""
    where: tuple[Cells, ...] = ()
    """Keep only cells that match one of these, such as {separation: full, ratio: [0.25, 0.5]}; a single one needs no list."""
    unless: tuple[Cells, ...] = ()
    """Drop cells that match one of these."""

    @field_validator("where", "unless", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        matches = [given] if isinstance(given, dict) else given
        if not isinstance(matches, list | tuple):
            return given
        return [{name: _as_levels(level) for name, level in match.items()} if isinstance(match, dict) else match for match in matches]

    @model_validator(mode="after")
    def _names_cells(self) -> Self:
        known = {name: dict.fromkeys(level for level, _ in factor.named_levels()) for name, factor in self.factors.items()}
        for what, matches in (("where", self.where), ("unless", self.unless)):
            if len(matches) > MOST_MATCHES:
                raise ValueError(
                    f"{what}: {len(matches):,} matches are more than the limit of {MOST_MATCHES}; give several levels of a factor in one,"
                    " such as {ratio: [0.25, 0.5]}, or list the cells with kind: variants"
                )
            for match in matches:
                if not match:
                    raise ValueError(f"{what}: an empty match means every cell; name a factor and its level, or leave it out")
                for factor, level in match.items():
                    if factor not in self.factors:
                        raise ValueError(f"{what}: there is no factor {factor!r}{nearest(factor, self.factors)}")
                    for written in level if isinstance(level, list) else [level]:
                        if written_as(written, known[factor]) is None:
                            name = level_name(written)
                            raise ValueError(f"{what}: {factor} has no level {name!r}{nearest(name, known[factor])}")
        return self

    @functools.cached_property
    def known_levels(self) -> Mapping[str, Sequence[str]]:
        """Factor -> names of its levels: made once, not for every match."""
        return {name: [level for level, _ in factor.named_levels()] for name, factor in self.factors.items()}

    def _wanted(self, match: Cells) -> dict[str, set[str | None]]:
        """Factor -> names of the levels that will do."""
        return {
            factor: {written_as(level, self.known_levels[factor]) for level in (levels if isinstance(levels, list) else [levels])}
            for factor, levels in match.items()
        }

    @abstractmethod
    def _cells(self) -> Iterator[Sequence[int]]:
        """Numbers of the levels of every cell, before any is dropped."""

    def expand(self) -> tuple[Variant, ...]:
        levels = [factor.named_levels() for factor in self.factors.values()]
        where, unless = ([self._wanted(match) for match in matches] for matches in (self.where, self.unless))
        found = []
        for cell in self._cells():
            chosen = [levels[i][number] for i, number in enumerate(cell)]
            names = dict(zip(self.factors, (name for name, _ in chosen), strict=True))
            if (not where or _matches(names, where)) and not _matches(names, unless):
                overrides = {path: value for _, fields in chosen for path, value in fields.items()}
                found.append(Variant("/".join(names.values()), names, overrides))
        return tuple(found)


class FactorialDesign(Crossed):
    """Every combination of the levels of every factor; the last factor varies fastest."""

    kind: Literal["factorial"]

    def size(self) -> int:
        return math.prod(len(factor.levels) for factor in self.factors.values())

    def _cells(self) -> Iterator[Sequence[int]]:
        return itertools.product(*(range(len(factor.levels)) for factor in self.factors.values()))


class OneAtATimeDesign(Crossed):
    """The first level of every factor, then every other level of each factor alone."""

    kind: Literal["one_at_a_time"]

    def size(self) -> int:
        return 1 + sum(len(factor.levels) - 1 for factor in self.factors.values())

    def _cells(self) -> Iterator[Sequence[int]]:
        first = [0] * len(self.factors)
        yield first
        for i, factor in enumerate(self.factors.values()):
            for level in range(1, len(factor.levels)):
                yield [*first[:i], level, *first[i + 1 :]]


class FractionalDesign(Crossed):
    """A regular fraction of the combinations of two-level factors (pydoe generates it). What it cannot tell apart, `plan` prints."""

    kind: Literal["fractional"]
    resolution: int | None = Field(default=None, ge=3, le=8)
    """Length of the shortest word that is aliased with the mean. 3: main effects are aliased with two-factor interactions; 4: these with
    each other; 5: neither."""
    generators: dict[Name, Annotated[list[Name], Field(min_length=2)]] | None = None
    """Instead of `resolution`: factor -> the factors of whose product it takes its level."""

    @model_validator(mode="after")
    def _of_two_levels(self) -> Self:
        if (self.resolution is None) == (self.generators is None):
            raise ValueError("a fractional design has either `resolution`, such as 4, or `generators`, such as {d: [a, b, c]}")
        for name, factor in self.factors.items():
            if len(factor.levels) != 2:
                raise ValueError(
                    f"factors.{name} has {len(factor.levels)} levels; a fractional design crosses factors of two,"
                    " take two of them or use kind: factorial with `where`"
                )
        if not 3 <= len(self.factors) <= MOST_FRACTIONAL_FACTORS:
            raise ValueError(
                f"a fractional design has 3 to {MOST_FRACTIONAL_FACTORS} factors, not {len(self.factors)}; use kind: factorial"
            )
        if self.where or self.unless:
            raise ValueError("`where` and `unless` would break the balance of a fractional design; use kind: factorial with them")
        for name, product in (self.generators or {}).items():
            for part in (name, *product):
                if part not in self.factors:
                    raise ValueError(f"generators: there is no factor {part!r}{nearest(part, self.factors)}")
                if part != name and part in (self.generators or {}):
                    raise ValueError(f"generators: {name} is made from {part}, which is itself generated; name factors that are not")
            if len(set(product)) < len(product):
                raise ValueError(f"generators: {name} names a factor twice; a factor times itself is the mean")
        if self.resolution is not None and self.resolution > len(self.factors):
            raise ValueError(
                f"resolution {self.resolution} needs more than {len(self.factors)} factors; ask for at most {len(self.factors)},"
                " or use kind: factorial"
            )
        return self

    def size(self) -> int:
        return 1 << len(self.factors)

    def _cells(self) -> Iterator[Sequence[int]]:
        yield from fraction(list(self.factors), self.resolution, self.generators or {})

    def aliases(self) -> tuple[AliasRow, ...]:
        """What the fraction cannot tell apart."""
        return alias_table(list(self.factors), [list(cell) for cell in self._cells()])


class VariantsDesign(Design):
    """An explicit list."""

    kind: Literal["variants"]
    variants: dict[Name, dict[str, Any]] = Field(min_length=1)
    """Variant name -> {dotted path: value}; `{}` is the base itself."""

    def size(self) -> int:
        return len(self.variants)

    def expand(self) -> tuple[Variant, ...]:
        return tuple(Variant(name, {}, overrides) for name, overrides in self.variants.items())


AnyDesign = Annotated[
    FactorialDesign | FractionalDesign | OneAtATimeDesign | LeaveOneOutDesign | AddOneInDesign | PathDesign | VariantsDesign | SearchDesign,
    Field(discriminator="kind"),
]


def _as_levels(given: Any) -> Any:
    """The levels null and {field: value} by their names; pydantic sees to the rest."""
    if isinstance(given, list):
        return list(map(_as_levels, given))
    return level_name(given) if given is None or isinstance(given, dict) else given


def _matches(names: Mapping[str, str], wanted: Sequence[Mapping[str, Collection[str | None]]]) -> bool:
    return any(all(names[factor] in levels for factor, levels in match.items()) for match in wanted)
