"""What the trials of a sweep version measured on their way: a few queries however many trials there are."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.compact import Shared
from sweeper.records import SweepSnapshot, TrialCurves, TrialOutcome
from sweeper.states import WITH_RESULT
from sweeper.store.history import spans
from sweeper.store.reading import rows_of
from sweeper.store.tables import Attempt, CurvePoint, Evaluation, EvaluationDetail, Sweep, SweepTrial, SweepVersion, Trial
from sweeper.store.writing import chunks

Span = tuple[int, int | None]
"""First and last step that are read of an attempt."""
_Series = dict[str, dict[int, float]]


class _Beginning(NamedTuple):
    id: int
    trial_id: int
    state: str
    start_step: int | None
    step: int
    fresh: bool


def curves(
    session: Session, snapshot: SweepSnapshot, metrics: Collection[str], points: int, trials: Collection[str] | None
) -> dict[str, TrialCurves]:
    this = (
        sa.select(SweepVersion.id)
        .join(Sweep, Sweep.id == SweepVersion.sweep_id)
        .where(Sweep.name == snapshot.name, Sweep.profile == snapshot.profile, SweepVersion.hash == snapshot.version)
        .scalar_subquery()
    )
    mine = sa.select(SweepTrial.trial_id).where(SweepTrial.sweep_version_id == this)
    asked = sa.select(Trial.id, Trial.fingerprint).where(Trial.id.in_(mine))
    fingerprints = {key: fingerprint for key, fingerprint in rows_of(session, asked) if trials is None or fingerprint in trials}
    kept = _steps_kept(session, mine, metrics, points)
    # Without evaluations on the way the snapshot has all of them, and millions of rows need not be read again.
    at_the_end = None if _on_the_way(session, this) else {o.fingerprint: o for o in snapshot.outcomes if o.has_result}
    shared = Shared()
    found: dict[str, TrialCurves] = {}
    for some in chunks(fingerprints):  # as numbers in dicts they take twenty times as much: only a few trials at once are
        attempts = _attempts(session, some) if kept or at_the_end is None else {}
        training = _training(session, some, attempts, kept)
        if at_the_end is None:
            evaluations = _evaluations(session, this, some, attempts)
        else:
            evaluations = {key: _of_outcome(at_the_end[fingerprints[key]]) for key in some if fingerprints[key] in at_the_end}
        for key in some:
            found[fingerprints[key]] = TrialCurves(shared.series(training.get(key, {})), shared.series(evaluations.get(key, {})))
    return found


def _on_the_way(session: Session, this: sa.ScalarSelect[Any]) -> bool:
    """Whether any of the version's trials was evaluated, as it asks, at another step than its last."""
    query = (
        sa.select(EvaluationDetail.step)
        .join(
            SweepTrial,
            sa.and_(
                SweepTrial.trial_id == EvaluationDetail.trial_id,
                SweepTrial.evaluation_fingerprint == EvaluationDetail.evaluation_fingerprint,
            ),
        )
        .where(SweepTrial.sweep_version_id == this, EvaluationDetail.step != SweepTrial.steps)
        .limit(1)
    )
    return session.execute(query).first() is not None


def _of_outcome(outcome: TrialOutcome) -> _Series:
    return {metric: {outcome.steps: value} for metric, value in outcome.metrics.items()}


def _attempts(session: Session, mine: Sequence[int]) -> dict[int, list[_Beginning]]:
    """By trial, oldest first."""
    columns = (Attempt.id, Attempt.trial_id, Attempt.state, Attempt.start_step, Attempt.step, Attempt.fresh)
    query = sa.select(*columns).where(Attempt.trial_id.in_(mine)).order_by(Attempt.trial_id, Attempt.number)
    rows = [_Beginning(*row) for row in session.execute(query)]
    return {trial: list(group) for trial, group in groupby(rows, key=lambda row: row.trial_id)}


