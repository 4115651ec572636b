"""Random search of the same space, where it was run too: what a search has to beat."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from sweeper.metrics import MetricInfo
from sweeper.plan.proposals import proposals_of
from sweeper.records import SweepSnapshot
from sweeper.report import numbers
from sweeper.spec.search_design import SearchDesign
from sweeper.spec.sweep_spec import SweepSpec


@dataclass(frozen=True)
class RandomSearch:
    """Another version of the sweep: the same space, base, seeds and objectives, sampled at random.

    Attributes:
        version: Hash of its resolved spec.
        steps: (proposals, device hours, best so far) after each proposal of it with a value, up to as many as the other search has.
    """

    version: str
    steps: tuple[tuple[int, float, float], ...]


def random_version(snapshot: SweepSnapshot) -> str | None:
    """The newest other version that searches the same at random; None where there is none, and for a random search itself."""
    mine = _searched(snapshot.spec)
    if mine is None or mine.design_of.sampler == "random":
        return None
    for other in reversed(snapshot.versions):
        theirs = _searched(other.spec)
        if theirs is not None and theirs.design_of.sampler == "random" and theirs.question == mine.question:
            return other.version
    return None


def random_search(snapshot: SweepSnapshot, most: int) -> RandomSearch:
    """`snapshot` is that of a random search; `most` of its proposals count. Its spec is one of this release."""
    spec = SweepSpec.read(snapshot.spec)
    sign = 1 if spec.metric.direction == "lower" else -1
    seconds, least = 0.0, float("inf")
    steps = []
    for proposal in proposals_of(snapshot, spec, {})[:most]:
        seconds += proposal.seconds
        if proposal.values:
            least = min(least, sign * proposal.values[0])
            steps.append((proposal.number + 1, seconds / 3600, sign * least))
    return RandomSearch(snapshot.version, tuple(steps))


def random_note(other: RandomSearch, metric: MetricInfo, ended: Sequence[float]) -> str:
    """A sentence for the end of a report; `ended` are the values of the search that it is compared with."""
    proposals, hours, best = other.steps[-1]
    mine = min(ended) if metric.direction == "lower" else max(ended)
    return (
        f"Random search of the same space (version {other.version[:12]}): its best {metric.label} is {numbers.fixed(best, metric.decimals)}"
        f" after {proposals} proposals and {hours:.3g} device hours, this search's {numbers.fixed(mine, metric.decimals)}. One run of each"
        " says nothing of the samplers: which of them is ahead is luck, too."
    )


@dataclass(frozen=True)
class _Searched:
    design_of: SearchDesign
    question: object
    """All that decides what a value of this search means."""


def _searched(raw: object) -> _Searched | None:
    try:
        spec = SweepSpec.read(raw)
    except ValidationError:
        return None  # of another release
    if not isinstance(spec.design, SearchDesign):
        return None
    return _Searched(spec.design, (spec.base, spec.design.space, spec.seeds, spec.objectives, spec.metric.primary, spec.metric.direction))
