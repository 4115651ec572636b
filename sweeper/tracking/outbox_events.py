"""Outbox rows, read: a payload is a plain mapping, an event is typed.

Reading refuses (never fails otherwise) a row that lacks a field or has the wrong type there: its writer is a bug, and one such row
must not hold up the rest.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from sweeper.records import AttemptRecord, OutboxRow, PointRecord
from sweeper.states import AttemptState
from sweeper.tracking.failures import Refused


@dataclass(frozen=True)
class SweepEvent:
    """A sweep, or a new version of it."""

    name: str
    profile: str
    version: str
    question: str
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class LinkEvent:
    """A sweep wants this trial: show its whole history."""

    name: str
    profile: str
    fingerprint: str
    variant: str
    levels: Mapping[str, str]
    seed: int
    config: Mapping[str, Any]


@dataclass(frozen=True)
class MetricEvent:
    """Numbers of a trial at one step: of its curve, or of an evaluation."""

    fingerprint: str
    points: tuple[PointRecord, ...]
    evaluated: tuple[int, int] | None = None
    """(attempt, step) of the evaluation; None for points of the curve."""
    evaluation: str = ""
    """Its fingerprint; empty for points of the curve, and where an older version wrote the row."""
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class AttemptEvent:
    """An attempt began or ended."""

    fingerprint: str
    attempt: int
    state: AttemptState
    error: str | None
    provenance: Mapping[str, Any]
    comparability: Mapping[str, Any]
    time_ms: int

    @classmethod
    def of_record(cls, fingerprint: str, record: AttemptRecord) -> "AttemptEvent":
        """The last thing that happened to a recorded attempt."""
        when = record.ended or record.started
        time_ms = round(when.timestamp() * 1000)
        return cls(fingerprint, record.number, record.state, record.error, record.provenance, record.comparability, time_ms)


@dataclass(frozen=True)
class PagesEvent:
    """A sweep's page, plots and samples are to be shown as they are now."""

    name: str
    profile: str


@dataclass(frozen=True)
class DeletedEvent:
    """A sweep was taken out of the store."""

    name: str
    profile: str


Event = SweepEvent | LinkEvent | MetricEvent | AttemptEvent | PagesEvent | DeletedEvent


def read_row(row: OutboxRow) -> Event:
    """The event of a row; raises `Refused`, naming the row, when it cannot be read."""
    try:
        return _READERS[row.kind](row.payload)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise Refused(f"outbox row {row.id} ({row.kind}) cannot be read: {type(error).__name__}: {error}") from error


def _sweep(payload: Mapping[str, Any]) -> SweepEvent:
    return SweepEvent(
        name=_text(payload, "name"),
        profile=_text(payload, "profile"),
        version=str(payload.get("version", "")),
        question=str(payload.get("question", "")),
        spec=_plain(payload["spec"]),
    )


def _link(payload: Mapping[str, Any]) -> LinkEvent:
    return LinkEvent(
        name=_text(payload, "name"),
        profile=_text(payload, "profile"),
        fingerprint=_text(payload, "fingerprint"),
        variant=_text(payload, "variant"),
        levels=_plain(payload.get("levels")),
        seed=int(payload["seed"]),
        config=_plain(payload["config"]),
    )


def _points(payload: Mapping[str, Any]) -> MetricEvent:
    step, time_ms = int(payload["step"]), int(payload["time_ms"])
    points = tuple(PointRecord(step, str(name), float(value), time_ms) for name, value in payload["metrics"].items())
    return MetricEvent(_text(payload, "fingerprint"), points)


def _evaluation(payload: Mapping[str, Any]) -> MetricEvent:
    event = _points(payload)
    at = (int(payload["attempt"]), int(payload["step"]))
    return MetricEvent(event.fingerprint, event.points, at, str(payload.get("evaluation", "")), _plain(payload.get("details")))


def _pages(payload: Mapping[str, Any]) -> PagesEvent:
    return PagesEvent(name=_text(payload, "name"), profile=_text(payload, "profile"))


def _deleted(payload: Mapping[str, Any]) -> DeletedEvent:
    return DeletedEvent(name=_text(payload, "name"), profile=_text(payload, "profile"))


def _attempt(payload: Mapping[str, Any]) -> AttemptEvent:
    state = payload["state"]
    if state not in get_args(AttemptState):
        raise ValueError(f"{state!r} is no state of an attempt")
    error = payload.get("error")
    return AttemptEvent(
        fingerprint=_text(payload, "fingerprint"),
        attempt=int(payload["attempt"]),
        state=cast(AttemptState, state),
        error=None if error is None else str(error),
        provenance=_plain(payload.get("provenance")),
        comparability=_plain(payload.get("comparability")),
        time_ms=int(payload["time_ms"]),
    )


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}, not text")
    return value


def _plain(value: Any) -> dict[str, Any]:
    """A mapping with nothing but JSON's types inside, which every writer after us can write."""
    return cast(dict[str, Any], json.loads(json.dumps(dict(value or {}), default=str)))


_READERS: dict[str, Callable[[Mapping[str, Any]], Event]] = {
    "sweep": _sweep,
    "link": _link,
    "points": _points,
    "evaluation": _evaluation,
    "attempt": _attempt,
    "pages": _pages,
    "deleted": _deleted,
}
