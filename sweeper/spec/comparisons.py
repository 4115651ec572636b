"""What a contrast changes, and what it lacks: said in the plan before a trial runs, and in the report beside the estimate."""

from collections.abc import Mapping, Sequence
from typing import Any

from model.config import TrainConfig
from sweeper.errors import SpecError
from sweeper.records import Variant
from sweeper.spec.design_kinds import FractionalDesign
from sweeper.spec.designs import contrast_weights, missing_controls, unmatched
from sweeper.spec.factors import in_words, level_name
from sweeper.spec.load import variant_config
from sweeper.spec.sweep_spec import Contrast, SweepSpec

_ROUNDING = 1e-9
_LISTED = 2
"""Cells named one by one in a caveat."""


def caveats(contrast: Contrast, spec: SweepSpec, variants: Sequence[Variant]) -> tuple[str, ...]:
    """A sentence for each reason why the contrast does not show what its name says; none for a clean comparison of one factor."""
    found = []
    changed = changed_factors(contrast, spec, variants)
    if len(changed) > 1:
        found.append(f"Confounded: {_listing(changed)} change together, so the difference belongs to none of them alone.")
    if isinstance(spec.design, FractionalDesign) and len(changed) == 1:
        found += [
            f"Aliased in this fraction: {row}." for row in spec.design.aliases() if (changed[0],) in row.effects and len(row.effects) > 1
        ]
    if lacking := unmatched(contrast, variants):
        found.append(f"Over the cells that have a partner: {_not_in_the_design(lacking)}")
    if lacking := missing_controls(contrast, variants):
        held = in_words(contrast.holding)
        found.append(f"Without a control whether it is particular to {held}: {_not_in_the_design(lacking)}")
    return tuple(found)


def changed_factors(contrast: Contrast, spec: SweepSpec, variants: Sequence[Variant]) -> tuple[str, ...]:
    """Factors whose levels do not weigh the same on both sides; none for an interaction. Config fields where a variant has no factors,
    or where a level is a whole method.
    """
    weights = contrast_weights(contrast, variants)
    weighed = [(variant, weights[variant.name]) for variant in variants if variant.name in weights]
    sides = [variant for variant, _ in weighed]
    if len(sides) == 2 and any(not variant.levels or "method" in variant.overrides for variant in sides):
        return _changed_fields(spec, *sides)
    described = {variant.name: variant.levels or _fields(variant.overrides) for variant in sides}
    factors = dict.fromkeys(factor for levels in described.values() for factor in levels)
    return tuple(factor for factor in factors if _differs(factor, [(described[v.name], weight) for v, weight in weighed]))


def _differs(factor: str, weighed: Sequence[tuple[Mapping[str, str], float]]) -> bool:
    by_level: dict[str | None, float] = {}
    for levels, weight in weighed:
        level = levels.get(factor)
        by_level[level] = by_level.get(level, 0.0) + weight
    return any(abs(total) > _ROUNDING for total in by_level.values())


def _changed_fields(spec: SweepSpec, one: Variant, other: Variant) -> tuple[str, ...]:
    """Dotted paths in which two configs differ, but for fields that do nothing in one of them and equivalent spellings."""
    try:
        configs = [variant_config(spec, variant, spec.seeds[0]) for variant in (one, other)]
    except SpecError:  # a stored sweep whose files are gone
        plain = [_fields(variant.overrides) for variant in (one, other)]
    else:
        idle = configs[0].inert_fields() | configs[1].inert_fields()
        plain = [{path: text for path, text in _leaves(config).items() if path not in idle} for config in configs]
    paths = dict.fromkeys([*plain[0], *plain[1]])
    return tuple(path for path in paths if plain[0].get(path) != plain[1].get(path))


def _leaves(config: TrainConfig) -> dict[str, str]:
    return _fields(config.equivalent().model_dump(mode="json"))


def _fields(nested: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Dotted path -> value in words."""
    found: dict[str, str] = {}
    for name, value in nested.items():
        found |= _fields(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": level_name(value)}
    return found


def _not_in_the_design(cells: Sequence[Mapping[str, str]]) -> str:
    named = "; ".join(in_words(cell) for cell in cells[:_LISTED])
    more = f" and {len(cells) - _LISTED} more" if len(cells) > _LISTED else ""
    return f"{named}{more} {'is' if len(cells) == 1 else 'are'} not in the design."


def _listing(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
