"""What `status --json` and `list --json` print, as types: mypy checks the writers against them, and `sweeper schema` prints them."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from sweeper.records import SweepSnapshot, TrialOutcome
from sweeper.service.listing import ListedSweep
from sweeper.states import TRIAL_STATES, TrialState
from sweeper.store.results_store import SweepSummary

Counts = Annotated[dict[TrialState, int], Field(description="State -> number of trials; a state without any is left out.")]
Time = Annotated[str, Field(description="ISO 8601, UTC.")]


@with_config(extra="forbid")
class TrialShape(TypedDict):
    fingerprint: Annotated[str, Field(description="The trial's name in every sweep.")]
    variant: str
    levels: Annotated[dict[str, str], Field(description="Factor -> level; empty for an explicit variant.")]
    seed: int
    state: TrialState
    step: Annotated[int, Field(description="The newest that was reported.")]
    steps: Annotated[int, Field(description="That it is to train.")]
    attempts: int
    metrics: Annotated[dict[str, float], Field(description="Of the evaluation that the sweep asks for; empty unless finished.")]
    error: Annotated[str | None, Field(description="First line of the first real exception, when failed or diverged.")]


@with_config(extra="forbid")
class SweepKeyShape(TypedDict):
    name: str
    profile: str


@with_config(extra="forbid")
class StatusShape(TypedDict):
    name: str
    profile: str
    version: Annotated[str, Field(description="Hash of the resolved spec.")]
    question: str
    counts: Counts
    trials: list[TrialShape]
    others: Annotated[list[SweepKeyShape], Field(description="The other sweeps in the store.")]


@with_config(extra="forbid")
class ListedSweepShape(TypedDict):
    name: str
    profile: str
    version: Annotated[str, Field(description="Hash of the resolved spec of the version that ran last.")]
    question: str
    counts: Counts
    last_run: Time
    age_seconds: float
    disk_bytes: Annotated[int, Field(description="Of the folders of all its trials.")]
    alone_bytes: Annotated[int, Field(description="Of its trials that no other sweep names: what deleting it frees.")]


@with_config(extra="forbid")
class ListShape(TypedDict):
    sweeps: Annotated[list[ListedSweepShape], Field(description="The one that ran last first.")]


def status_schema() -> dict[str, Any]:
    """JSON Schema of `status --json`."""
    return TypeAdapter(StatusShape).json_schema()


def list_schema() -> dict[str, Any]:
    """JSON Schema of `list --json`."""
    return TypeAdapter(ListShape).json_schema()


def status_of(snapshot: SweepSnapshot, others: list[SweepSummary]) -> StatusShape:
    """Every trial of the sweep."""
    return {
        "name": snapshot.name,
        "profile": snapshot.profile,
        "version": snapshot.version,
        "question": str(snapshot.spec.get("question", "")),
        "counts": _counts([outcome.state for outcome in snapshot.outcomes]),
        "trials": [_trial(outcome) for outcome in snapshot.outcomes],
        "others": [{"name": other.name, "profile": other.profile} for other in others],
    }


def listed_sweep(one: ListedSweep) -> ListedSweepShape:
    """One sweep of the list."""
    return {
        "name": one.name,
        "profile": one.profile,
        "version": one.version,
        "question": one.question,
        "counts": _counts(list(one.states.elements())),
        "last_run": one.last_run.isoformat(),
        "age_seconds": one.age.total_seconds(),
        "disk_bytes": one.size,
        "alone_bytes": one.alone,
    }


def _counts(states: list[TrialState]) -> dict[TrialState, int]:
    return {state: states.count(state) for state in TRIAL_STATES if state in states}


def _trial(outcome: TrialOutcome) -> TrialShape:
    return {
        "fingerprint": outcome.fingerprint,
        "variant": outcome.variant,
        "levels": dict(outcome.levels),
        "seed": outcome.seed,
        "state": outcome.state,
        "step": outcome.step,
        "steps": outcome.steps,
        "attempts": outcome.attempts,
        "metrics": dict(outcome.metrics),
        "error": outcome.error,
    }
