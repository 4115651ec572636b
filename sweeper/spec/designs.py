"""From a design to its variants, and from a contrast to the weight of each variant."""

import itertools
import math
from collections.abc import Iterable, Sequence

from sweeper.errors import SpecError, nearest
from sweeper.records import Variant
from sweeper.spec.report_template import ReportTemplate
from sweeper.spec.sweep_spec import Cell, Contrast, FactorialDesign, SweepSpec, level_name

MAX_VARIANTS = 10_000
"""A larger grid is a mistake; it is refused before it is expanded."""


def variants_of(spec: SweepSpec) -> tuple[Variant, ...]:
    """The variants of the design, in the order of the file (the last factor varies fastest)."""
    if not isinstance(spec.design, FactorialDesign):
        return tuple(Variant(name, {}, overrides) for name, overrides in spec.design.variants.items())
    factors = spec.design.factors
    size = math.prod(len(factor.levels) for factor in factors.values())
    if size > MAX_VARIANTS:
        raise SpecError(f"design.factors: {size:,} combinations are more than the limit of {MAX_VARIANTS:,}; drop levels or factors")
    cells = itertools.product(*(factor.named_levels() for factor in factors.values()))
    return tuple(_variant(list(factors), cell) for cell in cells)


def _variant(factors: list[str], cell: Sequence[tuple[str, dict[str, object]]]) -> Variant:
    levels = [name for name, _ in cell]
    overrides = {path: value for _, fields in cell for path, value in fields.items()}
    return Variant("/".join(levels), dict(zip(factors, levels, strict=True)), overrides)


def contrast_weights(contrast: Contrast, variants: Sequence[Variant]) -> dict[str, float]:
    """Variant name -> weight, so that the contrast is the weighted sum of the variants' metrics.

    `of` minus `to`; factors that the contrast does not name are averaged over, cell by matching cell (method of main effects).
    Raises SpecError naming the contrast when it names an unknown variant, factor or level, or compares a cell with itself.
    """
    names = [variant.name for variant in variants]
    if contrast.weights is not None:
        for name in contrast.weights:
            if name not in names:
                raise SpecError(f"contrasts: {contrast.name!r} weighs {name!r}, which is no variant{nearest(name, names)}")
        return dict(contrast.weights)
    if contrast.of is None or contrast.to is None:
        raise AssertionError("one of two forms, checked at construction")
    plus = _select(contrast, contrast.of, variants)
    minus = _select(contrast, contrast.to, variants)
    weights: dict[str, float] = {}
    for chosen, sign in ((plus, 1.0), (minus, -1.0)):
        for name in chosen:
            weights[name] = weights.get(name, 0.0) + sign / len(chosen)
    kept = {name: weight for name, weight in weights.items() if weight}
    if not kept:
        raise SpecError(f"contrasts: {contrast.name!r} compares a variant with itself; let `of` and `to` differ")
    return kept


def ensure_template_fits(template: ReportTemplate | None, variants: Sequence[Variant]) -> None:
    """Raises SpecError naming what the design does not have."""
    try:
        if template is not None:
            template.ensure_fits([variant.name for variant in variants], list(variants[0].levels))
    except ValueError as error:
        raise SpecError(str(error)) from error


def _select(contrast: Contrast, cell: Cell | str, variants: Sequence[Variant]) -> list[str]:
    if isinstance(cell, str):
        if cell not in [variant.name for variant in variants]:
            raise SpecError(f"contrasts: {contrast.name!r} names {cell!r}, which is no variant{nearest(cell, (v.name for v in variants))}")
        return [cell]
    wanted = {factor: level_name(level) for factor, level in (contrast.holding | cell).items()}
    _check_levels(contrast, wanted, variants)
    return [v.name for v in variants if all(v.levels[factor] == level for factor, level in wanted.items())]


def _check_levels(contrast: Contrast, wanted: dict[str, str], variants: Sequence[Variant]) -> None:
    for factor, level in wanted.items():
        factors = _distinct(name for variant in variants for name in variant.levels)
        if factor not in factors:
            raise SpecError(f"contrasts: {contrast.name!r} names {factor!r}, which is no factor of the design{nearest(factor, factors)}")
        levels = _distinct(variant.levels[factor] for variant in variants)
        if level not in levels:
            raise SpecError(f"contrasts: {contrast.name!r} names {level!r}, which is no level of {factor}{nearest(level, levels)}")


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
