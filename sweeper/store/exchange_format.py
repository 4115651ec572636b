"""Sweeps and trials as plain data that outlives a database: what an archive holds, and what each attempt's folder says of it.

Strict, since it is read from files that anybody may have written: whatever is not as it is written here is refused.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Self, TypeVar

import sqlalchemy as sa
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    StrictInt,
    ValidationError,
    model_validator,
)
from sqlalchemy.orm import Session

from sweeper.errors import RequestError
from sweeper.records import FailureClass, TrialAnalysis
from sweeper.states import AttemptState
from sweeper.store.sweeps import sweep_named
from sweeper.store.tables import Attempt, CurvePoint, Evaluation, EvaluationDetail, Sweep, SweepTrial, SweepVersion, Trial
from sweeper.store.writing import chunks, storable

LARGEST = 2**53
"""Of whole numbers: more than any step, and JSON of every language holds it."""
LARGEST_OF_ALL = 2**64
"""Of whole numbers in a config, a spec or details; a seed may be larger than `LARGEST`."""
MOST_AXES = 8
"""Of an array of an analysis."""
DEEPEST = 50
"""Lists and objects within each other, in a config or a spec."""

P = TypeVar("P", bound="Part")


def _plain_text(text: str) -> str:
    if storable(text) != text:
        raise ValueError("holds a character that a database refuses")
    return text


def _plain_json(value: JsonValue) -> JsonValue:
    _refuse_odd(value, DEEPEST)
    return value


def _refuse_odd(value: JsonValue, depth: int) -> None:
    if depth == 0:
        raise ValueError(f"is nested more than {DEEPEST} deep")
    if isinstance(value, str):
        _plain_text(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _plain_text(name)
            _refuse_odd(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _refuse_odd(inner, depth - 1)
    elif isinstance(value, int) and abs(value) > LARGEST_OF_ALL:
        raise ValueError("holds a whole number of more than 64 bits")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is none, or infinite")


Whole = Annotated[int, Field(ge=0, le=LARGEST)]
Step = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""Of training; what databases count in four bytes."""


def _a_folder(name: str) -> str:
    if name in (".", ".."):
        raise ValueError("it becomes the name of a folder")
    return name


Text = Annotated[str, Field(max_length=1_000_000), AfterValidator(_plain_text)]
Word = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_plain_text)]
Name = Annotated[str, Field(pattern=r"^[0-9a-z][0-9a-z-]{3,63}$")]
"""A fingerprint. It names a folder, too, so that no other character will do."""
Json = Annotated[dict[str, JsonValue], AfterValidator(_plain_json)]


class Part(BaseModel):
    """Frozen; refuses what it does not know, and numbers that are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class PointPart(Part):
    """Values of curves at a step."""

    step: Step
    metrics: dict[Word, FiniteFloat]
    time_ms: Whole


class EvaluationPart(Part):
    """One evaluation."""

    step: Step
    evaluation_fingerprint: Word
    metrics: dict[Word, FiniteFloat]
    details: Json
    time_ms: Whole


class AttemptPart(Part):
    """One attempt, as the table of attempts has it."""

    number: Annotated[int, Field(ge=1, le=1_000_000)]
    state: AttemptState
    owner: Word
    lease_seconds: Annotated[FiniteFloat, Field(gt=0)]
    fresh: bool
    started: AwareDatetime
    ended: AwareDatetime | None
    start_step: Step | None
    step: Step
    checkpoint_step: Step
    comparability: Json
    provenance: Json
    error: Text | None
    failure: FailureClass | None
    policy: Text | None

    @property
    def identity(self) -> tuple[str, datetime]:
        """What tells it from every other attempt, whatever its number: a process begins one attempt at a trial at a time."""
        return self.owner, self.started


class AttemptHistory(Part):
    """An attempt with what it measured."""

    attempt: AttemptPart
    points: tuple[PointPart, ...] = ()
    evaluations: tuple[EvaluationPart, ...] = ()


class TrialPart(Part):
    """A trial with its attempts, the oldest first."""

    fingerprint: Name
    config: Json
    attempts: tuple[AttemptHistory, ...] = ()


class PlacePart(Part):
    """What a sweep's version wants of a trial."""

    fingerprint: Name
    variant: Word
    levels: dict[Text, Text]
    seed: Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
    steps: Step
    evaluation_fingerprint: Word


class WeightsPart(Part):
    """Weights that `sweeper evaluate` measured."""

    name: Annotated[str, Field(pattern=r"^[^/\x00-\x1f]{1,255}$"), AfterValidator(_plain_text), AfterValidator(_a_folder)]
    metrics: dict[Word, FiniteFloat]
    protocol: Json
    details: Json
    measured: AwareDatetime


class AxisPart(Part):
    """An axis of an array."""

    name: Word
    values: tuple[Annotated[StrictInt, Field(ge=-LARGEST, le=LARGEST)] | FiniteFloat | Text, ...]
    unit: Text


class ArrayPart(Part):
    """Numbers over axes, row by row; null where there is none."""

    name: Word
    label: Text
    axes: Annotated[tuple[AxisPart, ...], Field(max_length=MOST_AXES)]
    values: tuple[FiniteFloat | None, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.values) != math.prod(len(axis.values) for axis in self.axes):
            raise ValueError("has another number of values than its axes")
        if len({axis.name for axis in self.axes}) < len(self.axes):
            raise ValueError("has two axes of one name")
        return self


class AnalysisPart(Part):
    """What an analysis gave of a moving average of a trial."""

    fingerprint: Name
    analysis: Word
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    step: Step
    weights: Word
    asked: Word
    arrays: tuple[ArrayPart, ...]
    details: Json
    created: AwareDatetime

    @property
    def key(self) -> tuple[str, str, int, int, str, str]:
        """What an archive holds once, in this order."""
        return self.fingerprint, self.analysis, self.version, self.step, self.weights, self.asked

    def plain(self) -> TrialAnalysis:
        """For a store."""
        arrays = tuple(array.model_dump(mode="json") for array in self.arrays)
        return TrialAnalysis(*self.key, arrays, self.details, self.created)


