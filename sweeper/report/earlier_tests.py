"""Tests of a claim that were made before, on some of its own trials: by a version with fewer seeds, also under another sweep name.

A sweep that is run with 3 seeds, read, and run again with 4 has been tested twice. At a fixed number of seeds the first test has spent
all of alpha, so the second has none: simulated, raising the seeds by hand from 3 to 12 gives some verdict in 18% of sweeps without an
effect, where 5% were promised. `sequential` shares alpha between looks, if it is declared before the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from sweeper.errors import SweeperError
from sweeper.records import EarlierVersion, Variant
from sweeper.report import numbers
from sweeper.report.layout import in_utc
from sweeper.report.trial_values import Outcomes
from sweeper.spec.designs import contrast_weights, variants_of
from sweeper.spec.sweep_spec import Contrast, SweepSpec

_BRIEF_HASH = 12


@dataclass(frozen=True)
class EarlierTest:
    """One test of the claim at a fixed number of seeds."""

    seeds: int
    sentence: str
    spends: bool
    """Whether nothing of alpha is left: not where the spending rule, declared afterwards, counts it as one of its looks."""


def earlier_tests(
    claim: Contrast, spec: SweepSpec, variants: Sequence[Variant], outcomes: Outcomes, earlier: Sequence[EarlierVersion]
) -> tuple[EarlierTest, ...]:
    """Of the comparison that `claim` makes, whatever was claimed of it, the oldest first."""
    mine = _weighed(contrast_weights(claim, variants), {key: outcome.fingerprint for key, outcome in outcomes.items()}, spec.seeds)
    found = []
    for version in earlier:
        seeds = _tested(mine, version, spec.metric_of(claim), spec, outcomes)
        if seeds:
            which = f"version {version.version[:_BRIEF_HASH]}"
            which = which if version.name == spec.name else f"sweep {version.name}, {which},"
            said = f"It was judged before on {numbers.plural(seeds, 'seed')} of these, at all of alpha ({which} of"
            said += f" {in_utc(version.whole):%Y-%m-%d %H:%M} UTC)"
            counted = spec.sequential is not None and seeds in spec.looks
            left = f": {_inflated(claim, spec, seeds)}" if counted else ", so no alpha is left for a verdict here."
            found.append(EarlierTest(seeds, said + left, spends=not counted))
    return tuple(found)


def _inflated(claim: Contrast, spec: SweepSpec, seeds: int) -> str:
    """What the first test adds to the error of the looks that count it."""
    from sweeper.plan.sequential import error_with_fixed_test

    assert spec.sequential is not None, "asked only then"
    assert claim.alpha is not None, "a claim has one"
    rule = spec.sequential
    error = error_with_fixed_test(claim.alpha, seeds, sorted({*spec.looks, rule.max_seeds}), rule.max_seeds, rule.spending)
    return f"counting that test, the probability of a wrong verdict is up to {error:.1%}, not {claim.alpha:.0%}."


Weighed = Mapping[int, Mapping[str, float]]
"""Seed -> trial -> weight."""


def _weighed(weights: Mapping[str, float], fingerprints: Mapping[tuple[str, int], str], seeds: Sequence[int]) -> Weighed:
    return {
        seed: {fingerprints[name, seed]: weight for name, weight in weights.items() if weight and (name, seed) in fingerprints}
        for seed in seeds
    }


def _tested(mine: Weighed, version: EarlierVersion, metric: str, spec: SweepSpec, outcomes: Outcomes) -> int:
    """Seeds at which the version judged the comparison at a fixed number of seeds, or by another `analysis`; 0 where it did not.

    By `analysis: block` also with other variants in the layout, which make another error.
    """
    try:
        other = SweepSpec.model_validate(version.spec)
        variants = variants_of(other)
    except (ValidationError, SweeperError):
        return 0  # of another release, which this one does not read
    if other.sequential is not None:
        return 0
    shared = set(other.seeds) & mine.keys()
    if not shared or (set(other.seeds) == mine.keys() and other.analysis == spec.analysis and not _other_blocks(version, spec, outcomes)):
        return 0
    for contrast in other.claims:
        theirs = _weighed(contrast_weights(contrast, variants), version.fingerprints, other.seeds)
        if other.metric_of(contrast) == metric and all(_same(theirs[seed], mine[seed]) for seed in shared):
            return len(shared)
    return 0


def _other_blocks(version: EarlierVersion, spec: SweepSpec, outcomes: Outcomes) -> bool:
    return spec.analysis == "block" and set(version.fingerprints.values()) != {outcome.fingerprint for outcome in outcomes.values()}


def _same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether two comparisons weigh the same trials alike, or one is the other turned round."""
    return dict(one) == dict(other) or {name: -weight for name, weight in one.items()} == dict(other)
