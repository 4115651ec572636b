"""What a report says of a search: what was tried, what it found, and how much better the best looks than it is. No p-value is in it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Any

from pydantic import ValidationError

from sweeper.metrics import MetricInfo
from sweeper.plan.proposals import Proposal, best, confirmations_of, front, proposals_of
from sweeper.records import SweepSnapshot, TrialCurves, TrialOutcome, Variant
from sweeper.report.random_search import RandomSearch, random_note, random_search
from sweeper.spec.design import Design
from sweeper.spec.factors import level_name
from sweeper.spec.search_design import BASELINE, SearchDesign
from sweeper.spec.sweep_spec import Contrast, SweepSpec

MOST_SHOWN = 5
"""Proposals in the first table while nothing is confirmed."""
_FEWEST_VALUES = 2


class ChosenDesign(Design):
    """The variants of a search that a table shows."""

    chosen: tuple[Any, ...]

    def size(self) -> int:
        return len(self.chosen)

    def expand(self) -> tuple[Variant, ...]:
        return self.chosen


@dataclass(frozen=True)
class Bias:
    """By how much the best of so many equal configs looks better than it is, by the luck of its seeds."""

    tried: int
    """Proposals that might have been the best: those with a value, and those that were stopped early."""
    seeds: int
    """Over which each value is a mean."""
    spread: float
    """Standard deviation over seeds as a share of the mean."""
    source: str
    """Where the spread is from."""
    share: float
    """Of the mean."""


@dataclass(frozen=True)
class Confirmed:
    """One of the best, by the search and on fresh seeds."""

    variant: str
    found: float
    """By the search."""
    confirmed: float | None
    """Mean over the fresh seeds that finished."""
    seeds: int
    optimism: float | None
    """By how much of the confirmed mean the search's value was better than it; negative where it was worse."""


@dataclass(frozen=True)
class SearchResult:
    """A search as the report shows it."""

    objectives: tuple[MetricInfo, ...]
    """The primary metric first."""
    space: Mapping[str, bool]
    """Factor -> whether its values are numbers."""
    logarithmic: frozenset[str]
    planned: int
    """Variants to be tried."""
    sampler: str
    stopping: str | None
    proposals: tuple[Proposal, ...]
    incumbents: tuple[int, ...]
    """Numbers of the proposals that were the best when they ended, in their order."""
    front: tuple[int, ...]
    """Where there are several objectives."""
    importances: Mapping[str, float]
    bias: Bias | None
    confirmed: tuple[Confirmed, ...]
    random: RandomSearch | None = None
    """Where it was run too."""

    @property
    def seconds(self) -> list[float]:
        """Device seconds of all proposals up to and including each."""
        total, sums = 0.0, []
        for proposal in self.proposals:
            total += proposal.seconds
            sums.append(total)
        return sums

    @property
    def primary(self) -> MetricInfo:
        return self.objectives[0]


def search_result(
    snapshot: SweepSnapshot,
    spec: SweepSpec,
    curves: Mapping[str, TrialCurves],
    importances: Mapping[str, float],
    random: SweepSnapshot | None = None,
) -> SearchResult:
    """`snapshot` and `spec` are the whole search's; `random` is that of a random search of the same space."""
    design = spec.design
    assert isinstance(design, SearchDesign), "a search"
    proposals = proposals_of(snapshot, spec, curves)
    objectives = spec.objectives
    confirmations = confirmations_of(snapshot, spec)
    stopping = design.stopping
    rule = None if stopping is None else f"{stopping.kind} from step {stopping.first_step:,}"
    return SearchResult(
        objectives=objectives,
        space={name: not dimension.is_categorical for name, dimension in design.space.items()},
        logarithmic=frozenset(name for name, dimension in design.space.items() if dimension.log),
        planned=design.trials,
        sampler=design.sampler,
        stopping=rule if stopping is None or stopping.kind != "asha" else f"{rule}, 1 of {stopping.reduction:g} goes on",
        proposals=proposals,
        incumbents=_incumbents(proposals, spec.primary),
        front=tuple(proposal.number for proposal in front(proposals, spec.objectives)) if len(objectives) > 1 else (),
        importances=importances,
        bias=_bias(proposals, confirmations, spec, spec.primary),
        confirmed=_confirmed(proposals, confirmations, spec.primary),
        random=None if random is None else random_search(random, design.trials),
    )


