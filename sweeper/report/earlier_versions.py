"""Earlier versions of a sweep: when its claims were declared, what they were before, and which tests of them were made already.

A margin that was moved after a look is seen in every report.

A sweep that is run with 3 seeds, read, and run again with 4 has been tested twice. At a fixed number of seeds the first test has spent
all of alpha, so the second has none: simulated, raising the seeds by hand from 3 to 12 gives some verdict in 18% of sweeps without an
effect, where 5% were promised. `sequential` shares alpha between looks, if it is declared before the first; declared afterwards, it has
nothing to share (`decide_after_fixed_look`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from sweeper.errors import SweeperError
from sweeper.records import EarlierVersion, SweepSnapshot, Variant
from sweeper.report import numbers
from sweeper.report.numbers import in_utc
from sweeper.report.sweep_trials import Outcomes
from sweeper.spec.designs import contrast_weights, variants_of
from sweeper.spec.sweep_spec import Contrast, SweepSpec

_BRIEF_HASH = 12


@dataclass(frozen=True)
class EarlierTest:
    """One test of the claim at a fixed number of seeds: it has spent all of alpha."""

    seeds: int
    sentence: str
    """What it was, as the beginning of a sentence."""
    is_first_look: bool
    """Whether it was this claim among these, at the first seeds of this version: its verdict is then the claim's."""


def earlier_tests(
    claim: Contrast, spec: SweepSpec, variants: Sequence[Variant], outcomes: Outcomes, earlier: Sequence[EarlierVersion]
) -> tuple[EarlierTest, ...]:
    """Of the comparison that `claim` makes, whatever was claimed of it, the oldest first."""
    mine = _weighed(contrast_weights(claim, variants), {key: outcome.fingerprint for key, outcome in outcomes.items()}, spec.seeds)
    tests: list[EarlierTest] = []
    for version in earlier:
        other = _read(version)
        shared = set() if other is None else _compared(mine, version, other, spec.metric_of(claim))
        if other is None or not shared:
            continue
        if other.sequential is not None:
            if spec.sequential is not None and not tests:
                break  # the rule was there first: a test at a fixed number of seeds beside it is none (`declaration_notes` says so)
            continue
        again = set(other.seeds) == mine.keys() and other.analysis == spec.analysis and not _other_blocks(version, spec, outcomes)
        if again and spec.sequential is None:
            continue  # the same test; by a rule that was declared after it, it would be another
        which = f"version {version.version[:_BRIEF_HASH]}"
        which = which if version.name == spec.name else f"sweep {version.name}, {which},"
        sentence = f"It was tested before on {numbers.plural(len(shared), 'seed')} of these, at all of alpha ({which} of"
        sentence += f" {in_utc(version.whole):%Y-%m-%d %H:%M} UTC)"
        is_first = not tests and _is_first_look(version, other, spec, len(shared), outcomes)
        tests.append(EarlierTest(len(shared), sentence, is_first))
    return tuple(tests)


def fixed_look(tests: Sequence[Sequence[EarlierTest]], spec: SweepSpec) -> int | None:
    """Seeds at which all claims were tested at all of alpha, before the version's spending rule was declared; None where none were."""
    firsts = [of_claim[0] for of_claim in tests if of_claim]
    if spec.sequential is None or len(firsts) < len(tests) or not firsts or not all(first.is_first_look for first in firsts):
        return None
    return firsts[0].seeds


def _is_first_look(version: EarlierVersion, other: SweepSpec, spec: SweepSpec, seeds: int, outcomes: Outcomes) -> bool:
    """Whether the version tested the same claims together, over the first seeds of this one."""
    if set(other.seeds) != set(spec.seeds[:seeds]) or changed_claims(spec, other):
        return False
    mine = {outcome.fingerprint for (_, seed), outcome in outcomes.items() if seed in other.seeds}
    return spec.analysis != "block" or set(version.fingerprints.values()) == mine


Weighed = Mapping[int, Mapping[str, float]]
"""Seed -> trial -> weight."""


def _weighed(weights: Mapping[str, float], fingerprints: Mapping[tuple[str, int], str], seeds: Sequence[int]) -> Weighed:
    return {
        seed: {fingerprints[name, seed]: weight for name, weight in weights.items() if weight and (name, seed) in fingerprints}
        for seed in seeds
    }


