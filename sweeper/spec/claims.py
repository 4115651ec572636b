"""When a contrast is a claim: its kind, its margin, its level, and the rules that hold between them.

A claim is declared before the run; the report answers it with supported, refuted or inconclusive. A margin in % is on the log of the
metric: 2% is log(1.02) to either side.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from sweeper.errors import SpecError, nearest
from sweeper.records import Variant
from sweeper.spec.explaining import short

if TYPE_CHECKING:
    from sweeper.spec.sweep_spec import Contrast

ClaimKind = Literal["superior", "non_inferior", "equivalent", "no_interaction", "finishes_more"]
"""`superior`: `of` is better than `to`, by more than the margin if there is one (two-sided test) · `non_inferior`: not worse by more than
the margin (one-sided) · `equivalent`: within the margin to both sides (two one-sided tests) · `no_interaction`: likewise, of a difference
of differences · `finishes_more`: a larger share of the trials of `of` finishes, and does not diverge (Barnard's exact test, two-sided)."""
NEED_MARGIN = ("non_inferior", "equivalent", "no_interaction")

SMALLEST_ALPHA = 1e-9
"""Quantiles of smaller levels leave what a double can tell from certainty."""
LARGEST_WEIGHT, SMALLEST_WEIGHT = 1e6, 1e-6
LARGEST_AMOUNT, SMALLEST_SHARE = 1e100, 1e-4
"""In units of the metric, where a square would overflow; in percent."""

_PERCENT = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*%")
_PERCENT_SCHEMA = {"type": "string", "pattern": r"^(\d+(\.\d+)?|\.\d+)\s*%$"}


def percent(value: float | str | None) -> float | None:
    """2.0 of '2%'; None of a plain number and of None."""
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(found[1]) if found else None


def _share(value: Any) -> Any:
    share = percent(value) if isinstance(value, str) else None
    if share is None or not 0 < share < 100:
        raise ValueError(f"give a share above 0% and below 100%, such as 1.3%; not {short(value)}")
    if share < SMALLEST_SHARE or f"{share:g}" == "100":
        raise ValueError(f"give a share of at least {SMALLEST_SHARE:g}% and of six digits at most, such as 1.3%; not {short(value)}")
    return f"{share:g}%"


def _amount(value: Any) -> Any:
    if isinstance(value, str):
        return _share(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError(f"give a number above 0, in units of the metric, or a share such as 2%; not {short(value)}")
    if value >= LARGEST_AMOUNT:
        raise ValueError(f"give a number below {LARGEST_AMOUNT:g}, in units of the metric, or a share such as 2%; not {short(value)}")
    return float(value)


Share = Annotated[str, BeforeValidator(_share), WithJsonSchema(_PERCENT_SCHEMA)]
"""A percentage above 0 and below 100, as text: '1.3%'."""
Amount = Annotated[
    float | str, BeforeValidator(_amount), WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _PERCENT_SCHEMA]})
]
"""A number above 0 in units of the metric, or a percentage of it."""
Alpha = Annotated[float, Field(ge=SMALLEST_ALPHA, lt=0.5)]


def ensure_weights(name: str, weights: Mapping[str, float]) -> None:
    """Raises ValueError where the weights of a contrast are no comparison, or so far apart that sums over them mean nothing."""
    used = {variant: weight for variant, weight in weights.items() if weight}
    if not used:
        raise ValueError(f"contrast {name!r} weighs nothing; give weights such as {{one: 1, other: -1}}")
    if odd := [variant for variant, weight in used.items() if not SMALLEST_WEIGHT <= abs(weight) <= LARGEST_WEIGHT]:
        raise ValueError(
            f"contrast {name!r}: the weight of {odd[0]} is {used[odd[0]]:g}; give weights of {SMALLEST_WEIGHT:g} to {LARGEST_WEIGHT:,.0f}"
            " in size, such as 1 and -1"
        )
    if abs(sum(used.values())) > 1e-9:
        raise ValueError(f"contrast {name!r}: weights add up to {sum(used.values()):g}, not to zero")


