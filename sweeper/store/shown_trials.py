"""What trackers show of a trial in each sweep that it serves: a trial may have evaluations that only another sweep asked for."""

import dataclasses
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.records import PointRecord, TrialHistory
from sweeper.states import WITH_RESULT
from sweeper.store.history import history
from sweeper.store.tables import Attempt, Evaluation, EvaluationDetail, Sweep, SweepTrial, SweepVersion, Trial


def links(session: Session, fingerprint: str) -> list[tuple[str, str]]:
    query = (
        sa.select(Sweep.name, Sweep.profile)
        .join(SweepVersion, SweepVersion.sweep_id == Sweep.id)
        .join(SweepTrial, SweepTrial.sweep_version_id == SweepVersion.id)
        .join(Trial, Trial.id == SweepTrial.trial_id)
        .where(Trial.fingerprint == fingerprint)
        .distinct()
        .order_by(Sweep.name, Sweep.profile)
    )
    return [(name, profile) for name, profile in session.execute(query)]


def shown(session: Session, fingerprint: str, name: str, profile: str) -> TrialHistory:
    asked = _asked(fingerprint, name, profile)
    by_newest = (Attempt.number.desc(), Evaluation.time_ms.desc(), Evaluation.evaluation_fingerprint, Evaluation.metric)
    points = (
        _of(sa.select(Evaluation.step, Evaluation.metric, Evaluation.value, Evaluation.time_ms), Evaluation, fingerprint)
        .where(Attempt.state.in_(WITH_RESULT), Evaluation.evaluation_fingerprint.in_(asked))
        .order_by(Evaluation.step, *by_newest)
    )
    details = (
        _of(sa.select(EvaluationDetail.details), EvaluationDetail, fingerprint)
        .where(Attempt.state.in_(WITH_RESULT), EvaluationDetail.evaluation_fingerprint.in_(asked))
        .order_by(Attempt.number.desc(), EvaluationDetail.time_ms.desc(), EvaluationDetail.step.desc())
    )
    return dataclasses.replace(
        history(session, fingerprint),
        evaluations=tuple(PointRecord(*row) for row in session.execute(points)),
        details=session.scalars(details.limit(1)).first() or {},
    )


def unasked(session: Session, fingerprint: str, name: str, profile: str) -> frozenset[tuple[str, int, int]]:
    columns = sa.select(EvaluationDetail.evaluation_fingerprint, Attempt.number, EvaluationDetail.step)
    others = EvaluationDetail.evaluation_fingerprint.not_in(_asked(fingerprint, name, profile))
    query = _of(columns, EvaluationDetail, fingerprint).where(others)
    return frozenset((evaluation, attempt, step) for evaluation, attempt, step in session.execute(query))


def _of(
    query: sa.Select[*tuple[Any, ...]], evaluations: type[Evaluation] | type[EvaluationDetail], fingerprint: str
) -> sa.Select[*tuple[Any, ...]]:
    """The query, of this trial's evaluations and the attempts that made them."""
    return (
        query.join(Attempt, Attempt.id == evaluations.attempt_id)
        .join(Trial, Trial.id == evaluations.trial_id)
        .where(Trial.fingerprint == fingerprint)
    )


def _asked(fingerprint: str, name: str, profile: str) -> sa.Select[*tuple[Any, ...]]:
    """Evaluation fingerprints that any version of the sweep asks of the trial: what a tracker received once, it keeps."""
    return (
        sa.select(SweepTrial.evaluation_fingerprint)
        .join(SweepVersion, SweepVersion.id == SweepTrial.sweep_version_id)
        .join(Sweep, Sweep.id == SweepVersion.sweep_id)
        .join(Trial, Trial.id == SweepTrial.trial_id)
        .where(Trial.fingerprint == fingerprint, Sweep.name == name, Sweep.profile == profile)
        .correlate(None)
    )