def shown_part(snapshot: SweepSnapshot, spec: SweepSpec) -> tuple[SweepSnapshot, SweepSpec]:
    """The part of a search that is an ordinary comparison: the best against the baseline on fresh seeds, with their claims.

    While nothing is confirmed, the best proposals on the seeds of the search, with no claim.
    """
    design = spec.design
    assert isinstance(design, SearchDesign), "a search"
    confirmations = confirmations_of(snapshot, spec)
    baseline = design.expand()[0]
    if design.confirm is None or not confirmations:
        proposals = proposals_of(snapshot, spec, {})
        names = [proposal.variant for proposal in (best(proposals, spec) or proposals)[:MOST_SHOWN]]
        outcomes = tuple(o for o in snapshot.outcomes if o.variant in names and o.seed in spec.seeds)
        variants = _variants(design, outcomes)
        chosen = tuple(variants[name] for name in names) or (baseline,)
        changes: dict[str, Any] = {"design": ChosenDesign(chosen=chosen), "baseline": None}
        return dataclasses.replace(snapshot, outcomes=outcomes, versions=()), spec.model_copy(update=changes)
    variants = _variants(design, confirmations)
    tried = [name for name in variants if name != BASELINE]
    claims = tuple(
        Contrast(
            name=f"best {place} confirmed" if len(tried) > 1 else "best confirmed",
            of=name,
            to=BASELINE,
            kind=design.confirm.kind,
            alpha=design.confirm.alpha,
            margin=design.confirm.margin,
        )
        for place, name in enumerate(tried, start=1)
    )
    changes = {
        "design": ChosenDesign(chosen=(variants[BASELINE], *(variants[name] for name in tried))),
        "seeds": design.confirm.seeds,
        "contrasts": claims,
        "baseline": BASELINE,
    }
    return dataclasses.replace(snapshot, outcomes=confirmations, versions=()), spec.model_copy(update=changes)


def seeds_seen_before(snapshot: SweepSnapshot, spec: SweepSpec) -> list[str]:
    """A sentence for each other version of the search that was confirmed on some of the same seeds: these are not fresh any more."""
    design, notes = spec.design, []
    assert isinstance(design, SearchDesign), "a search"
    for version in snapshot.versions:
        try:
            other = SweepSpec.read(version.spec).design
        except ValidationError:
            continue  # of another release
        if not isinstance(other, SearchDesign) or other.confirm is None or design.confirm is None:
            continue
        if shared := [seed for seed in design.confirm.seeds if seed in other.confirm.seeds]:
            notes.append(
                f"Version {version.version[:12]} of this search confirms on {len(shared)} of the same seeds: who changed the search after"
                " its result was seen has looked twice. Take other confirm seeds."
            )
    return notes


def search_notes(rows: SearchResult) -> list[str]:
    """Sentences for the end of a report."""
    states = [proposal.state for proposal in rows.proposals]
    ended = len(states) - states.count("open")
    hours = sum(proposal.seconds for proposal in rows.proposals) / 3600
    notes = [
        f"Search: {ended} of {rows.planned} proposals of {rows.sampler} ended, {states.count('finished')} with a value,"
        f" {states.count('stopped')} stopped early or diverged, {states.count('failed')} failed; {hours:.3g} device hours."
        " Its values are of configs that were chosen by them, and nothing is concluded from them."
    ]
    if rows.bias is not None:
        bias = rows.bias
        notes.append(
            f"Of {bias.tried} equal configs the best would look {100 * bias.share:.2g}% better than it is, by the luck of its"
            f" {'seed' if bias.seeds == 1 else f'{bias.seeds} seeds'} alone (standard deviation over seeds {100 * bias.spread:.2g}% of the"
            f" mean, {bias.source})."
        )
    elif ended > 1:
        notes.append(
            "How much better the best of so many looks than it is cannot be said: the spread over seeds is not known;"
            " declare design.confirm, or metric.assumed_cv."
        )
    values = [proposal.values[0] for proposal in rows.proposals if proposal.values]
    if rows.random is not None and rows.random.steps and values:
        notes.append(random_note(rows.random, rows.primary, values))
    return notes