def ensure_claim(contrast: "Contrast") -> None:
    """Raises ValueError where kind, alpha and margin of one contrast do not fit each other."""
    name, kind = f"contrast {contrast.name!r}", contrast.kind
    share = percent(contrast.margin) if contrast.smallest_effect is None else percent(contrast.smallest_effect)
    size = "margin" if contrast.smallest_effect is None else "smallest_effect"
    if kind is None:
        for field in ("alpha", "relative_to", "expected", "smallest_effect"):
            if getattr(contrast, field) is not None:
                raise ValueError(f"{name} has `{field}` and no `kind`; a claim has both: add kind: superior, or remove `{field}`")
        if share is not None:
            raise ValueError(f"{name} has margin {contrast.margin}: a margin in % belongs to a claim; add `kind` and `alpha`")
        return
    if kind == "finishes_more":
        _ensure_shares(contrast)
    if contrast.alpha is None:
        raise ValueError(f"{name} has kind {kind} and no `alpha`; a claim has both: add alpha: 0.05")
    if contrast.smallest_effect is not None and kind != "superior":
        raise ValueError(f"{name}: `smallest_effect` is of a superior claim; {kind} has a `margin`, which says the same: remove it")
    if contrast.smallest_effect is not None and contrast.margin is not None:
        raise ValueError(
            f"{name} has `margin` and `smallest_effect`; a margin moves the bound of superior, a smallest effect lets it answer equivalent:"
            " give one of them"
        )
    if contrast.margin is None and kind in NEED_MARGIN:
        raise ValueError(f"{name}: {kind} needs a `margin`, the difference that would matter; add one such as margin: 2%")
    if kind == "no_interaction" and contrast.weights is None:
        raise ValueError(f"{name}: no_interaction is of a difference of differences; give `weights` instead of `of` and `to`")
    if contrast.relative_to is not None and (share is None or kind == "no_interaction"):
        why = "is on the log ratio of ratios" if kind == "no_interaction" else f"has no {size} in %"
        raise ValueError(f"{name}: relative_to names the cell that a {size} in % is a share of, and the claim {why}; remove it")
    if share is not None and contrast.weights is not None and kind != "no_interaction" and contrast.relative_to is None:
        what = contrast.margin if contrast.smallest_effect is None else contrast.smallest_effect
        raise ValueError(f"{name}: {what} of what? Name the variant that the {size} is a share of in `relative_to`")
    if contrast.expected is not None and kind not in ("superior", "finishes_more"):
        raise ValueError(f"{name}: `expected` is the effect that seeds of a superior claim are counted for; remove it from {kind}")


def _ensure_shares(contrast: "Contrast") -> None:
    """Raises ValueError where a claim on the share of trials that finish has what belongs to values of a metric."""
    name = f"contrast {contrast.name!r}"
    if contrast.weights is not None:
        raise ValueError(f"{name}: finishes_more compares the trials of `of` with those of `to`; give these instead of `weights`")
    for field in ("metric", "margin", "smallest_effect", "relative_to"):
        if getattr(contrast, field) is not None:
            raise ValueError(
                f"{name}: finishes_more counts trials that finish, which needs no `{field}`: remove it (`expected: 50%` is the difference"
                " in share that `sweeper plan` counts seeds for)"
            )
    if contrast.expected is not None and percent(contrast.expected) is None:
        raise ValueError(f"{name}: expected is {contrast.expected:g}, and finishes_more is on shares of trials; give one such as 50%")


def ensure_one_alpha(contrasts: Sequence["Contrast"]) -> None:
    """Raises ValueError when claims of one sweep have several levels: Holm's procedure shares one among them."""
    claims = [contrast for contrast in contrasts if contrast.kind is not None]
    for claim in claims[1:]:
        if claim.alpha != claims[0].alpha:
            raise ValueError(
                f"claim {claims[0].name!r} has alpha {claims[0].alpha:g} and {claim.name!r} has {claim.alpha:g}; the claims of a sweep"
                " share one alpha (Holm's procedure): give all the same"
            )


def ensure_answerable(contrast: "Contrast", weights: Mapping[str, float], variants: Sequence[Variant]) -> None:
    """A claim against the design: raises SpecError for an unknown `relative_to`, and for weights that are no interaction."""
    names = [variant.name for variant in variants]
    cell = contrast.relative_to
    if cell is not None and cell not in names:
        raise SpecError(f"contrasts: {contrast.name!r} is relative to {cell!r}, which is no variant{nearest(cell, names)}")
    if contrast.kind != "no_interaction":
        return
    weighed = [variant for variant in variants if weights.get(variant.name)]
    for factor in dict.fromkeys(factor for variant in weighed for factor in variant.levels):
        sums: dict[str, float] = {}
        for variant in weighed:
            sums[variant.levels[factor]] = sums.get(variant.levels[factor], 0.0) + weights[variant.name]
        if len(sums) > 1 and (level := next((level for level, total in sums.items() if abs(total) > 1e-9), None)) is not None:
            raise SpecError(
                f"contrasts: {contrast.name!r} is no interaction: its weights at {factor}={level} add up to {sums[level]:g}, not to zero;"
                " weigh the four cells of a difference of differences +1, -1, -1, +1"
            )
