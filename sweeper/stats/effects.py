"""Main, simple and interaction effects of a factorial on its primary metric, whether or not a contrast was declared for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal

from sweeper.records import Variant
from sweeper.stats.estimates import summarise_contrast
from sweeper.stats.summaries import Summary
from sweeper.stats.two_way import BlockDesign

Kind = Literal["main", "simple", "interaction", "variant"]
MOST_CELLS = 64
"""A larger design shows main effects only: its pairs of levels would fill pages."""


@dataclass(frozen=True)
class Effect:
    """A weighted sum over the variants, seed by seed where seeds are pairs."""

    kind: Kind
    name: str
    weights: Mapping[str, float]
    summary: Summary


def effects_of(
    variants: Sequence[Variant],
    baseline: str | None,
    values: Mapping[str, Mapping[int, float]],
    seeds: Sequence[int],
    *,
    paired: bool = True,
    assumed_cv: float | None = None,
    block_design_of: Callable[[Mapping[str, float]], BlockDesign | None] = lambda _: None,
) -> tuple[Effect, ...]:
    """Of every level against the baseline's (else the first): averaged over the other factors; at each level of the other one, where
    there are two factors; and the interactions of two levels each. Of explicit variants: each against the baseline.

    Args:
        variants: Of the design.
        baseline: Name of the variant whose levels the others are compared with; the first where None.
        values: Variant -> seed -> value of one metric in finished trials.
        seeds: Of the sweep.
        paired: Whether the trials of a seed are pairs.
        assumed_cv: Spread over seeds as a share of the mean, where too few are measured.
        block_design_of: The variants whose residuals make the error of a sum with these weights, where seeds are blocks.
    """
    effects = []
    for kind, name, weights in _weights(variants, baseline):
        summary, _ = summarise_contrast(values, weights, seeds, paired, assumed_cv, block_design_of(weights))
        effects.append(Effect(kind, name, weights, summary))
    return tuple(effects)


def _weights(variants: Sequence[Variant], baseline: str | None) -> Iterator[tuple[Kind, str, dict[str, float]]]:
    reference = next((v for v in variants if v.name == baseline), variants[0])
    if not reference.levels:
        for variant in variants:
            if variant is not reference:
                yield "variant", f"{variant.name} - {reference.name}", {variant.name: 1.0, reference.name: -1.0}
        return
    names = {tuple(variant.levels.values()): variant.name for variant in variants}
    levels = {factor: list(dict.fromkeys(variant.levels[factor] for variant in variants)) for factor in reference.levels}
    others = {factor: [level for level in levels[factor] if level != reference.levels[factor]] for factor in levels}
    # a level compares with its reference only over cells that are both there: a design may lack some
    yield from _main(names, levels, others, reference)
    if len(variants) > MOST_CELLS:
        return
    if len(levels) == 2:
        yield from _simple(names, levels, others, reference)
    yield from _interactions(names, levels, others, reference)


_Names = Mapping[tuple[str, ...], str]
_Levels = Mapping[str, list[str]]


def _main(names: _Names, levels: _Levels, others: _Levels, reference: Variant) -> Iterator[tuple[Kind, str, dict[str, float]]]:
    for place, factor in enumerate(levels):
        base = reference.levels[factor]
        for level in others[factor]:
            pairs = [(name, names.get(_with(cell, {place: base}))) for cell, name in names.items() if cell[place] == level]
            weights = _difference([(plus, minus) for plus, minus in pairs if minus is not None])
            rest = [other for other in levels if other != factor]
            over = f", averaged over {' and '.join(rest)}" if rest else ""
            if weights:
                yield "main", f"{factor}: {level} - {base}{over}", weights


def _simple(names: _Names, levels: _Levels, others: _Levels, reference: Variant) -> Iterator[tuple[Kind, str, dict[str, float]]]:
    for place, factor in enumerate(levels):
        other = next(name for name in levels if name != factor)
        base = reference.levels[factor]
        for level, held in product(others[factor], levels[other]):
            cells = [(level, held), (base, held)] if place == 0 else [(held, level), (held, base)]
            if all(cell in names for cell in cells):
                yield "simple", f"{factor}: {level} - {base}, at {other} {held}", {names[cells[0]]: 1.0, names[cells[1]]: -1.0}


def _interactions(names: _Names, levels: _Levels, others: _Levels, reference: Variant) -> Iterator[tuple[Kind, str, dict[str, float]]]:
    factors = list(levels)
    for first, second in combinations(range(len(factors)), 2):
        bases = reference.levels[factors[first]], reference.levels[factors[second]]
        for one, two in product(others[factors[first]], others[factors[second]]):
            squares = []
            for cell in names:
                if (cell[first], cell[second]) == (one, two):
                    square = [_with(cell, {first: a, second: b}) for a, b in ((one, two), (bases[0], two), (one, bases[1]), bases)]
                    if all(corner in names for corner in square):
                        squares.append([names[corner] for corner in square])
            weights: dict[str, float] = {}
            for corners in squares:
                for name, sign in zip(corners, (1, -1, -1, 1), strict=True):
                    weights[name] = weights.get(name, 0.0) + sign / len(squares)
            if weights:
                yield "interaction", f"{factors[first]} {one} x {factors[second]} {two}", weights


def _with(cell: tuple[str, ...], changed: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(changed.get(place, level) for place, level in enumerate(cell))


def _difference(pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for plus, minus in pairs:
        weights[plus] = weights.get(plus, 0.0) + 1 / len(pairs)
        weights[minus] = weights.get(minus, 0.0) - 1 / len(pairs)
    return weights
