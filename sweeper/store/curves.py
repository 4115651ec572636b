"""What the trials of a sweep version measured on their way: a few queries however many trials there are."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.records import TrialCurves
from sweeper.store.history import spans
from sweeper.store.reading import rows_of
from sweeper.store.tables import Attempt, CurvePoint, Evaluation, Sweep, SweepTrial, SweepVersion, Trial

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


def curves(session: Session, name: str, profile: str, version: str, metrics: Collection[str], points: int) -> dict[str, TrialCurves]:
    this = (
        sa.select(SweepVersion.id)
        .join(Sweep, Sweep.id == SweepVersion.sweep_id)
        .where(Sweep.name == name, Sweep.profile == profile, SweepVersion.hash == version)
        .scalar_subquery()
    )
    mine = sa.select(SweepTrial.trial_id).where(SweepTrial.sweep_version_id == this)
    attempts = _attempts(session, mine)
    fingerprints = {row.id: row.fingerprint for row in session.execute(sa.select(Trial.id, Trial.fingerprint).where(Trial.id.in_(mine)))}
    training = _training(session, mine, attempts, metrics, points)
    evaluations = _evaluations(session, this, attempts)
    return {fingerprint: TrialCurves(training.get(key, {}), evaluations.get(key, {})) for key, fingerprint in fingerprints.items()}


def _attempts(session: Session, mine: sa.Select[Any]) -> dict[int, list[_Beginning]]:
    """By trial, oldest first."""
    columns = (Attempt.id, Attempt.trial_id, Attempt.state, Attempt.start_step, Attempt.step, Attempt.fresh)
    query = sa.select(*columns).where(Attempt.trial_id.in_(mine)).order_by(Attempt.trial_id, Attempt.number)
    rows = [_Beginning(*row) for row in session.execute(query)]
    return {trial: list(group) for trial, group in groupby(rows, key=lambda row: row.trial_id)}


def _training(
    session: Session, mine: sa.Select[Any], attempts: dict[int, list[_Beginning]], metrics: Collection[str], points: int
) -> dict[int, _Series]:
    if not metrics:
        return {}
    of_mine = sa.select(Attempt.id).where(Attempt.trial_id.in_(mine))
    asked = (CurvePoint.attempt_id.in_(of_mine), CurvePoint.metric.in_(sorted(metrics)))
    there = session.execute(
        sa.select(CurvePoint.metric, CurvePoint.step).where(*asked).distinct().order_by(CurvePoint.metric, CurvePoint.step)
    )
    kept = {metric: _spread([step for _, step in group], points) for metric, group in groupby(there, key=lambda row: row[0])}
    if not kept:
        return {}
    some = sa.or_(*(sa.and_(CurvePoint.metric == metric, CurvePoint.step.in_(steps)) for metric, steps in kept.items()))
    query = sa.select(CurvePoint.attempt_id, CurvePoint.metric, CurvePoint.step, CurvePoint.value).where(*asked, some)
    return _read(rows_of(session, query), attempts, finished=False)


def _evaluations(session: Session, this: sa.ScalarSelect[Any], attempts: dict[int, list[_Beginning]]) -> dict[int, _Series]:
    wanted = sa.and_(
        SweepTrial.sweep_version_id == this,
        SweepTrial.trial_id == Evaluation.trial_id,
        SweepTrial.evaluation_fingerprint == Evaluation.evaluation_fingerprint,
    )
    columns = (Evaluation.attempt_id, Evaluation.metric, Evaluation.step, Evaluation.value)
    return _read(rows_of(session, sa.select(*columns).join(SweepTrial, wanted)), attempts, finished=True)


def _read(rows: Iterable[Any], attempts: dict[int, list[_Beginning]], *, finished: bool) -> dict[int, _Series]:
    """By trial: of each step the value from the attempt that it is read from; metrics and steps in ascending order.

    `finished`: only up to the newest finished attempt, since nothing else reaches a table.
    """
    read: dict[int, tuple[int, int, Span, bool]] = {}
    for trial, all_of_it in attempts.items():
        chosen = list(_until_finished(all_of_it)) if finished else all_of_it
        for rank, (attempt, first, last) in enumerate(spans(chosen)):
            read[attempt.id] = (trial, rank, (first, last), len(chosen) == 1)
    best: dict[tuple[int, str, int], int] = {}
    found: dict[int, _Series] = {}
    for attempt_id, metric, step, value in rows:
        if attempt_id not in read:
            continue
        trial, rank, (first, last), alone = read[attempt_id]
        if step < first or (last is not None and step > last):
            continue
        if not alone:
            if best.setdefault((trial, metric, step), rank) < rank:
                continue
            best[trial, metric, step] = rank
        found.setdefault(trial, {}).setdefault(metric, {})[step] = value
    return {trial: {metric: dict(sorted(series[metric].items())) for metric in sorted(series)} for trial, series in found.items()}


def _until_finished(attempts: list[_Beginning]) -> Iterator[_Beginning]:
    newest = max((index for index, attempt in enumerate(attempts) if attempt.state == "finished"), default=-1)
    if not any(attempt.fresh for attempt in attempts[newest + 1 :]):  # or what finished is put aside
        yield from attempts[: newest + 1]


def _spread(steps: Sequence[int], points: int) -> list[int]:
    """At most so many of the steps, evenly, with the first and the last."""
    if len(steps) <= points:
        return list(steps)
    return sorted({steps[round(i * (len(steps) - 1) / (points - 1))] for i in range(points)})