def expected_maximum(n: int) -> float:
    """Mean of the largest of n standard normal values, by the trapezoid rule."""
    normal, step, reach = NormalDist(), 0.005, 9.0
    points = [-reach + step * i for i in range(round(2 * reach / step) + 1)]
    return math.fsum(x * n * normal.pdf(x) * normal.cdf(x) ** (n - 1) for x in points) * step


def _incumbents(proposals: Sequence[Proposal], primary: MetricInfo) -> tuple[int, ...]:
    numbers_of_best: list[int] = []
    sign = 1 if primary.direction == "lower" else -1
    least = math.inf
    for proposal in proposals:
        if proposal.values and sign * proposal.values[0] < least:
            least = sign * proposal.values[0]
            numbers_of_best.append(proposal.number)
    return tuple(numbers_of_best)


def _bias(proposals: Sequence[Proposal], confirmations: Sequence[TrialOutcome], spec: SweepSpec, primary: MetricInfo) -> Bias | None:
    tried = sum(proposal.state in ("finished", "stopped") for proposal in proposals)
    values: dict[str, list[float]] = {}
    for outcome in confirmations:
        if outcome.has_result and primary.name in outcome.metrics:
            values.setdefault(outcome.variant, []).append(outcome.metrics[primary.name])
    usable = [mine for mine in values.values() if len(mine) >= _FEWEST_VALUES and fmean(mine)]
    degrees = sum(len(mine) - 1 for mine in usable)
    if tried < _FEWEST_VALUES:
        return None
    if degrees:
        squares = sum(math.fsum((value / fmean(mine) - 1) ** 2 for value in mine) for mine in usable)
        spread, source = math.sqrt(squares / degrees), "measured on the fresh seeds"
    elif spec.metric.assumed_spread is not None:
        spread, source = spec.metric.assumed_spread, "assumed"
    else:
        return None
    share = expected_maximum(tried) * spread / math.sqrt(len(spec.seeds))
    return Bias(tried, len(spec.seeds), spread, source, share)


def _confirmed(proposals: Sequence[Proposal], confirmations: Sequence[TrialOutcome], primary: MetricInfo) -> tuple[Confirmed, ...]:
    searched = {proposal.variant: proposal.values[0] for proposal in proposals if proposal.values}
    rows = []
    for name in dict.fromkeys(outcome.variant for outcome in confirmations if outcome.variant in searched):
        values = [o.metrics[primary.name] for o in confirmations if o.variant == name and o.has_result and primary.name in o.metrics]
        mean = fmean(values) if values else None
        better = 1 if primary.direction == "lower" else -1
        optimism = None if not mean else better * (mean - searched[name]) / abs(mean)
        rows.append(Confirmed(name, searched[name], mean, len(values), optimism))
    return tuple(rows)


def _variants(design: SearchDesign, outcomes: Sequence[TrialOutcome]) -> dict[str, Variant]:
    baseline = design.expand()[0]
    return {o.variant: baseline if o.variant == BASELINE else design.variant(design.chosen(o.levels)) for o in outcomes}


def setting(proposal: Proposal) -> str:
    """'weight=0.43, separation=full': what a proposal sets."""
    return ", ".join(f"{name}={level_name(value)}" for name, value in proposal.chosen.items())
