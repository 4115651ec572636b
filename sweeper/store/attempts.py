"""What a running attempt says of itself.

Each write of an attempt first takes its row and finds it still running; a driver whose attempt was given to another (`lost`, see
`claims`) is fenced off there, and nothing it says afterwards is written.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.errors import SweeperError
from sweeper.records import FailureClass, Lease, Metrics, Result
from sweeper.states import ATTEMPT_STATES, AttemptState
from sweeper.store import outbox
from sweeper.store.clock import now
from sweeper.store.tables import Attempt, CurvePoint, Evaluation, EvaluationDetail
from sweeper.store.writing import finite, insert_or_ignore, storable


class Fenced(SweeperError):
    """The attempt is no longer ours: it ended, or another driver took the trial over. Nothing was written."""


def started(session: Session, held: Lease, *, start_step: int, comparability: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
    attempt, moment = _hold(session, held, start_step)
    attempt.start_step, attempt.started = start_step, moment
    attempt.comparability, attempt.provenance = dict(comparability), dict(provenance)
    _tell(session, attempt, held.fingerprint)


def points(session: Session, held: Lease, step: int, metrics: Metrics, time_ms: int) -> None:
    values = finite(metrics)
    attempt, moment = _hold(session, held, step)
    rows = [{"attempt_id": attempt.id, "step": step, "metric": name, "value": value, "time_ms": time_ms} for name, value in values.items()]
    if insert_or_ignore(session, CurvePoint, rows):
        payload = {"fingerprint": held.fingerprint, "step": step, "metrics": values, "time_ms": time_ms}
        outbox.post(session, "points", [payload], moment)


def checkpointed(session: Session, held: Lease, step: int) -> None:
    attempt, _ = _hold(session, held, step)
    attempt.checkpoint_step = max(attempt.checkpoint_step, step)


def evaluated(
    session: Session,
    held: Lease,
    step: int,
    evaluation_fingerprint: str,
    metrics: Metrics,
    details: Mapping[str, Any],
    time_ms: int,
) -> None:
    values = finite(metrics)
    attempt, moment = _hold(session, held, step)
    key = {
        "trial_id": attempt.trial_id,
        "step": step,
        "evaluation_fingerprint": evaluation_fingerprint,
        "attempt_id": attempt.id,
        "time_ms": time_ms,
    }
    if not insert_or_ignore(session, EvaluationDetail, [{**key, "details": dict(details)}]):
        return  # told before: the first telling stands, whole
    insert_or_ignore(session, Evaluation, [{**key, "metric": name, "value": value} for name, value in values.items()])
    payload = {"fingerprint": held.fingerprint, "step": step, "metrics": values, "details": details, "time_ms": time_ms}
    outbox.post(session, "evaluation", [{**payload, "evaluation": evaluation_fingerprint, "attempt": attempt.number}], moment)


def alive(session: Session, held: Lease) -> None:
    _hold(session, held, 0)


def end(
    session: Session,
    held: Lease,
    state: AttemptState,
    error: str | None,
    failure: FailureClass | None,
    policy: str | None,
    result: Result | None,
) -> None:
    if state == "running" or state not in ATTEMPT_STATES:
        raise ValueError(f"an attempt cannot end as {state!r}")
    if _already_ended(session, held, state):
        return
    if result is not None:
        key = (result.step, result.evaluation_fingerprint)
        evaluated(session, held, *key, result.metrics, result.details, result.time_ms)
    attempt, moment = _hold(session, held, 0)
    end_row(session, attempt, held.fingerprint, state, error, moment, failure, policy)


def _already_ended(session: Session, held: Lease, state: AttemptState) -> bool:
    """Whether the attempt ended so already: told again because the answer to the first telling was lost. Only others say `lost`."""
    if state == "lost":
        return False
    same = sa.select(Attempt.id).where(Attempt.id == held.attempt_id, Attempt.number == held.number, Attempt.state == state)
    return session.scalars(same).one_or_none() is not None


def first_line(error: str | None) -> str | None:
    """What a table shows of an error."""
    return next((line.strip() for line in error.splitlines() if line.strip()), None) if error else None


def _hold(session: Session, held: Lease, step: int) -> tuple[Attempt, datetime]:
    """The attempt's row, kept from others until the transaction ends, its lease renewed; Fenced when it runs no more."""
    # With the number: an id alone would name another attempt after the database was replaced by an older copy.
    query = sa.select(Attempt).where(Attempt.id == held.attempt_id, Attempt.number == held.number, Attempt.state == "running")
    attempt = session.scalars(query.with_for_update()).one_or_none()
    if attempt is None:
        raise Fenced(f"attempt {held.number} of trial {held.fingerprint} ended or was taken over by another driver; its result is refused")
    moment = now(session)
    attempt.lease_until = moment + timedelta(seconds=attempt.lease_seconds)
    attempt.step = max(attempt.step, step)
    return attempt, moment


def end_row(
    session: Session,
    attempt: Attempt,
    fingerprint: str,
    state: AttemptState,
    error: str | None,
    moment: datetime,
    failure: FailureClass | None = None,
    policy: str | None = None,
) -> None:
    attempt.state, attempt.ended = state, moment
    attempt.error = storable(error) if error else None
    attempt.failure = failure or ("lost" if state == "lost" else None)
    attempt.policy = storable(policy) if policy else None
    _tell(session, attempt, fingerprint)


def _tell(session: Session, attempt: Attempt, fingerprint: str) -> None:
    moment = attempt.ended or attempt.started
    payload = {
        "fingerprint": fingerprint,
        "attempt": attempt.number,
        "state": attempt.state,
        "error": first_line(attempt.error),
        "provenance": attempt.provenance,
        "comparability": attempt.comparability,
        "time_ms": round(moment.timestamp() * 1000),
    }
    outbox.post(session, "attempt", [payload], moment)
