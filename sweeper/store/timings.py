"""How long finished attempts took."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.records import TrialTiming
from sweeper.states import WITH_RESULT
from sweeper.store.tables import Attempt, Evaluation, EvaluationDetail, Trial


def timings(session: Session, newest: int) -> list[TrialTiming]:
    last = sa.select(Attempt.id).where(Attempt.state.in_(WITH_RESULT)).order_by(Attempt.id.desc()).limit(newest).subquery()
    query = (
        sa.select(
            Trial.config,
            Attempt.comparability,
            Evaluation.evaluation_fingerprint,
            Evaluation.value,
            Attempt.started,
            Attempt.ended,
            Attempt.start_step,
            Attempt.step,
            EvaluationDetail.details,
        )
        .join(last, last.c.id == Attempt.id)
        .join(Trial, Trial.id == Attempt.trial_id)
        .join(
            Evaluation,
            sa.and_(Evaluation.trial_id == Attempt.trial_id, Evaluation.step == Attempt.step, Evaluation.attempt_id == Attempt.id),
        )
        .join(
            EvaluationDetail,
            sa.and_(
                EvaluationDetail.trial_id == Evaluation.trial_id,
                EvaluationDetail.step == Evaluation.step,
                EvaluationDetail.attempt_id == Evaluation.attempt_id,
                EvaluationDetail.evaluation_fingerprint == Evaluation.evaluation_fingerprint,
            ),
        )
        .where(Evaluation.metric == "steps_per_second", Evaluation.value > 0)
        .order_by(Attempt.id.desc())
    )
    found = []
    for config, comparability, evaluation, rate, started, ended, first, last_step, details in session.execute(query):
        steps = (last_step - (first or 0)) / rate
        other = max((ended - started).total_seconds() - steps, 0.0)
        found.append(TrialTiming(config, comparability, evaluation, 1 / rate, other, *_looking(details.get("looking"))))
    return found


def _looking(said: object) -> tuple[str, float | None]:
    """(networks, seconds per sample) of what a trial said; an imported one may say anything."""
    by, per_sample = (said.get("by"), said.get("seconds_per_sample")) if isinstance(said, dict) else (None, None)
    return (by, float(per_sample)) if isinstance(by, str) and isinstance(per_sample, int | float) else ("", None)
