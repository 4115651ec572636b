"""What the store knows of the trials of a sweep version: a few queries however many trials there are."""

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.plan.streams import stream_fingerprints
from sweeper.records import FailureClass, KnownTrial, SweepSnapshot, TrialOutcome, TrialState
from sweeper.store import sweeps
from sweeper.store.attempts import first_line
from sweeper.store.claims import begun_afresh, resumable
from sweeper.store.clock import now
from sweeper.store.reading import rows_of
from sweeper.store.tables import Attempt, Evaluation, EvaluationDetail, SweepTrial, SweepVersion, Trial
from sweeper.store.writing import chunks

OUT_OF_MEMORY: FailureClass = "out of memory"

_PLANNED_BY = (
    Attempt.trial_id,
    Attempt.number,
    Attempt.state,
    Attempt.fresh,
    Attempt.checkpoint_step,
    Attempt.comparability,
    Attempt.error,
    Attempt.failure,
)
"""What planning asks of an attempt."""


@dataclass
class _Result:
    """The newest evaluation by a finished attempt, of one wanted kind."""

    attempt_id: int
    number: int
    ended: datetime | None
    details: Mapping[str, Any]
    comparability: Mapping[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Newest:
    """A trial's newest attempt."""

    number: int
    state: str
    live: bool
    error: str | None
    step: int
    out_of_memory: bool
    since: int
    """Number of the last attempt that began afresh, 1 without one: results of those before it are put aside."""


def snapshot(session: Session, name: str | None, profile: str | None) -> SweepSnapshot:
    sweep, version = sweeps.newest_version(session, name, profile)
    results = _results(session, version)
    newest = _newest(session, version)
    planned = (
        sa.select(*SweepTrial.__table__.columns, Trial.fingerprint)
        .join(Trial, Trial.id == SweepTrial.trial_id)
        .where(SweepTrial.sweep_version_id == version.id)
        .order_by(SweepTrial.position)
    )
    rows = list(rows_of(session, planned))
    streams = _streams(session, version, rows)
    outcomes = tuple(
        _outcome(
            wanted,
            wanted.fingerprint,
            streams.get(wanted.variant, {}),
            results.get(wanted.position),
            newest.get(wanted.trial_id),
        )
        for wanted in rows
    )
    return SweepSnapshot(
        name=sweep.name,
        profile=sweep.profile,
        version=version.hash,
        spec=version.spec,
        created=version.created,
        outcomes=outcomes,
        newest_result=max((result.ended for result in results.values() if result.ended is not None), default=None),
        first_result=min((result.ended for result in results.values() if result.ended is not None), default=None),
        versions=sweeps.other_versions(session, version),
    )


def known(session: Session, fingerprints: Iterable[str]) -> dict[str, KnownTrial]:
    found: dict[str, KnownTrial] = {}
    for some in chunks(fingerprints):
        trials = session.execute(sa.select(Trial.id, Trial.fingerprint).where(Trial.fingerprint.in_(some)))
        names = {trial.id: trial.fingerprint for trial in trials}
        attempts: dict[int, list[Any]] = {key: [] for key in names}
        # Columns, not objects: a sweep may have a hundred thousand trials.
        query = sa.select(*_PLANNED_BY).where(Attempt.trial_id.in_(names)).order_by(Attempt.number.desc())
        for attempt in session.execute(query):
            attempts[attempt.trial_id].append(attempt)
        evaluated: dict[int, set[tuple[int, str]]] = {key: set() for key in names}
        since = {key: begun_afresh(newest_first) for key, newest_first in attempts.items()}
        done = sa.select(EvaluationDetail.trial_id, EvaluationDetail.step, EvaluationDetail.evaluation_fingerprint, Attempt.number)
        done = done.join(Attempt, Attempt.id == EvaluationDetail.attempt_id)
        for key, step, evaluation, number in session.execute(done.where(Attempt.state == "finished", EvaluationDetail.trial_id.in_(names))):
            if number >= since[key]:
                evaluated[key].add((step, evaluation))
        found |= {name: _known(name, attempts[key], evaluated[key]) for key, name in names.items()}
    return found


def _known(fingerprint: str, newest_first: list[Any], evaluated: set[tuple[int, str]]) -> KnownTrial:
    newest = newest_first[0] if newest_first else None
    readable = resumable(newest_first)
    checkpoints = (attempt.checkpoint_step for attempt in readable if attempt.checkpoint_step > 0)
    out_of_memory = any(attempt.failure == OUT_OF_MEMORY for attempt in newest_first)
    return KnownTrial(
        fingerprint=fingerprint,
        evaluated=frozenset(evaluated),
        checkpoint_step=next(checkpoints, 0),
        comparability=_comparability(newest_first, readable, out_of_memory),
        newest_state=newest.state if newest else None,
        error=first_line(newest.error) if newest else None,
        failure=newest.failure if newest else None,
        out_of_memory=out_of_memory,
        attempts=newest.number if newest else 0,
    )


def _comparability(newest_first: list[Any], readable: list[Any], out_of_memory: bool) -> Mapping[str, Any]:
    """Of what a next attempt goes on from or reuses. After a want of memory, with the micro-batches of the newest that said so."""
    said = [attempt for attempt in newest_first if attempt.comparability]
    made = [one for one in readable if one.comparability and (one.checkpoint_step > 0 or one.state == "finished")]
    found = dict((made or said)[0].comparability) if said else {}
    if out_of_memory and said and "micro_batch" in said[0].comparability:
        found["micro_batch"] = said[0].comparability["micro_batch"]
    return found


def _results(session: Session, version: SweepVersion) -> dict[int, _Result]:
    """The evaluation that the sweep asks for at each of its positions, where it was made."""
    wanted = sa.and_(
        SweepTrial.sweep_version_id == version.id,
        SweepTrial.trial_id == EvaluationDetail.trial_id,
        SweepTrial.steps == EvaluationDetail.step,
        SweepTrial.evaluation_fingerprint == EvaluationDetail.evaluation_fingerprint,
    )
    query = (
        sa.select(
            SweepTrial.position,
            EvaluationDetail.attempt_id,
            Attempt.number,
            Attempt.ended,
            sa.cast(EvaluationDetail.details, sa.Text),
            sa.cast(Attempt.comparability, sa.Text),
        )
        .join(SweepTrial, wanted)
        .join(Attempt, Attempt.id == EvaluationDetail.attempt_id)
        .where(Attempt.state == "finished")
        .order_by(Attempt.number)
    )
    read = functools.cache(json.loads)  # thousands of trials say the same of themselves
    results = {
        position: _Result(attempt_id, number, ended, read(details), read(comparability))
        for position, attempt_id, number, ended, details, comparability in rows_of(session, query)
    }  # the newest attempt comes last and stays
    values = (
        sa.select(SweepTrial.position, Evaluation.attempt_id, Evaluation.metric, Evaluation.value)
        .join(
            SweepTrial,
            sa.and_(
                SweepTrial.trial_id == Evaluation.trial_id,
                SweepTrial.steps == Evaluation.step,
                SweepTrial.evaluation_fingerprint == Evaluation.evaluation_fingerprint,
            ),
        )
        .where(SweepTrial.sweep_version_id == version.id)
    )
    names: dict[str, str] = {}  # one text for each metric, not one for each value
    for position, attempt_id, metric, value in rows_of(session, values):
        result = results.get(position)
        if result is not None and result.attempt_id == attempt_id:
            result.metrics[names.setdefault(metric, metric)] = value
    return results


def _newest(session: Session, version: SweepVersion) -> dict[int, _Newest]:
    mine = sa.select(SweepTrial.trial_id).where(SweepTrial.sweep_version_id == version.id)
    columns = (Attempt.trial_id, Attempt.number, Attempt.state, Attempt.lease_until, Attempt.error, Attempt.step, Attempt.failure)
    query = sa.select(*columns, Attempt.start_step, Attempt.fresh).where(Attempt.trial_id.in_(mine)).order_by(Attempt.number)
    moment = now(session)
    newest: dict[int, _Newest] = {}
    for trial_id, number, state, lease_until, error, step, failure, start_step, fresh in rows_of(session, query):
        # A claim that never started has heard of no step: the one before it is the newest heard of.
        heard = step if start_step is not None or trial_id not in newest else newest[trial_id].step
        live = state == "running" and lease_until > moment
        short = failure == OUT_OF_MEMORY or (trial_id in newest and newest[trial_id].out_of_memory)
        since = number if fresh or trial_id not in newest else newest[trial_id].since
        newest[trial_id] = _Newest(number, state, live, error, heard, short, since)
    return newest


def _streams(session: Session, version: SweepVersion, wanted: Iterable[Any]) -> dict[str, Mapping[str, str]]:
    """Stream fingerprints by variant, from the config of one of its trials: the others differ in the seed alone."""
    if not version.spec.get("contrasts") and version.spec.get("design", {}).get("kind") != "factorial":
        return {}  # nothing is compared
    one = {trial.variant: trial.trial_id for trial in wanted}
    found: dict[int, Mapping[str, str]] = {}
    for some in chunks(set(one.values())):
        for key, config in session.execute(sa.select(Trial.id, Trial.config).where(Trial.id.in_(some))):
            found[key] = stream_fingerprints(config)
    return {variant: found[key] for variant, key in one.items()}


def _outcome(wanted: Any, fingerprint: str, streams: Mapping[str, str], result: _Result | None, newest: _Newest | None) -> TrialOutcome:
    """`wanted` is a row of `sweep_trial`."""
    state: TrialState = "pending"
    if result is not None and newest is not None and result.number < newest.since:
        result = None
    if result is not None:
        state = "finished"
    elif newest is not None and newest.live:
        state = "running"
    elif newest is not None and newest.state in ("failed", "diverged"):
        state = "failed" if newest.state == "failed" else "diverged"
    heard = newest.step if newest is not None else 0
    return TrialOutcome(
        variant=wanted.variant,
        levels=wanted.levels,
        seed=wanted.seed,
        fingerprint=fingerprint,
        steps=wanted.steps,
        state=state,
        metrics=result.metrics if result else {},
        details=result.details if result else {},
        comparability=result.comparability if result else {},
        streams=streams,
        attempts=newest.number if newest else 0,
        result_attempt=result.number if result else 0,
        step=wanted.steps if result else heard,
        error=first_line(newest.error) if newest and state in ("failed", "diverged") else None,
        out_of_memory=newest is not None and newest.out_of_memory,
        evaluation_fingerprint=wanted.evaluation_fingerprint,
    )
