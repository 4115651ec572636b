"""A claim with all that a verdict goes by, and what came out for it."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sweeper.spec.claims import ClaimKind, percent
from sweeper.spec.sweep_spec import Contrast
from sweeper.stats.estimates import ByVariant, Estimate, Scale
from sweeper.stats.two_way import BlockDesign

Verdict = Literal["supported", "refuted", "inconclusive", "interim", "exploratory"]
"""`interim`: trials of the claim have not ended yet. `exploratory`: alpha was spent by an earlier test on some of the same trials."""

Answer = Literal["superior", "superior_negligible", "equivalent", "inferior_negligible", "inferior", "inconclusive"]
"""Of a claim with a smallest effect of interest; negligible is an effect that is there, and smaller than that."""


@dataclass(frozen=True)
class ClaimData:
    """A claim with all that a verdict goes by."""

    contrast: Contrast
    weights: Mapping[str, float]
    values: ByVariant
    """Of the claim's metric, by variant and seed."""
    paired: bool
    diverged: Mapping[str, int] = field(default_factory=dict)
    """Trials by variant that diverged: means over the others would hide them."""
    waiting: Collection[int] = ()
    """Seeds of which some trial has not ended, of those that the test goes by."""
    lost: Mapping[str, Collection[int]] = field(default_factory=dict)
    """Seeds by variant whose trial failed, so that it has no value and never will."""
    better: int = -1
    """-1 where lower values of its metric are better, else 1."""
    spent: bool = False
    """An earlier version was tested at all of alpha on some of these trials."""
    log: bool = False
    """Whether it is on the log of its metric; one with a size in % is, whatever this says."""
    block_design: BlockDesign | None = None
    """Of the variants whose residuals make its error, where seeds are blocks."""

    @property
    def kind(self) -> ClaimKind:
        assert self.contrast.kind is not None, "a claim"
        return self.contrast.kind

    @property
    def scale(self) -> Scale:
        return Scale(self.log or self.contrast.in_percent, self.contrast.relative_to)

    @property
    def margin(self) -> float:
        """On the scale of the claim; 0 without one."""
        share = self.contrast.margin_percent
        if share is not None:
            return math.log1p(share / 100)
        return float(self.contrast.margin or 0.0)

    @property
    def smallest_effect(self) -> float | None:
        """Of interest, on the scale of the claim."""
        given = self.contrast.smallest_effect
        share = percent(given)
        if share is not None:
            return math.log1p(share / 100)
        return None if given is None else float(given)

    @property
    def tested(self) -> ByVariant:
        """Values of all variants that the test goes by: its cells', and those of the block design that have a residual."""
        if self.block_design is None:
            return self.values
        design = self.block_design
        others = {name: by_seed for name, by_seed in design.values.items() if len(by_seed) > 1 and name not in design.diverged}
        return {**self.values, **{name: by_seed for name, by_seed in others.items() if name not in self.values}}

    @property
    def lost_unequally(self) -> bool:
        """Whether some cell lost a seed that another cell has: then the seeds that are left are not a fair sample of both."""
        sets = [frozenset(self.lost.get(name, ())) for name in self.tested]
        return any(one != sets[0] for one in sets)


@dataclass(frozen=True)
class Decision:
    """What came out for one claim.

    Attributes:
        verdict: See `Verdict`.
        estimate: That the verdict goes by: at the look that decided, else at the last whole look, else at the seeds there are.
        p: Of the claim's own test, by all looks; None where there is no verdict to be had.
        p_adjusted: After Holm over the claims of the sweep.
        refuting: Adjusted p of the contrary.
        alpha: One-sided level at which the interval of `estimate` agrees with the verdict.
        family: The same before the looks shared it.
        looks: Numbers of seeds at the whole looks up to the one that `estimate` is of; none where no look is whole.
    """

    verdict: Verdict
    estimate: Estimate | None
    p: float | None
    p_adjusted: float | None
    refuting: float | None
    alpha: float
    family: float
    looks: tuple[int, ...] = ()
    answer: Answer | None = None
    """None without a smallest effect of interest, and where there is no verdict to be had."""
    equivalent: float | None = None
    """p of an effect smaller than that to both sides, by all looks; shown where it is not above the level of the claim."""
    at_fixed_look: bool = False
    """By the test at all of alpha that was made before a spending rule was declared; that verdict stands."""
