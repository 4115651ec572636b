"""From the claims of a sweep and the values of its cells to verdicts: tests at every look, Holm over the claims, seeds that are missing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sweeper.plan.power import seeds_to_decide
from sweeper.report.estimates import ByVariant, Estimate, Scale, estimate
from sweeper.report.hypotheses import NOTHING, Tested, holm, p_values, two_sided
from sweeper.report.statistics import MIN_SEEDS
from sweeper.spec.claims import ClaimKind
from sweeper.spec.sweep_spec import Contrast, Sequential

Verdict = Literal["supported", "refuted", "inconclusive"]


@dataclass(frozen=True)
class Case:
    """A claim with all that a verdict goes by."""

    contrast: Contrast
    weights: Mapping[str, float]
    values: ByVariant
    """Of the primary metric, by variant and seed."""
    paired: bool
    diverged: Mapping[str, int] = field(default_factory=dict)
    """Trials by variant that diverged: means over the others would hide them."""

    @property
    def kind(self) -> ClaimKind:
        assert self.contrast.kind is not None, "a claim"
        return self.contrast.kind

    @property
    def scale(self) -> Scale:
        return Scale(self.contrast.margin_percent is not None, self.contrast.relative_to)

    @property
    def margin(self) -> float:
        """On the scale of the claim; 0 without one."""
        share = self.contrast.margin_percent
        if share is not None:
            return math.log1p(share / 100)
        return float(self.contrast.margin or 0.0)


@dataclass(frozen=True)
class Judged:
    """What came out for one claim."""

    verdict: Verdict
    found: Estimate | None
    p: float | None
    """Of the claim's own test, by all looks; None where there is none."""
    p_adjusted: float | None
    """After Holm over the claims of the sweep."""
    refuting: float | None
    """Adjusted p of the contrary."""


def judge(
    cases: Sequence[Case],
    seeds: Sequence[int],
    looks: Sequence[int],
    *,
    better: int,
    assumed_cv: float | None,
    sequential: Sequential | None,
) -> list[Judged]:
    """Verdicts on all claims of a sweep together. `better`: -1 where lower values of the metric are better, else 1."""
    if not cases:
        return []
    alpha = cases[0].contrast.alpha
    assert alpha is not None, "a claim has one"
    found = [_estimates(case, seeds, looks, assumed_cv) for case in cases]
    read = [[_test(case, at, better) for at in each] for case, each in zip(cases, found, strict=True)]
    support = [
        _over_looks([at.supporting for at in each], two_sided(case.kind), looks, sequential) for case, each in zip(cases, read, strict=True)
    ]
    contrary = [
        _over_looks([at.refuting for at in each], case.kind != "non_inferior", looks, sequential)
        for case, each in zip(cases, read, strict=True)
    ]
    adjusted, refuting = holm(support), holm(contrary)
    verdicts = [_verdict(a, b, alpha) for a, b in zip(adjusted, refuting, strict=True)]
    judged = []
    for index, verdict in enumerate(verdicts):
        silent = found[index][-1] is None or read[index][-1] is NOTHING
        p, after, against = (None if silent else _rounded(each[index]) for each in (support, adjusted, refuting))
        judged.append(Judged(verdict, found[index][-1], p, after, against))
    return judged


@dataclass(frozen=True)
class Missing:
    """Seeds per cell that an undecided claim lacks for power .8; None where no number decides it, or it is decided."""

    if_zero: int | None = None
    """Where the true effect is zero."""
    if_estimate: int | None = None
    """Where the true effect is the estimate."""


def missing_seeds(case: Case, judged: Judged, *, undecided: int, better: int) -> Missing:
    """By the noise found, at the level that Holm's procedure leaves to the first of so many undecided claims."""
    found, alpha = judged.found, case.contrast.alpha
    if judged.verdict != "inconclusive" or found is None or found.noise.sd == 0 or alpha is None:
        return Missing()

    def more(effect: float) -> int | None:
        wanted = seeds_to_decide(case.kind, effect=effect, margin=case.margin, alpha=alpha / undecided, noise=found.noise)
        return None if wanted is None else max(1, wanted - found.seeds)

    return Missing(more(0.0), more(better * found.value))


def _estimates(case: Case, seeds: Sequence[int], looks: Sequence[int], assumed_cv: float | None) -> list[Estimate | None]:
    """At every look: the first so many seeds, in the order of the sweep."""
    return [
        estimate(case.values, case.weights, seeds[:number], scale=case.scale, paired=case.paired, assumed_cv=assumed_cv) for number in looks
    ]


def _test(case: Case, found: Estimate | None, better: int) -> Tested:
    if any(case.diverged.values()):
        return NOTHING
    return p_values(case.kind, found, margin=case.margin, better=better)


def _over_looks(p: Sequence[float], sides: bool, looks: Sequence[int], sequential: Sequential | None) -> float:
    counted = [(number, value) for number, value in zip(looks, p, strict=True) if number >= MIN_SEEDS]
    if sequential is None or not counted:
        return p[-1]
    from sweeper.plan.sequential import repeated_p

    factor = 2 if sides else 1
    numbers, values = zip(*counted, strict=True)
    return min(1.0, factor * repeated_p([value / factor for value in values], numbers, sequential.max_seeds, sequential.spending))


def _verdict(adjusted: float, refuting: float, alpha: float) -> Verdict:
    if adjusted <= alpha:
        return "supported"
    return "refuted" if refuting <= alpha else "inconclusive"


def _rounded(p: float) -> float:
    """To six digits: the ones after them depend on the release of a library."""
    return float(f"{p:.6g}")
