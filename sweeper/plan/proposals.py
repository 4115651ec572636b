"""The proposals of a search as the store knows them, and what is done next with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sweeper.metrics import MetricInfo
from sweeper.records import SweepSnapshot, TrialCurves, TrialOutcome
from sweeper.spec.factors import Level
from sweeper.spec.search_design import BASELINE, SearchDesign
from sweeper.spec.sweep_spec import SweepSpec
from sweeper.states import TRIAL_STATES

ProposalState = Literal["finished", "stopped", "failed", "open"]
"""`finished`: it has its values. `stopped`: early, or it diverged; its curve says how good it was. `failed`: it says nothing.
`open`: it is trained, or waits for that."""


@dataclass(frozen=True)
class Proposal:
    """One variant that a search tried, over the search's seeds."""

    number: int
    """In the order in which they were proposed, from 0."""
    variant: str
    levels: Mapping[str, str]
    chosen: Mapping[str, Level]
    """Factor -> level name or number, of those factors that change something here."""
    state: ProposalState
    values: tuple[float, ...]
    """Of each objective, the mean over the seeds; empty unless finished."""
    outcomes: tuple[TrialOutcome, ...]
    """One for each seed."""
    curve: Mapping[int, float] = field(default_factory=dict)
    """Step -> mean over the seeds of the primary metric, where all of them have a point."""

    @property
    def seconds(self) -> float:
        """That its trials took so far."""
        return sum(outcome.seconds for outcome in self.outcomes)

    @property
    def step(self) -> int:
        return min(outcome.step for outcome in self.outcomes)


def proposals_of(snapshot: SweepSnapshot, spec: SweepSpec, curves: Mapping[str, TrialCurves]) -> tuple[Proposal, ...]:
    """In the order in which they were proposed. `curves` (by fingerprint) hold the primary metric's training curve, where there is one."""
    design = spec.design
    assert isinstance(design, SearchDesign), "a search"
    mine: dict[str, list[TrialOutcome]] = {}
    for outcome in snapshot.outcomes:
        if outcome.seed in spec.seeds and outcome.variant != BASELINE:
            mine.setdefault(outcome.variant, []).append(outcome)
    return tuple(
        Proposal(
            number,
            name,
            outcomes[0].levels,
            design.chosen(outcomes[0].levels),
            _state(outcomes, spec),
            _values(outcomes, spec.objectives),
            tuple(outcomes),
            _curve([curves[o.fingerprint].training.get(spec.metric.primary, {}) for o in outcomes if o.fingerprint in curves]),
        )
        for number, (name, outcomes) in enumerate(mine.items())
    )


def confirmations_of(snapshot: SweepSnapshot, spec: SweepSpec) -> tuple[TrialOutcome, ...]:
    """The trials on fresh seeds."""
    return tuple(outcome for outcome in snapshot.outcomes if outcome.seed not in spec.seeds)


def may_stop_early(spec: SweepSpec, seed: int) -> bool:
    """Whether a trial at this seed may end before its last step: those of the search itself, where it stops any."""
    return isinstance(spec.design, SearchDesign) and spec.design.stopping is not None and seed in spec.seeds


def is_open(outcome: TrialOutcome, spec: SweepSpec) -> bool:
    """Whether something is still to be done for a trial; another search may have stopped early what this one wants in full."""
    if outcome.state == "stopped early":
        return not may_stop_early(spec, outcome.seed)
    return not TRIAL_STATES[outcome.state].has_ended


def best(proposals: Sequence[Proposal], spec: SweepSpec) -> list[Proposal]:
    """Those with values, the best by the primary metric first; where there are several objectives, those of the front alone."""
    sign = 1 if spec.metric.direction == "lower" else -1
    with_values = front(proposals, spec.objectives) if len(spec.objectives) > 1 else [p for p in proposals if p.values]
    return sorted(with_values, key=lambda proposal: (sign * proposal.values[0], proposal.number))


def front(proposals: Sequence[Proposal], objectives: Sequence[MetricInfo]) -> list[Proposal]:
    """Those that no other is at least as good as in every objective and better in one."""
    signs = [1 if metric.direction == "lower" else -1 for metric in objectives]
    losses = {p.number: [sign * value for sign, value in zip(signs, p.values, strict=True)] for p in proposals if p.values}

    def dominated(mine: Sequence[float]) -> bool:
        return any(all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine for other in losses.values())

    return [p for p in proposals if p.values and not dominated(losses[p.number])]


def expected_share(design: SearchDesign, steps: int) -> float | None:
    """Of its steps that a trial is expected to do under ASHA, where one of `reduction` survives each rung; None of another rule.

    The first trials of a search meet empty rungs and go on, so a short search does more.
    """
    stopping = design.stopping
    if stopping is None:
        return 1.0
    if stopping.kind != "asha":
        return None
    done, rung, survivors = 0.0, float(stopping.first_step), 1.0
    previous = 0.0
    while rung < steps:
        done += survivors * (rung - previous)
        survivors /= stopping.reduction
        previous, rung = rung, rung * stopping.reduction
    return (done + survivors * (steps - previous)) / steps


def _state(outcomes: Sequence[TrialOutcome], spec: SweepSpec) -> ProposalState:
    if any(is_open(outcome, spec) for outcome in outcomes):
        return "open"
    if all(outcome.has_result for outcome in outcomes):
        return "finished"
    return "failed" if any(outcome.state == "failed" for outcome in outcomes) else "stopped"


def _values(outcomes: Sequence[TrialOutcome], objectives: Sequence[MetricInfo]) -> tuple[float, ...]:
    names = [metric.name for metric in objectives]
    if not all(outcome.has_result and outcome.metrics.keys() >= set(names) for outcome in outcomes):
        return ()
    return tuple(sum(outcome.metrics[name] for outcome in outcomes) / len(outcomes) for name in names)


def _curve(series: Sequence[Mapping[int, float]]) -> dict[int, float]:
    shared = set.intersection(*(set(points) for points in series)) if series else set()
    return {step: sum(points[step] for points in series) / len(series) for step in sorted(shared)}
