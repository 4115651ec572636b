"""Attempts: who may run a trial, and what a running attempt says of itself.

At most one attempt of a trial runs. Each write of an attempt first takes its row and finds it still running; a driver whose attempt was
given to another (`lost`) is fenced off there, and nothing it says afterwards is written.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.errors import SweeperError
from sweeper.plan.failures import settles
from sweeper.records import AttemptClaim, AttemptState, FailureClass, Metrics, Result
from sweeper.store import outbox
from sweeper.store.clock import now
from sweeper.store.tables import Attempt, CurvePoint, Evaluation, EvaluationDetail, Trial
from sweeper.store.writing import finite, insert_or_ignore, storable

TAKEN_OVER = "its driver died or fell silent; the next attempt goes on from its newest whole checkpoint, not counted against the trial"


class Fenced(SweeperError):
    """The attempt is no longer ours: it ended, or another driver took the trial over. Nothing was written."""


def claim(
    session: Session,
    fingerprint: str,
    *,
    owner: str,
    lease_seconds: float,
    fresh: bool,
    wanted: tuple[int, str] | None,
    seen: int | None,
    key: Mapping[str, Any],
    is_dead: Callable[[str], bool],
) -> AttemptClaim | None:
    # Claims of one trial queue up at its row. (Not a full lock: a running attempt may still add rows that point at the trial.)
    query = sa.select(Trial.id).where(Trial.fingerprint == fingerprint).with_for_update(key_share=True)
    trial_id = session.scalars(query).one_or_none()
    if trial_id is None:
        raise ValueError(f"trial {fingerprint} is in no sweep; record_sweep comes before claim")
    moment = now(session)
    running = session.scalars(sa.select(Attempt).filter_by(trial_id=trial_id, state="running").with_for_update()).one_or_none()
    if running is not None:
        if running.lease_until > moment and not is_dead(running.owner):
            # A lease longer than any lease means that the clock was set back: it must not hold the trial for hours.
            running.lease_until = min(running.lease_until, moment + timedelta(seconds=running.lease_seconds))
            return None
        _end(session, running, fingerprint, "lost", None, moment, policy=TAKEN_OVER)
        session.flush()
    before = list(session.scalars(sa.select(Attempt).filter_by(trial_id=trial_id).order_by(Attempt.number.desc())))
    newer = [attempt for attempt in before if seen is not None and attempt.number > seen]
    fresh = fresh and not any(attempt.fresh for attempt in newer)  # begun afresh by another: it is gone on with, not begun a third time
    if not fresh and newer and settles(newer[0].state, newer[0].failure):
        return None
    since = next((attempt.number for attempt in before if attempt.fresh), 1)
    if wanted is not None and not fresh and _has_finished(session, trial_id, since, *wanted):
        return None
    attempt = Attempt(
        trial_id=trial_id,
        number=before[0].number + 1 if before else 1,
        state="running",
        owner=owner,
        lease_seconds=lease_seconds,
        lease_until=moment + timedelta(seconds=lease_seconds),
        fresh=fresh,
        started=moment,
        step=0,
        checkpoint_step=0,
        comparability={},
        provenance={},
    )
    session.add(attempt)
    session.flush()
    readable = [] if fresh else resumable(before)
    earlier = [one for one in readable if agrees(one.comparability, key)]
    return AttemptClaim(
        attempt_id=attempt.id,
        fingerprint=fingerprint,
        number=attempt.number,
        earlier=tuple(one.number for one in earlier),
        recorded=tuple(one.checkpoint_step for one in earlier),
        foreign=tuple(one.number for one in readable if one.checkpoint_step > 0 and not agrees(one.comparability, key)),
    )


def _has_finished(session: Session, trial_id: int, since: int, step: int, evaluation_fingerprint: str) -> bool:
    """By an attempt from number `since` on."""
    told = sa.select(EvaluationDetail).filter_by(trial_id=trial_id, step=step, evaluation_fingerprint=evaluation_fingerprint)
    ended = told.join(Attempt, Attempt.id == EvaluationDetail.attempt_id).where(Attempt.state == "finished", Attempt.number >= since)
    return session.scalars(sa.select(ended.exists())).one()


def agrees(stored: Mapping[str, Any], key: Mapping[str, Any]) -> bool:
    """Whether an attempt's comparability is that `key`, as far as both say."""
    return all(stored[field] == value for field, value in key.items() if field in stored)