def _read(version: EarlierVersion) -> SweepSpec | None:
    """None of another release, which this one does not read."""
    try:
        return SweepSpec.read(version.spec)
    except ValidationError:
        return None


def _compared(mine: Weighed, version: EarlierVersion, other: SweepSpec, metric: str) -> set[int]:
    """Seeds at which some claim of the version made the comparison on the metric; none where it did not on each that both have."""
    shared = set(other.seeds) & mine.keys()
    try:
        variants = variants_of(other)
        weights = [contrast_weights(contrast, variants) for contrast in other.claims if other.metric_of(contrast) == metric]
    except SweeperError:
        return set()
    theirs = [_weighed(one, version.fingerprints, other.seeds) for one in weights]
    return shared if any(all(_same(one[seed], mine[seed]) for seed in shared) for one in theirs) else set()


def _other_blocks(version: EarlierVersion, spec: SweepSpec, outcomes: Outcomes) -> bool:
    """Whether the version had other variants in the layout, which make another error."""
    return spec.analysis == "block" and set(version.fingerprints.values()) != {outcome.fingerprint for outcome in outcomes.values()}


def _same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether two comparisons weigh the same trials alike, or one is the other turned round."""
    return dict(one) == dict(other) or {name: -weight for name, weight in one.items()} == dict(other)


def declaration_notes(snapshot: SweepSnapshot, spec: SweepSpec) -> list[str]:
    """A sentence on when these claims were first stored, and one for each version of the sweep that claims something else."""
    notes: list[str] = []
    if not spec.primary.reproducible:
        notes.append(
            f"{spec.metric.primary} decides, and is a machine's: seeds are repetitions on it, and contrasts say nothing of another one."
        )
    stored = snapshot.created
    looked: list[str] = []
    for version in snapshot.versions:
        try:
            other = SweepSpec.read(version.spec)
        except ValidationError:
            continue  # of another release; it had no claims that this one reads
        which = f"version {version.version[:12]} of {_date(version.created)}"
        if changes := changed_claims(spec, other):
            when = "Claims changed since" if version.created <= snapshot.created else "Claims are otherwise in the later"
            notes.append(f"{when} {which}: {'; '.join(changes)}.")
        else:
            stored = min(stored, version.created)
        if other.sequential is not None and other.sequential.looks:
            looked.append(which)
    if spec.claims and spec.sequential is None and looked:
        notes.append(
            f"The claims were looked at by an alpha-spending rule in {looked[-1]}: verdicts at a fixed number of seeds, as here, spend"
            " alpha a second time and do not count beside it."
        )
    first = snapshot.first_result
    if spec.claims and first is not None:
        when = "before" if in_utc(stored) <= in_utc(first) else "AFTER"
        notes.insert(0, f"The claims were stored on {_date(stored)}, {when} the first result they are tested on ({_date(first)}).")
    return notes


def _date(moment: datetime) -> str:
    return f"{in_utc(moment):%Y-%m-%d %H:%M} UTC"


def changed_claims(spec: SweepSpec, earlier: SweepSpec) -> list[str]:
    """What an earlier version of the sweep claimed otherwise, a phrase each."""
    then, now = ({claim.name: claim for claim in each.claims} for each in (earlier, spec))
    changes = [f"{name} was no claim" for name in now if name not in then]
    changes += [f"{name} was a claim" for name in then if name not in now]
    for name in now.keys() & then.keys():
        before, after = (claim.model_dump(exclude={"name", "question", "expected"}) for claim in (then[name], now[name]))
        changes += [
            f"{name} had {field} {_said(before[field])}, now {_said(after[field])}" for field in after if before[field] != after[field]
        ]
    if earlier.claims and spec.analysis != earlier.analysis:
        changes.append(f"analysis was {_said(earlier.analysis)}, now {_said(spec.analysis)}")
    if earlier.claims and spec.metric != earlier.metric:
        fields = ("primary", "direction", "assumed_cv")
        pairs = [(field, getattr(earlier.metric, field), getattr(spec.metric, field)) for field in fields]
        changes += [f"metric.{field} was {_said(a)}, now {_said(b)}" for field, a, b in pairs if a != b]
    return sorted(changes)


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {inner}" for key, inner in value.items()) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
