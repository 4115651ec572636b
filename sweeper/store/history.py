"""All the store knows of one trial."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.errors import RequestError
from sweeper.records import AttemptRecord, PointRecord, TrialHistory
from sweeper.states import WITH_RESULT
from sweeper.store.clock import now
from sweeper.store.leases import TAKEN_OVER
from sweeper.store.tables import Attempt, CurvePoint, Evaluation, EvaluationDetail, Sweep, SweepTrial, SweepVersion, Trial


def history(session: Session, fingerprint: str, is_dead: Callable[[str], bool] | None = None) -> TrialHistory:
    """Without `is_dead`, attempts are in the state that was written last."""
    trial = session.scalars(sa.select(Trial).filter_by(fingerprint=fingerprint)).one_or_none()
    if trial is None:
        raise RequestError(f"there is no trial {fingerprint!r}; `sweeper status` lists the trials of a sweep")
    attempts = list(session.scalars(sa.select(Attempt).filter_by(trial_id=trial.id).order_by(Attempt.number)))
    sweeps, commands = _served(session, trial)
    moment = now(session)
    return TrialHistory(
        fingerprint=fingerprint,
        config=trial.config,
        sweeps=sweeps,
        attempts=tuple(_attempt(attempt, moment, is_dead) for attempt in attempts),
        points=_points(session, attempts),
        evaluations=_evaluations(session, trial),
        details=_details(session, trial),
        commands=commands,
        cancelled=trial.cancelled,
    )


def _served(session: Session, trial: Trial) -> tuple[tuple[tuple[str, str, str, int], ...], tuple[str, ...]]:
    """The sweeps it serves, and their command lines: what ran last comes first in both, sweeps that no command is known of by name."""
    query = (
        sa.select(Sweep.name, Sweep.profile, SweepTrial.variant, SweepTrial.seed, SweepVersion.command)
        .join(SweepVersion, SweepVersion.sweep_id == Sweep.id)
        .join(SweepTrial, SweepTrial.sweep_version_id == SweepVersion.id)
        .where(SweepTrial.trial_id == trial.id)
    )
    by_name = session.execute(query.order_by(Sweep.name, Sweep.profile, SweepTrial.variant, SweepTrial.seed)).all()
    ran = session.execute(
        query.where(SweepVersion.command.is_not(None), SweepVersion.command != "").order_by(
            SweepVersion.last_run.desc(), SweepVersion.id.desc(), SweepTrial.variant, SweepTrial.seed
        )
    ).all()
    sweeps = dict.fromkeys((name, profile, variant, seed) for name, profile, variant, seed, _ in [*ran, *by_name])
    return tuple(sweeps), tuple(dict.fromkeys(row.command for row in ran))


def _attempt(attempt: Attempt, moment: datetime, is_dead: Callable[[str], bool] | None) -> AttemptRecord:
    lost = is_dead is not None and attempt.state == "running" and (attempt.lease_until <= moment or is_dead(attempt.owner))
    return AttemptRecord(
        number=attempt.number,
        state="lost" if lost else attempt.state,
        started=attempt.started,
        ended=attempt.ended,
        start_step=attempt.start_step or 0,
        step=attempt.step,
        checkpoint_step=attempt.checkpoint_step,
        comparability=attempt.comparability,
        provenance=attempt.provenance,
        error=attempt.error,
        failure=attempt.failure,
        policy=TAKEN_OVER if lost else attempt.policy,
    )


class Beginning(Protocol):
    """Where an attempt began, and the newest step that was reported."""

    @property
    def start_step(self) -> int | None: ...
    @property
    def step(self) -> int: ...
    @property
    def fresh(self) -> bool: ...


AnyAttempt = TypeVar("AnyAttempt", bound=Beginning)


def spans(attempts: Sequence[AnyAttempt]) -> Iterator[tuple[AnyAttempt, int, int | None]]:
    """(attempt, first step, last step or None) of what is read of a trial's attempts, given oldest first, told newest first.

    A step is read from the newest attempt that began at or before it; what an older one did beyond that point was thrown away.
    The step where an attempt began was made by the one before it, and is read there unless the newer one tells it again. One that was
    lost before it came so far made no such step: then an older one did, whose checkpoint was gone back to since a newer one was damaged.
    """
    until: int | None = None
    for attempt in reversed(attempts):
        if attempt.start_step is None or (until is not None and attempt.start_step > until):
            continue
        yield attempt, attempt.start_step, until
        if until is None or attempt.step >= until:
            until = attempt.start_step
        if attempt.fresh:
            break


def _points(session: Session, attempts: Sequence[Attempt]) -> tuple[PointRecord, ...]:
    found: dict[tuple[str, int], PointRecord] = {}
    for attempt, first, last in spans(attempts):
        query = sa.select(CurvePoint).where(CurvePoint.attempt_id == attempt.id, CurvePoint.step >= first)
        if last is not None:
            query = query.where(CurvePoint.step <= last)
        for point in session.scalars(query):
            found.setdefault((point.metric, point.step), PointRecord(point.step, point.metric, point.value, point.time_ms))
    return tuple(found[key] for key in sorted(found))


def _evaluations(session: Session, trial: Trial) -> tuple[PointRecord, ...]:
    query = (
        sa.select(Evaluation.step, Evaluation.metric, Evaluation.value, Evaluation.time_ms)
        .join(Attempt, Attempt.id == Evaluation.attempt_id)
        .where(Evaluation.trial_id == trial.id, Attempt.state.in_(WITH_RESULT))
        .order_by(Evaluation.step, Attempt.number.desc(), Evaluation.time_ms.desc(), Evaluation.evaluation_fingerprint, Evaluation.metric)
    )
    return tuple(PointRecord(step, metric, value, time_ms) for step, metric, value, time_ms in session.execute(query))


def _details(session: Session, trial: Trial) -> Mapping[str, Any]:
    query = (
        sa.select(EvaluationDetail.details)
        .join(Attempt, Attempt.id == EvaluationDetail.attempt_id)
        .where(EvaluationDetail.trial_id == trial.id, Attempt.state.in_(WITH_RESULT))
        .order_by(Attempt.number.desc(), EvaluationDetail.time_ms.desc(), EvaluationDetail.step.desc())
        .limit(1)
    )
    return session.scalars(query).first() or {}
