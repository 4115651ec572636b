"""How long finished attempts took."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.records import TrialTiming
from sweeper.states import WITH_RESULT
from sweeper.store.tables import Attempt, Evaluation, Trial


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
        )
        .join(last, last.c.id == Attempt.id)
        .join(Trial, Trial.id == Attempt.trial_id)
        .join(
            Evaluation,
            sa.and_(Evaluation.trial_id == Attempt.trial_id, Evaluation.step == Attempt.step, Evaluation.attempt_id == Attempt.id),
        )
        .where(Evaluation.metric == "steps_per_second", Evaluation.value > 0)
        .order_by(Attempt.id.desc())
    )
    found = []
    for config, comparability, evaluation, rate, started, ended, first, last_step in session.execute(query):
        steps = (last_step - (first or 0)) / rate
        found.append(TrialTiming(config, comparability, evaluation, 1 / rate, max((ended - started).total_seconds() - steps, 0.0)))
    return found