class VersionPart(Part):
    """One version of a sweep, its trials in order."""

    name: Word
    profile: Word
    hash: Word
    spec: Json
    created: AwareDatetime
    last_run: AwareDatetime
    command: Text | None
    trials: tuple[PlacePart, ...]


def read_part(kind: type[P], text: str | bytes, place: str) -> P:
    """Raises RequestError that names the place and the first fault."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        said = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise RequestError(f"{place} is damaged ({said})") from None
    except RecursionError:
        raise RequestError(f"{place} is damaged (nested too deep)") from None


def versions_of(session: Session, name: str | None, profile: str | None, version: str | None = None) -> Iterator[VersionPart]:
    """Every version of the sweep, or of all sweeps; the oldest first. Raises RequestError as `sweep_named`."""
    query = sa.select(Sweep, SweepVersion).join(SweepVersion, SweepVersion.sweep_id == Sweep.id).order_by(SweepVersion.id)
    if name is not None:
        query = query.where(Sweep.id == sweep_named(session, name, profile).id)
    if version is not None:
        query = query.where(SweepVersion.hash == version)
    for sweep, row in session.execute(query):
        columns = sa.select(*SweepTrial.__table__.columns, Trial.fingerprint).join(Trial, Trial.id == SweepTrial.trial_id)
        places = session.execute(columns.where(SweepTrial.sweep_version_id == row.id).order_by(SweepTrial.position))
        yield VersionPart(
            name=sweep.name,
            profile=sweep.profile,
            hash=row.hash,
            spec=_json(row.spec),
            created=row.created,
            last_run=row.last_run,
            command=row.command,
            trials=tuple(
                PlacePart(
                    fingerprint=place.fingerprint,
                    variant=place.variant,
                    levels=dict(place.levels),
                    seed=place.seed,
                    steps=place.steps,
                    evaluation_fingerprint=place.evaluation_fingerprint,
                )
                for place in places
            ),
        )


def trials_of(session: Session, fingerprints: Iterable[str]) -> Iterator[TrialPart]:
    """The trials with these names, in their order, with every attempt; some at a time."""
    for some in chunks(sorted(fingerprints), 100):
        trials = list(session.scalars(sa.select(Trial).where(Trial.fingerprint.in_(some)).order_by(Trial.fingerprint)))
        attempts: dict[int, list[Attempt]] = {trial.id: [] for trial in trials}
        for attempt in session.scalars(sa.select(Attempt).where(Attempt.trial_id.in_(attempts)).order_by(Attempt.number)):
            attempts[attempt.trial_id].append(attempt)
        for trial in trials:
            histories = tuple(history_of(session, attempt) for attempt in attempts[trial.id])
            yield TrialPart(fingerprint=trial.fingerprint, config=_json(trial.config), attempts=histories)
        session.expunge_all()


def find_attempt(session: Session, fingerprint: str, number: int) -> Attempt | None:
    """The row of an attempt."""
    query = sa.select(Attempt).join(Trial, Trial.id == Attempt.trial_id)
    return session.scalars(query.where(Trial.fingerprint == fingerprint, Attempt.number == number)).one_or_none()


def history_of(session: Session, attempt: Attempt) -> AttemptHistory:
    """All that is stored of an attempt."""
    points: dict[tuple[int, int], dict[str, float]] = {}
    rows = sa.select(CurvePoint).where(CurvePoint.attempt_id == attempt.id).order_by(CurvePoint.time_ms, CurvePoint.step, CurvePoint.metric)
    for point in session.scalars(rows):
        points.setdefault((point.time_ms, point.step), {})[point.metric] = point.value
    values: dict[tuple[int, str], dict[str, float]] = {}
    for row in session.scalars(sa.select(Evaluation).where(Evaluation.trial_id == attempt.trial_id, Evaluation.attempt_id == attempt.id)):
        values.setdefault((row.step, row.evaluation_fingerprint), {})[row.metric] = row.value
    details = sa.select(EvaluationDetail).filter_by(trial_id=attempt.trial_id, attempt_id=attempt.id)
    return AttemptHistory(
        attempt=attempt_part(attempt),
        points=tuple(PointPart(step=step, metrics=metrics, time_ms=time_ms) for (time_ms, step), metrics in points.items()),
        evaluations=tuple(
            EvaluationPart(
                step=row.step,
                evaluation_fingerprint=row.evaluation_fingerprint,
                metrics=values.get((row.step, row.evaluation_fingerprint), {}),
                details=_json(row.details),
                time_ms=row.time_ms,
            )
            for row in session.scalars(details.order_by(EvaluationDetail.step, EvaluationDetail.evaluation_fingerprint))
        ),
    )


def attempt_part(attempt: Attempt) -> AttemptPart:
    """The row of an attempt."""
    return AttemptPart(
        number=attempt.number,
        state=attempt.state,
        owner=attempt.owner,
        lease_seconds=attempt.lease_seconds,
        fresh=attempt.fresh,
        started=attempt.started,
        ended=attempt.ended,
        start_step=attempt.start_step,
        step=attempt.step,
        checkpoint_step=attempt.checkpoint_step,
        comparability=_json(attempt.comparability),
        provenance=_json(attempt.provenance),
        error=attempt.error,
        failure=attempt.failure,
        policy=attempt.policy,
    )


def _json(value: Mapping[str, Any]) -> dict[str, JsonValue]:
    """As the database holds it."""
    return dict(value)
