"""Main effects and interactions of a factorial design, from whole seed blocks: each is a weighted sum of all cells, seed by seed."""

import itertools
import math
from collections.abc import Iterator, Sequence

from sweeper.records import Variant
from sweeper.report.contrasts import Outcomes, summary_of, values_of
from sweeper.report.pairing import pairing_of
from sweeper.report.rows import EffectRow
from sweeper.spec.sweep_spec import SweepSpec

MOST = 40
"""Effects; where there would be more, interactions are left out, and then the table."""

Weights = dict[str, float]


def effect_rows(spec: SweepSpec, variants: Sequence[Variant], outcomes: Outcomes) -> tuple[EffectRow, ...]:
    """Empty for a design that is no full factorial of two factors or more, and where no seed block is whole."""
    effects = effect_weights(variants)
    if not effects:
        return ()
    values = values_of([variant.name for variant in variants], spec, outcomes)
    pairing = pairing_of(values, spec.seeds, outcomes)
    rows = []
    for name, weights in effects.items():
        summary, bootstrap = summary_of(values, weights, spec, pairing)
        rows.append(EffectRow(name, name.count(" x "), weights, summary, bootstrap))
    return tuple(rows) if any(row.summary.n for row in rows) else ()


def effect_weights(variants: Sequence[Variant]) -> dict[str, Weights]:
    """Effect -> weight of every cell.

    Main effect of a level: the mean of its cells minus that of the factor's first level. Interaction of two levels: the difference of
    such differences, averaged over the other factors (for 2 x 2, (DF - DN) - (SF - SN), not halved).
    """
    factors = {name: tuple(dict.fromkeys(variant.levels[name] for variant in variants)) for name in variants[0].levels} if variants else {}
    if len(factors) < 2 or any(variant.levels.keys() != factors.keys() for variant in variants):
        return {}
    if len(variants) != math.prod(map(len, factors.values())) or len({tuple(v.levels.values()) for v in variants}) != len(variants):
        return {}
    main = [((factor, level),) for factor, levels in factors.items() for level in levels[1:]]
    pairs = [(a, b) for (a,), (b,) in itertools.combinations(main, 2) if a[0] != b[0]]
    terms = [*main, *pairs] if len(main) + len(pairs) <= MOST else main
    if len(terms) > MOST:
        return {}
    return {" x ".join(f"{f}: {level} - {factors[f][0]}" for f, level in term): dict(_weights(term, factors, variants)) for term in terms}


def _weights(
    term: Sequence[tuple[str, str]], factors: dict[str, tuple[str, ...]], variants: Sequence[Variant]
) -> Iterator[tuple[str, float]]:
    averaged = math.prod(len(levels) for factor, levels in factors.items() if factor not in dict(term))
    for variant in variants:
        signs = [(variant.levels[f] == level) - (variant.levels[f] == factors[f][0]) for f, level in term]
        if all(signs):
            yield variant.name, math.prod(signs) / averaged