def resumable(newest_first: Sequence[Attempt]) -> list[Attempt]:
    """The attempts whose checkpoints a next one may read: back to and including the last that began afresh, newest first."""
    found = []
    for attempt in newest_first:
        # A lost one may have written a checkpoint that nobody could tell us of any more.
        if attempt.checkpoint_step > 0 or attempt.state in ("finished", "lost"):
            found.append(attempt)
        if attempt.fresh:
            break
    return found


def started(
    session: Session, held: AttemptClaim, *, start_step: int, comparability: Mapping[str, Any], provenance: Mapping[str, Any]
) -> None:
    attempt, moment = _hold(session, held, start_step)
    attempt.start_step, attempt.started = start_step, moment
    attempt.comparability, attempt.provenance = dict(comparability), dict(provenance)
    _tell(session, attempt, held.fingerprint)


def points(session: Session, held: AttemptClaim, step: int, metrics: Metrics, time_ms: int) -> None:
    values = finite(metrics)
    attempt, moment = _hold(session, held, step)
    rows = [{"attempt_id": attempt.id, "step": step, "metric": name, "value": value, "time_ms": time_ms} for name, value in values.items()]
    if insert_or_ignore(session, CurvePoint, rows):
        payload = {"fingerprint": held.fingerprint, "step": step, "metrics": values, "time_ms": time_ms}
        outbox.post(session, "points", [payload], moment)


def checkpointed(session: Session, held: AttemptClaim, step: int) -> None:
    attempt, _ = _hold(session, held, step)
    attempt.checkpoint_step = max(attempt.checkpoint_step, step)


def evaluated(
    session: Session,
    held: AttemptClaim,
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


def alive(session: Session, held: AttemptClaim) -> None:
    _hold(session, held, 0)


def end(
    session: Session,
    held: AttemptClaim,
    state: AttemptState,
    error: str | None,
    failure: FailureClass | None,
    policy: str | None,
    result: Result | None,
) -> None:
    if state == "running":
        raise ValueError("an attempt cannot end as 'running'")
    if _told_before(session, held, state):
        return
    if result is not None:
        key = (result.step, result.evaluation_fingerprint)
        evaluated(session, held, *key, result.metrics, result.details, result.time_ms)
    attempt, moment = _hold(session, held, 0)
    _end(session, attempt, held.fingerprint, state, error, moment, failure, policy)


def _told_before(session: Session, held: AttemptClaim, state: AttemptState) -> bool:
    """Whether the attempt ended so already: told again because the answer to the first telling was lost. Only others say `lost`."""
    if state == "lost":
        return False
    same = sa.select(Attempt.id).where(Attempt.id == held.attempt_id, Attempt.number == held.number, Attempt.state == state)
    return session.scalars(same).one_or_none() is not None


def release_dead(session: Session, is_dead: Callable[[str], bool]) -> list[str]:
    query = (
        sa.select(Attempt, Trial.fingerprint)
        .join(Trial, Trial.id == Attempt.trial_id)
        .where(Attempt.state == "running")
        .order_by(Attempt.id)
        .with_for_update(of=Attempt)
    )
    running = [(attempt, fingerprint) for attempt, fingerprint in session.execute(query)]
    dead = {owner for owner in {attempt.owner for attempt, _ in running} if is_dead(owner)}
    released = [(attempt, fingerprint) for attempt, fingerprint in running if attempt.owner in dead]
    moment = now(session)
    for attempt, fingerprint in released:
        _end(session, attempt, fingerprint, "lost", None, moment, policy=TAKEN_OVER)
    return [fingerprint for _, fingerprint in released]


def first_line(error: str | None) -> str | None:
    """What a table shows of an error."""
    return next((line.strip() for line in error.splitlines() if line.strip()), None) if error else None


def _hold(session: Session, held: AttemptClaim, step: int) -> tuple[Attempt, datetime]:
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


def _end(
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