def _steps_kept(session: Session, mine: sa.Select[Any], metrics: Collection[str], points: int) -> dict[str, list[int]]:
    """By metric: the steps at which its training curves are read, over all of the sweep's trials."""
    if not metrics:
        return {}
    of_mine = sa.select(Attempt.id).where(Attempt.trial_id.in_(mine))
    there = (
        sa.select(CurvePoint.metric, CurvePoint.step)
        .where(CurvePoint.attempt_id.in_(of_mine), CurvePoint.metric.in_(sorted(metrics)))
        .distinct()
        .order_by(CurvePoint.metric, CurvePoint.step)
    )
    return {
        metric: _spread([step for _, step in group], points) for metric, group in groupby(session.execute(there), key=lambda row: row[0])
    }


def _training(
    session: Session, mine: Sequence[int], attempts: dict[int, list[_Beginning]], kept: Mapping[str, Sequence[int]]
) -> dict[int, _Series]:
    if not kept:
        return {}
    of_mine = sa.select(Attempt.id).where(Attempt.trial_id.in_(mine))
    some = sa.or_(*(sa.and_(CurvePoint.metric == metric, CurvePoint.step.in_(steps)) for metric, steps in kept.items()))
    query = sa.select(CurvePoint.attempt_id, CurvePoint.metric, CurvePoint.step, CurvePoint.value)
    return _read(rows_of(session, query.where(CurvePoint.attempt_id.in_(of_mine), some)), attempts, finished=False)


def _evaluations(
    session: Session, this: sa.ScalarSelect[Any], mine: Sequence[int], attempts: dict[int, list[_Beginning]]
) -> dict[int, _Series]:
    wanted = sa.and_(
        SweepTrial.sweep_version_id == this,
        SweepTrial.trial_id == Evaluation.trial_id,
        SweepTrial.evaluation_fingerprint == Evaluation.evaluation_fingerprint,
    )
    columns = (Evaluation.attempt_id, Evaluation.metric, Evaluation.step, Evaluation.value)
    query = sa.select(*columns).join(SweepTrial, wanted).where(Evaluation.trial_id.in_(mine))
    return _read(rows_of(session, query), attempts, finished=True)


def _read(rows: Iterable[Any], attempts: dict[int, list[_Beginning]], *, finished: bool) -> dict[int, _Series]:
    """By trial: of each step the value from the attempt that it is read from.

    `finished`: only up to the newest finished attempt, since nothing else reaches a table.
    """
    read: dict[int, tuple[int, int, Span, bool]] = {}
    for trial, all_of_it in attempts.items():
        chosen = list(_until_finished(all_of_it)) if finished else all_of_it
        for rank, (attempt, first, last) in enumerate(spans(chosen)):
            read[attempt.id] = (trial, rank, (first, last), len(chosen) == 1)
    best: dict[tuple[int, str, int], int] = {}
    found: dict[int, _Series] = {}
    before, read_here = None, None
    for attempt_id, metric, step, value in rows:
        if attempt_id != before:  # rows of an attempt come together
            before, read_here = attempt_id, read.get(attempt_id)
            series = {} if read_here is None else found.setdefault(read_here[0], {})
        if read_here is None:
            continue
        trial, rank, (first, last), alone = read_here
        if step < first or (last is not None and step > last):
            continue
        if not alone:
            if best.setdefault((trial, metric, step), rank) < rank:
                continue
            best[trial, metric, step] = rank
        series.setdefault(metric, {})[step] = value
    return found


def _until_finished(attempts: list[_Beginning]) -> Iterator[_Beginning]:
    newest = max((index for index, attempt in enumerate(attempts) if attempt.state in WITH_RESULT), default=-1)
    if not any(attempt.fresh for attempt in attempts[newest + 1 :]):  # or what finished is put aside
        yield from attempts[: newest + 1]


def _spread(steps: Sequence[int], points: int) -> list[int]:
    """At most so many of the steps, evenly, with the first and the last."""
    if len(steps) <= points:
        return list(steps)
    return sorted({steps[round(i * (len(steps) - 1) / (points - 1))] for i in range(points)})
