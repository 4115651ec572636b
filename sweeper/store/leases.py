"""Who may run a trial: at most one attempt of it runs, and one whose driver died or fell silent is given to another."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.errors import SweepPaused
from sweeper.plan.failures import settles
from sweeper.plan.reconcile import agrees
from sweeper.records import Lease
from sweeper.states import ATTEMPT_STATES, WITH_RESULT
from sweeper.store.attempts import end_row
from sweeper.store.clock import now
from sweeper.store.tables import Attempt, EvaluationDetail, Trial
from sweeper.store.writing import chunks

TAKEN_OVER = "its driver died or fell silent; the next attempt goes on from its newest whole checkpoint, not counted against the trial"


def acquire(
    session: Session,
    fingerprint: str,
    *,
    owner: str,
    lease_seconds: float,
    fresh: bool,
    wanted: tuple[int, str] | None,
    seen: int | None,
    key: Mapping[str, Any],
    search: bool,
    is_dead: Callable[[str], bool],
) -> Lease | None:
    # Claims of one trial queue up at its row. (Not a full lock: a running attempt may still add rows that point at the trial.)
    query = sa.select(Trial.id, Trial.cancelled).where(Trial.fingerprint == fingerprint).with_for_update(key_share=True)
    trial = session.execute(query).one_or_none()
    if trial is None:
        raise SweepPaused(f"trial {fingerprint[:8]} was deleted while its sweep ran; run the same command again to train it anew")
    if trial.cancelled is not None:
        return None
    trial_id, moment = trial.id, now(session)
    running = session.scalars(sa.select(Attempt).filter_by(trial_id=trial_id, state="running").with_for_update()).one_or_none()
    if running is not None:
        if running.lease_until > moment and not is_dead(running.owner):
            # A lease longer than any lease means that the clock was set back: it must not hold the trial for hours.
            running.lease_until = min(running.lease_until, moment + timedelta(seconds=running.lease_seconds))
            return None
        end_row(session, running, fingerprint, "lost", None, moment, policy=TAKEN_OVER)
        session.flush()
    before = list(session.scalars(sa.select(Attempt).filter_by(trial_id=trial_id).order_by(Attempt.number.desc())))
    newer = [attempt for attempt in before if seen is not None and attempt.number > seen]
    fresh = fresh and not any(attempt.fresh for attempt in newer)  # begun afresh by another: it is gone on with, not begun a third time
    if not fresh and newer and settles(newer[0].state, newer[0].failure, search=search):
        return None
    if wanted is not None and not fresh and _has_finished(session, trial_id, restarted(before), *wanted):
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
    return Lease(
        attempt_id=attempt.id,
        fingerprint=fingerprint,
        number=attempt.number,
        earlier=tuple(one.number for one in earlier),
        recorded=tuple(recorded(one) for one in earlier),
        foreign=tuple(one.number for one in readable if one.checkpoint_step > 0 and not agrees(one.comparability, key)),
    )


def cancel(session: Session, fingerprint: str, undo: bool) -> int | None:
    query = sa.select(Trial).where(Trial.fingerprint == fingerprint).with_for_update(key_share=True)
    trial = session.scalars(query).one()
    trial.cancelled = None if undo else trial.cancelled or now(session)
    live = sa.select(Attempt.number).where(Attempt.trial_id == trial.id, Attempt.state == "running", Attempt.lease_until > now(session))
    return session.scalars(live).one_or_none()


def cancelled(session: Session, fingerprints: Collection[str]) -> set[str]:
    query = sa.select(Trial.fingerprint).where(Trial.cancelled.is_not(None))
    return {name for some in chunks(fingerprints) for name in session.scalars(query.where(Trial.fingerprint.in_(some)))}


def _has_finished(session: Session, trial_id: int, since: int, step: int, evaluation_fingerprint: str) -> bool:
    """By an attempt from number `since` on."""
    told = sa.select(EvaluationDetail).filter_by(trial_id=trial_id, step=step, evaluation_fingerprint=evaluation_fingerprint)
    ended = told.join(Attempt, Attempt.id == EvaluationDetail.attempt_id).where(Attempt.state.in_(WITH_RESULT), Attempt.number >= since)
    return session.scalars(sa.select(ended.exists())).one()


def restarted(newest_first: Sequence[Any]) -> int:
    """Number of the last attempt that began afresh, 1 without one: the results of those before it are put aside."""
    return next((attempt.number for attempt in newest_first if attempt.fresh), 1)


def recorded(attempt: Any) -> int:
    """Step up to which the store has the whole curve, so that state up to it may be gone on from.

    An attempt that only evaluated what another had trained finished without a checkpoint of its own, and left an average.
    """
    return int(attempt.step if ATTEMPT_STATES[attempt.state].has_result else attempt.checkpoint_step)


def resumable(newest_first: Sequence[Attempt]) -> list[Attempt]:
    """The attempts whose checkpoints a next one may read: back to and including the last that began afresh, newest first."""
    found = []
    for attempt in newest_first:
        # A lost one may have written a checkpoint that nobody could tell us of any more.
        if attempt.checkpoint_step > 0 or ATTEMPT_STATES[attempt.state].may_have_checkpoint:
            found.append(attempt)
        if attempt.fresh:
            break
    return found
