"""The power of a sweep's claims before anything is spent: seeds for power .8, what the seeds given can claim, where the spread is from."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.metrics import FINISHING, is_distance
from sweeper.spec.claims import ClaimKind, percent
from sweeper.spec.sweep_spec import Contrast
from sweeper.stats.power import (
    FEWEST_SEEDS,
    POWER,
    STATED_CV,
    fewest_seeds,
    noise_of,
    power,
    seeds_for_equivalence,
    seeds_needed,
    sign_flip_floor,
    smallest_size,
)
from sweeper.stats.two_proportions import power as power_of_shares

DEFAULT_EFFECT = math.log(1.02)
"""Effect that the seeds of a superior claim are counted for where it names none: 2%."""
FEWEST_DEGREES = 2
"""Degrees of freedom below which finished trials say nothing of a spread."""
_HIGHEST_CORRELATION = 0.95
_LARGEST = 1e100
"""Values from here on are no measurements: sums of them overflow."""


@dataclass(frozen=True)
class Prior:
    """How much the metric varies over seeds, before this sweep has shown it."""

    cv: float
    """Standard deviation over training seeds as a share of the mean."""
    correlation: float
    """Between the cells of one seed; 0 until whole seed blocks have measured it."""
    level: float | None
    """Mean of the metric over what has finished: turns a margin in its units into a share."""
    source: str
    """Where these come from, in words."""

    @property
    def measured(self) -> bool:
        """On trials, and not stated."""
        return self.level is not None


STATED_DISTANCE_CV = 0.064
STATED_LOSS_CV = 0.011
"""Of distances between features of some hundred to 1,000 images, and of a held-out loss, over training seeds of this trainer on the
bundled digits and on small crops of photographs: 4.5 to 8.7%, and 0.4 to 3.9%."""


@dataclass(frozen=True)
class PowerAnalysis:
    """One claim of a plan."""

    name: str
    metric: str
    kind: ClaimKind
    margin: str | None
    effect: str
    """True effect that the seeds are counted for, in words."""
    paired: bool
    given: int
    """Seeds per cell that the sweep asks for."""
    needed: int | None
    """For power .8, whatever the other claims come to (Holm's strictest level); None where no number is enough."""
    needed_alone: int | None
    """If it were the only claim."""
    power: float | None
    """With the seeds given, at Holm's strictest level; None with fewer than 3."""
    claimable: float | None
    """What the seeds given can claim instead, on the log: the smallest effect (superior), or the smallest margin at no effect; log(1 + the
    difference in share) of a claim on trials that finish; None where nothing is large enough."""
    sign_flip_floor: float
    """Smallest p of a two-sided sign-flip test of the seeds given."""
    uncounted: str | None = None
    """Why nothing could be counted."""
    smallest_effect: str | None = None
    """Of interest, where a superior claim has one."""
    needed_for_equivalent: int | None = None
    """For power .8 to answer that the effect is smaller than that, if it is zero; None as for `needed`."""
    blocks: int | None = None
    """Variants whose residuals make the error, with `analysis: block`."""


def prior_of(values: Mapping[str, Mapping[int, float]], source: str) -> Prior | None:
    """From finished trials, variant -> seed -> value; None where they are too few. Spread and correlation are of the logs."""
    positive = {name: {seed: value for seed, value in found.items() if 0 < value < _LARGEST} for name, found in values.items()}
    logs = {name: {seed: math.log(value) for seed, value in found.items()} for name, found in positive.items()}
    cells = {name: found for name, found in logs.items() if len(found) >= 2}
    degrees = sum(len(found) - 1 for found in cells.values())
    if degrees < FEWEST_DEGREES:
        return None
    means = {name: math.fsum(found.values()) / len(found) for name, found in cells.items()}
    squares = math.fsum((value - means[name]) ** 2 for name, found in cells.items() for value in found.values())
    everything = [value for found in positive.values() for value in found.values()]
    level = math.fsum(everything) / len(everything)
    correlation, blocks = _correlation(cells)
    measured = f"correlation of pairs {correlation:.2f} from {blocks} seed blocks" if blocks else "correlation of pairs 0 until measured"
    said = f"{source} ({degrees} degrees of freedom; {measured})"
    return Prior(math.sqrt(squares / degrees), correlation, level, said)


def stated_prior(metric: str, assumed_cv: float | None) -> Prior:
    """Where nothing has finished: what the sweep assumes, else what metrics of this family were seen to vary by."""
    if assumed_cv:
        cv, what = assumed_cv, "metric.planning_cv, or assumed_cv, of this sweep"
    elif metric == "held_out_loss":
        cv, what = STATED_LOSS_CV, "stated: held-out losses on digits and small photographs varied by 0.4 to 3.9%"
    elif is_distance(metric) and metric != "fid":
        cv, what = STATED_DISTANCE_CV, "stated: distances on digits and small photographs varied by 4.5 to 8.7%"
    else:
        cv, what = STATED_CV, "stated: training seeds move a SiT's FID so much (2606.20536)"
    return Prior(cv, 0.0, None, f"{what}; correlation of pairs 0 until measured")


def _correlation(cells: Mapping[str, Mapping[int, float]]) -> tuple[float, int]:
    """Intraclass correlation of the cells of one seed, from three whole blocks of two cells or more; and the number of blocks."""
    seeds = sorted(set.intersection(*(set(found) for found in cells.values()))) if len(cells) >= 2 else []
    if len(seeds) < 3:
        return 0.0, 0
    number, blocks = len(cells), len(seeds)
    centred = []
    for found in cells.values():
        mean = math.fsum(found[seed] for seed in seeds) / blocks
        centred.append([found[seed] - mean for seed in seeds])
    by_block = [math.fsum(column) / number for column in zip(*centred, strict=True)]
    between = number * math.fsum(mean**2 for mean in by_block) / (blocks - 1)
    rest = [(value - by_block[place]) ** 2 for row in centred for place, value in enumerate(row)]
    within = math.fsum(rest) / ((blocks - 1) * (number - 1))
    total = between + (number - 1) * within
    return (0.0 if total == 0 else min(max((between - within) / total, 0.0), _HIGHEST_CORRELATION)), blocks


def power_analysis(
    claim: Contrast,
    metric: str,
    weights: Mapping[str, float],
    *,
    seeds: int,
    claims: int,
    paired: bool,
    prior: Prior,
    blocks: int | None = None,
) -> PowerAnalysis:
    """What `seeds` per cell can show of a claim that is one of so many; `blocks`: variants of the layout, with `analysis: block`."""
    assert claim.kind is not None, "a claim"
    assert claim.alpha is not None, "a claim"
    kind, alpha, strictest = claim.kind, claim.alpha, claim.alpha / claims
    noise = noise_of(weights, prior.cv, prior.correlation if paired or blocks else None, variants=blocks or 2)
    floor = sign_flip_floor(seeds)
    shown = None if claim.margin is None else claim.margin if isinstance(claim.margin, str) else f"{claim.margin:g}"
    counted_for = claim.expected or claim.smallest_effect
    effect_text = str(counted_for or "2%") if kind == "superior" else "no effect"
    margin, expected = _as_share(claim.margin, prior.level), _as_share(counted_for, prior.level)
    smallest = _as_share(claim.smallest_effect, prior.level)
    if any(math.isnan(size or 0.0) for size in (margin, expected, smallest)):
        why = "its margin or effect is in units of the metric, of which nothing has finished yet; give a share such as 2% to count seeds"
        return PowerAnalysis(claim.name, metric, kind, shown, effect_text, paired, seeds, None, None, None, None, floor, why, blocks=blocks)
    effect = (expected or DEFAULT_EFFECT) if kind == "superior" else 0.0
    kept = margin or 0.0
    return PowerAnalysis(
        claim.name,
        metric,
        kind,
        shown,
        effect_text,
        paired,
        seeds,
        needed=seeds_needed(kind, effect=effect, margin=kept, alpha=strictest, noise=noise),
        needed_alone=seeds_needed(kind, effect=effect, margin=kept, alpha=alpha, noise=noise),
        power=power(kind, seeds, effect=effect, margin=kept, alpha=strictest, noise=noise) if seeds >= FEWEST_SEEDS else None,
        claimable=smallest_size(kind, seeds, alpha=strictest, noise=noise, margin=kept) if seeds >= FEWEST_SEEDS else None,
        sign_flip_floor=floor,
        blocks=blocks,
        smallest_effect=None if claim.smallest_effect is None else str(claim.smallest_effect),
        needed_for_equivalent=None
        if smallest is None
        else seeds_for_equivalence(effect=0.0, smallest_effect=smallest, alpha=strictest, noise=noise),
    )


def _as_share(amount: float | str | None, level: float | None) -> float | None:
    """On the log of the metric; NaN for a value in its units while no value is known."""
    share = percent(amount)
    if share is not None:
        return math.log1p(share / 100)
    if amount is None:
        return None
    return math.nan if level is None else math.log1p(float(amount) / level)


def describe(found: Sequence[PowerAnalysis]) -> list[str]:
    """A sentence per claim."""
    return [_sentence(one) for one in found]


def _of_shares(one: PowerAnalysis) -> str:
    alone = f" ({one.needed_alone} if it were the only claim)" if one.needed_alone not in (None, one.needed) else ""
    need = f"{one.needed} seeds per cell{alone}" if one.needed is not None else "more seeds than anybody has"
    said = f"With {one.effect}, it needs {need} for power .8 (Barnard's exact test)."
    if one.power is None:
        return f"{said} {one.given} per cell are given: too few, nothing can be claimed."
    points = None if one.claimable is None else 100 * math.expm1(one.claimable)
    instead = f"they can claim a difference of {points:.0f} percentage points instead" if points else "they can claim nothing instead"
    enough = one.needed is not None and one.given >= one.needed
    return f"{said} {one.given} are given: power {one.power:.2f}" + ("." if enough else f"; {instead}.")


def _analysis(one: PowerAnalysis) -> str:
    if one.blocks is not None:
        return f"block analysis over {one.blocks} variants"
    return "paired" if one.paired else "not paired"


def _sentence(one: PowerAnalysis) -> str:
    if one.uncounted:
        return f"Nothing is counted: {one.uncounted}."
    if one.kind == "finishes_more":
        return _of_shares(one)
    what = f"an effect of {one.effect}" if one.kind == "superior" else "no true effect"
    margin = f" and a margin of {one.margin}" if one.margin else ""
    alone = f" ({one.needed_alone} if it were the only claim)" if one.needed_alone not in (None, one.needed) else ""
    need = f"{one.needed} seeds per cell{alone}" if one.needed is not None else "more seeds than anybody has"
    parts = [f"With {what}{margin} it needs {need} for power .8; {_analysis(one)}."]
    if one.smallest_effect is not None:
        many = f"{one.needed_for_equivalent} seeds per cell" if one.needed_for_equivalent else "more seeds than anybody has"
        parts.append(f"To answer that the effect is below {one.smallest_effect}, if it is zero, it needs {many}.")
    if one.power is None:
        parts.append(f"{one.given} per cell are given: too few for any interval, nothing can be claimed.")
        return " ".join(parts)
    size = "an effect" if one.kind == "superior" else "a margin"
    instead = f"they can claim {size} of {math.expm1(one.claimable):.1%} instead" if one.claimable else "they can claim nothing instead"
    enough = one.needed is not None and one.given >= one.needed
    parts.append(f"{one.given} are given: power {one.power:.2f}" + ("." if enough else f"; {instead}."))
    return " ".join(parts)


FINISHING_SHARE = 0.95
"""Of the trials of `of`, of which few diverge; those of `to` finish less often by the difference that is expected."""
DEFAULT_DIFFERENCE = "50%"


def finishing_power_analysis(claim: Contrast, weights: Mapping[str, float], *, seeds: int, claims: int) -> PowerAnalysis:
    """Of a claim that is one of so many. A side's trials are those of all its cells."""
    assert claim.alpha is not None, "a claim"
    sides = [sum(sign * weight > 0 for weight in weights.values()) for sign in (1, -1)]
    expected = str(claim.expected or DEFAULT_DIFFERENCE)
    difference = (percent(expected) or 0.0) / 100

    def reached(number: int, difference: float, alpha: float) -> float:
        to = max(FINISHING_SHARE - difference, 0.0)
        return power_of_shares(sides[0] * number, sides[1] * number, to + difference, to, alpha / 2)

    def needed(alpha: float) -> int | None:
        return fewest_seeds(lambda number: reached(number, difference, alpha) >= POWER)

    strictest, enough = claim.alpha / claims, seeds >= FEWEST_SEEDS
    to = max(FINISHING_SHARE - difference, 0.0)
    return PowerAnalysis(
        claim.name,
        FINISHING.name,
        "finishes_more",
        None,
        f"{to + difference:.0%} of the trials of one side finishing, and {to:.0%} of those of the other",
        paired=False,
        given=seeds,
        needed=needed(strictest),
        needed_alone=needed(claim.alpha),
        power=reached(seeds, difference, strictest) if enough else None,
        claimable=_smallest(lambda one: reached(seeds, one, strictest) >= POWER) if enough else None,
        sign_flip_floor=sign_flip_floor(seeds),
    )


def _smallest(enough: Callable[[float], bool]) -> float | None:
    """Difference in share, as the logarithm of one more, as other claims have it; None where not even 100% is enough."""
    if not enough(1.0):
        return None
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return round(math.log1p(high), 6)
