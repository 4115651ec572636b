"""From a design to its variants, and from a contrast to the weight of each variant."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from sweeper.errors import SpecError, nearest
from sweeper.records import Variant
from sweeper.spec.factors import Cell, Level, in_words, level_name, written_as
from sweeper.spec.report_template import ReportTemplate
from sweeper.spec.sweep_spec import Contrast, SweepSpec

MAX_VARIANTS = 10_000
"""A larger grid is a mistake; it is refused before it is expanded."""
ADD_IT = "add the cell, or compare others"

Levels = Mapping[str, str]
"""Factor name -> level name."""


def variants_of(spec: SweepSpec) -> tuple[Variant, ...]:
    """The variants of the design, in the order of its tables."""
    size = spec.design.size()
    if size > MAX_VARIANTS:
        raise SpecError(f"design: {size:,} cells are more than the limit of {MAX_VARIANTS:,}; drop levels or factors")
    variants = spec.design.expand()
    if not variants:
        raise SpecError(f"design: `where` and `unless` drop all of its {size:,} cells; keep some")
    return variants


def contrast_weights(contrast: Contrast, variants: Sequence[Variant]) -> dict[str, float]:
    """Variant name -> weight, so that the contrast is the weighted sum of the variants' metrics.

    `of` minus `to`; factors that the contrast does not name are averaged over, cell by matching cell (method of main effects). Where the
    design lacks some of the matching cells, the average is over the pairs that it has.
    Raises SpecError naming the contrast when it names an unknown variant, factor or level, compares a cell with itself, or needs a cell
    that is not in the design.
    """
    if contrast.weights is not None:
        names = [variant.name for variant in variants]
        for name in contrast.weights:
            if name not in names:
                raise SpecError(f"contrasts: {contrast.name!r} weighs {name!r}, which is no variant{nearest(name, names)}")
        return dict(contrast.weights)
    if contrast.of is None or contrast.to is None:
        raise AssertionError("one of two forms, checked at construction")
    plus, minus = _select(contrast, contrast.of, variants), _select(contrast, contrast.to, variants)
    if isinstance(contrast.of, dict) and isinstance(contrast.to, dict):
        plus, minus = _matching(contrast, plus, minus)
    weights: dict[str, float] = {}
    for chosen, sign in ((plus, 1.0), (minus, -1.0)):
        for variant in chosen:
            weights[variant.name] = weights.get(variant.name, 0.0) + sign / len(chosen)
    kept = {name: weight for name, weight in weights.items() if weight}
    if not kept:
        raise SpecError(f"contrasts: {contrast.name!r} compares a variant with itself; let `of` and `to` differ")
    return kept


def cells_of(contrast: Contrast, variants: Sequence[Variant]) -> list[str]:
    """The variants that a contrast reads: those that it weighs, and the one that its margin is a share of."""
    weights = contrast_weights(contrast, variants)
    return [*weights, *({contrast.relative_to} - weights.keys() if contrast.relative_to else ())]


def unmatched(contrast: Contrast, variants: Sequence[Variant]) -> tuple[Levels, ...]:
    """Cells that the contrast lacks: partners of cells that it selects which are not in the design, in the design's order."""
    if not isinstance(contrast.of, dict) or not isinstance(contrast.to, dict):
        return ()
    of, to = contrast.of, contrast.to
    plus, minus = _select(contrast, of, variants), _select(contrast, to, variants)
    if not _comparable(contrast) or _balanced(contrast, plus, minus):
        return ()
    lacking = [_with(variant.levels, to) for variant in plus if _rest(variant, contrast) not in {_rest(v, contrast) for v in minus}]
    lacking += [_with(variant.levels, of) for variant in minus if _rest(variant, contrast) not in {_rest(v, contrast) for v in plus}]
    return tuple(lacking)


def missing_controls(contrast: Contrast, variants: Sequence[Variant]) -> tuple[Levels, ...]:
    """Where levels are held: cells that would show the same change at another level of one held factor, whose partner is in the design.

    Those of the factor that is held first come first.
    """
    if not contrast.holding or not _comparable(contrast):
        return ()
    assert isinstance(contrast.of, dict)
    assert isinstance(contrast.to, dict)
    present = {tuple(variant.levels.items()) for variant in variants}
    lacking: dict[tuple[tuple[str, str], ...], tuple[int, Levels]] = {}
    held = list(contrast.holding)
    for variant in variants:
        elsewhere = [factor for factor, level in contrast.holding.items() if variant.levels[factor] != level_name(level)]
        for here, there in ((contrast.of, contrast.to), (contrast.to, contrast.of)):
            if len(elsewhere) == 1 and variant.levels == _with(variant.levels, here):
                partner = _with(variant.levels, there)
                key = tuple(partner.items())
                lacking |= {key: (held.index(elsewhere[0]), partner)} if key not in present else {}
    return tuple(partner for _, partner in sorted(lacking.values(), key=lambda found: found[0]))


def _matching(contrast: Contrast, plus: list[Variant], minus: list[Variant]) -> tuple[list[Variant], list[Variant]]:
    """Both sides as they are where the other factors weigh the same in them (as in a regular fraction), else the cells with a partner."""
    if not _comparable(contrast) or _balanced(contrast, plus, minus):
        return plus, minus
    shared = {_rest(variant, contrast) for variant in plus} & {_rest(variant, contrast) for variant in minus}
    if not shared:
        lacking = [_with(variant.levels, contrast.to) for variant in plus] + [_with(variant.levels, contrast.of) for variant in minus]
        raise SpecError(f"contrasts: {contrast.name!r} has no control: {in_words(lacking[0])} is not in the design; {ADD_IT}")
    return [v for v in plus if _rest(v, contrast) in shared], [v for v in minus if _rest(v, contrast) in shared]


def _balanced(contrast: Contrast, plus: Sequence[Variant], minus: Sequence[Variant]) -> bool:
    """Whether every level of every other factor has the same share of both sides."""
    assert isinstance(contrast.of, dict)

    def shares(side: Sequence[Variant]) -> Mapping[tuple[str, str], Fraction]:
        counts = Counter((factor, level) for v in side for factor, level in v.levels.items() if factor not in (contrast.of or {}))
        return {level: Fraction(count, len(side)) for level, count in counts.items()}

    return shares(plus) == shares(minus)


def _comparable(contrast: Contrast) -> bool:
    """Whether both sides name the same factors, so that cells of one side match cells of the other."""
    return isinstance(contrast.of, dict) and isinstance(contrast.to, dict) and contrast.of.keys() == contrast.to.keys()


def _rest(variant: Variant, contrast: Contrast) -> tuple[str, ...]:
    """The levels of the factors that do not change."""
    assert isinstance(contrast.of, dict)
    return tuple(level for factor, level in variant.levels.items() if factor not in contrast.of)


def _with(levels: Levels, cell: Cell | str | None) -> dict[str, str]:
    assert isinstance(cell, dict)
    return {factor: level_name(cell[factor]) if factor in cell else level for factor, level in levels.items()}


def fitted_template(template: ReportTemplate, variants: Sequence[Variant]) -> ReportTemplate:
    """The template with variants and levels as the design writes them; SpecError naming what the design does not have."""
    factors = list(variants[0].levels)
    try:
        levels = {factor: _distinct(variant.levels[factor] for variant in variants) for factor in factors}
        return template.fitted([variant.name for variant in variants], levels)
    except ValueError as error:
        raise SpecError(str(error)) from error


def spelled(contrast: Contrast, variants: Sequence[Variant]) -> Contrast:
    """The contrast with variants and levels as the design writes them, so far as it has them: 1e-3 as 0.001."""
    names = [variant.name for variant in variants]

    def cell_of(cell: Cell) -> Cell:
        return {factor: _spelled_level(factor, level, variants) for factor, level in cell.items()}

    def one(written: Cell | str | None) -> Cell | str | None:
        return cell_of(written) if isinstance(written, dict) else written and (written_as(written, names) or written)

    changed = {
        "of": one(contrast.of),
        "to": one(contrast.to),
        "holding": cell_of(contrast.holding),
        "weights": contrast.weights and {written_as(name, names) or name: weight for name, weight in contrast.weights.items()},
        "relative_to": one(contrast.relative_to),
    }
    return contrast if all(getattr(contrast, field) == value for field, value in changed.items()) else contrast.model_copy(update=changed)


def _spelled_level(factor: str, level: Level, variants: Sequence[Variant]) -> Level:
    known = _distinct(variant.levels[factor] for variant in variants if factor in variant.levels)
    return level if level_name(level) in known else written_as(level, known) or level


def _select(contrast: Contrast, cell: Cell | str, variants: Sequence[Variant]) -> list[Variant]:
    if isinstance(cell, str):
        found = [variant for variant in variants if variant.name == cell]
        if not found:
            raise SpecError(f"contrasts: {contrast.name!r} names {cell!r}, which is no variant{nearest(cell, (v.name for v in variants))}")
        return found
    wanted = {factor: level_name(level) for factor, level in (contrast.holding | cell).items()}
    _check_levels(contrast, wanted, variants)
    found = [v for v in variants if all(v.levels[factor] == level for factor, level in wanted.items())]
    if not found:
        raise SpecError(
            f"contrasts: {contrast.name!r} needs {in_words(wanted)}, which is not in the design; add the cell, or compare others"
        )
    return found


def _check_levels(contrast: Contrast, wanted: Levels, variants: Sequence[Variant]) -> None:
    factors = _distinct(name for variant in variants for name in variant.levels)
    for factor, level in wanted.items():
        if factor not in factors:
            raise SpecError(f"contrasts: {contrast.name!r} names {factor!r}, which is no factor of the design{nearest(factor, factors)}")
        levels = _distinct(variant.levels[factor] for variant in variants)
        if level not in levels:
            raise SpecError(f"contrasts: {contrast.name!r} names {level!r}, which is no level of {factor}{nearest(level, levels)}")


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
