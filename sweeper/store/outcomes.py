"""What the store knows of the trials of a sweep version: a few queries however many trials there are."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.compact import Shared
from sweeper.plan.streams import stream_fingerprints
from sweeper.records import EarlierAttempt, FailureClass, KnownTrial, Metrics, SweepSnapshot, TrialOutcome
from sweeper.states import ATTEMPT_STATES, TRIAL_STATES, WITH_RESULT, AttemptState, TrialState
from sweeper.store import evaluated, sweeps
from sweeper.store.attempts import first_line
from sweeper.store.clock import now
from sweeper.store.leases import recorded, restarted, resumable
from sweeper.store.reading import rows_of
from sweeper.store.tables import Attempt, Evaluation, EvaluationDetail, SweepTrial, SweepVersion, Trial
from sweeper.store.writing import chunks

OUT_OF_MEMORY: FailureClass = "out of memory"
_AT_ONCE = 5_000
"""Positions of a sweep that are read together."""

_PLANNED_BY = (
    Attempt.trial_id,
    Attempt.number,
    Attempt.state,
    Attempt.fresh,
    Attempt.step,
    Attempt.checkpoint_step,
    Attempt.comparability,
    Attempt.error,
    Attempt.failure,
)
"""What planning asks of an attempt."""


@dataclass(slots=True)
class _Result:
    """The newest evaluation by a finished attempt, of one wanted kind."""

    attempt_id: int
    number: int
    ended: datetime | None
    details: Mapping[str, Any]
    comparability: Mapping[str, Any]
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class _Newest:
    """A trial's newest attempt."""

    number: int
    state: AttemptState
    live: bool
    error: str | None
    step: int
    out_of_memory: bool
    since: int
    """Number of the last attempt that began afresh, 1 without one: results of those before it are put aside."""
    seconds: float
    """Of all attempts that ended."""


def snapshot(
    session: Session, name: str | None, profile: str | None, is_dead: Callable[[str], bool], version: str | None = None
) -> SweepSnapshot:
    sweep, found = sweeps.newest_version(session, name, profile, version)
    reading = _Reading(session, found, now(session), functools.cache(is_dead))
    last = session.scalars(sa.select(sa.func.max(SweepTrial.position)).where(SweepTrial.sweep_version_id == found.id)).one()
    outcomes: list[TrialOutcome] = []
    for first in range(0, 0 if last is None else last + 1, _AT_ONCE):  # a few queries each: what they answer is not held whole
        outcomes += reading.outcomes(first, first + _AT_ONCE)
    return SweepSnapshot(
        name=sweep.name,
        profile=sweep.profile,
        version=found.hash,
        spec=found.spec,
        created=found.created,
        outcomes=tuple(outcomes),
        newest_result=reading.newest_result,
        first_result=reading.first_result,
        versions=sweeps.other_versions(session, found),
        earlier=sweeps.earlier_versions(session, found),
        weights=evaluated.measured(session),
    )


class _Reading:
    """The outcomes of a sweep version, some positions at a time. What many trials have in common is held once."""

    def __init__(self, session: Session, version: SweepVersion, moment: datetime, is_dead: Callable[[str], bool]) -> None:
        self._session, self._version, self._moment, self._is_dead = session, version, moment, is_dead
        self._streams = _streams(session, version)
        self._shared = Shared()
        self._texts: dict[str, str] = {}
        self._levels: dict[str, Mapping[str, str]] = {}
        self._read = functools.cache(json.loads)  # thousands of trials say the same of themselves
        self.newest_result: datetime | None = None
        self.first_result: datetime | None = None

    def outcomes(self, first: int, end: int) -> Iterator[TrialOutcome]:
        """Of the positions from `first` to before `end`."""
        here = sa.and_(SweepTrial.sweep_version_id == self._version.id, SweepTrial.position >= first, SweepTrial.position < end)
        results = self._results(here)
        newest = _newest(self._session, here, self._moment, self._is_dead)
        for result in results.values():
            if result.ended is not None:
                self.newest_result = max(self.newest_result or result.ended, result.ended)
                self.first_result = min(self.first_result or result.ended, result.ended)
        planned = sa.select(*SweepTrial.__table__.columns, Trial.fingerprint, Trial.cancelled).join(Trial, Trial.id == SweepTrial.trial_id)
        for wanted in rows_of(self._session, planned.where(here).order_by(SweepTrial.position)):
            yield self._outcome(wanted, results.get(wanted.position), newest.get(wanted.trial_id))

    def _results(self, here: sa.ColumnElement[bool]) -> dict[int, _Result]:
        """The evaluation that the sweep asks for at each of these positions, where it was made."""
        wanted = sa.and_(
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
            .where(here, Attempt.state.in_(WITH_RESULT))
            .order_by(Attempt.number)
        )
        results = {
            position: _Result(attempt_id, number, ended, self._read(details), self._read(comparability), {})
            for position, attempt_id, number, ended, details, comparability in rows_of(self._session, query)
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
            .where(here)
        )
        measured: dict[int, dict[str, float]] = {position: {} for position in results}
        for position, attempt_id, metric, value in rows_of(self._session, values):
            if position in results and results[position].attempt_id == attempt_id:
                measured[position][self._one(metric)] = value
        for position, result in results.items():
            result.metrics = self._shared.numbers(measured[position])
        return results

    def _outcome(self, wanted: Any, result: _Result | None, newest: _Newest | None) -> TrialOutcome:
        """`wanted` is a row of `sweep_trial`, with its trial's `fingerprint` and `cancelled`."""
        state: TrialState = "pending"
        if result is not None and newest is not None and result.number < newest.since:
            result = None
        if result is not None:
            state = "finished"
        elif newest is not None and newest.live:
            state = "running"
        elif wanted.cancelled is not None:
            state = "cancelled"
        elif newest is not None and newest.state not in WITH_RESULT:  # one that finished made another evaluation than is wanted here
            state = ATTEMPT_STATES[newest.state].trial
        reported = newest.step if newest is not None else 0
        variant = self._one(wanted.variant)
        levels = self._levels.setdefault(variant, wanted.levels)
        return TrialOutcome(
            variant=variant,
            levels=levels if levels == wanted.levels else wanted.levels,
            seed=wanted.seed,
            fingerprint=wanted.fingerprint,
            steps=wanted.steps,
            state=state,
            metrics=result.metrics if result else {},
            details=result.details if result else {},
            comparability=result.comparability if result else {},
            streams=self._streams.get(variant, {}),
            attempts=newest.number if newest else 0,
            result_attempt=result.number if result else 0,
            step=wanted.steps if result else reported,
            error=first_line(newest.error) if newest and TRIAL_STATES[state].is_failure else None,
            out_of_memory=newest is not None and newest.out_of_memory,
            evaluation_fingerprint=self._one(wanted.evaluation_fingerprint),
            seconds=newest.seconds if newest else 0.0,
        )

    def _one(self, text: str) -> str:
        return self._texts.setdefault(text, text)


def known(session: Session, fingerprints: Iterable[str]) -> dict[str, KnownTrial]:
    found: dict[str, KnownTrial] = {}
    for some in chunks(fingerprints):
        trials = session.execute(sa.select(Trial.id, Trial.fingerprint, Trial.cancelled).where(Trial.fingerprint.in_(some))).all()
        names = {trial.id: trial.fingerprint for trial in trials}
        cancelled = {trial.fingerprint for trial in trials if trial.cancelled is not None}
        attempts: dict[int, list[Any]] = {key: [] for key in names}
        # Columns, not objects: a sweep may have a hundred thousand trials.
        query = sa.select(*_PLANNED_BY).where(Attempt.trial_id.in_(names)).order_by(Attempt.number.desc())
        for attempt in session.execute(query):
            attempts[attempt.trial_id].append(attempt)
        evaluated: dict[int, set[tuple[int, str]]] = {key: set() for key in names}
        since = {key: restarted(newest_first) for key, newest_first in attempts.items()}
        done = sa.select(EvaluationDetail.trial_id, EvaluationDetail.step, EvaluationDetail.evaluation_fingerprint, Attempt.number)
        done = done.join(Attempt, Attempt.id == EvaluationDetail.attempt_id)
        for key, step, evaluation, number in session.execute(
            done.where(Attempt.state.in_(WITH_RESULT), EvaluationDetail.trial_id.in_(names))
        ):
            if number >= since[key]:
                evaluated[key].add((step, evaluation))
        found |= {name: _known(name, attempts[key], evaluated[key], name in cancelled) for key, name in names.items()}
    return found


def _known(fingerprint: str, newest_first: list[Any], evaluated: set[tuple[int, str]], cancelled: bool) -> KnownTrial:
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
        earlier=tuple(EarlierAttempt(one.number, recorded(one), one.comparability) for one in readable),
        cancelled=cancelled,
    )


def _comparability(newest_first: list[Any], readable: list[Any], out_of_memory: bool) -> Mapping[str, Any]:
    """Of what a next attempt goes on from or reuses. After a want of memory, with the micro-batches of the newest that said so."""
    said = [attempt for attempt in newest_first if attempt.comparability]
    made = [one for one in readable if one.comparability and (one.checkpoint_step > 0 or one.state in WITH_RESULT)]
    found = dict((made or said)[0].comparability) if said else {}
    if out_of_memory and said and "micro_batch" in said[0].comparability:
        found["micro_batch"] = said[0].comparability["micro_batch"]
    return found


def _newest(session: Session, here: sa.ColumnElement[bool], moment: datetime, is_dead: Callable[[str], bool]) -> dict[int, _Newest]:
    """By trial, of those that are placed here."""
    mine = sa.select(SweepTrial.trial_id).where(here)
    columns = (Attempt.trial_id, Attempt.number, Attempt.state, Attempt.lease_until, Attempt.error, Attempt.step, Attempt.failure)
    when = (Attempt.start_step, Attempt.fresh, Attempt.owner, Attempt.started, Attempt.ended)
    query = sa.select(*columns, *when).where(Attempt.trial_id.in_(mine)).order_by(Attempt.number)
    newest: dict[int, _Newest] = {}
    for trial_id, number, state, lease_until, error, step, failure, start_step, fresh, owner, started, ended in rows_of(session, query):
        # A leased attempt that never started has reported no step: that of the one before it is the newest.
        reported = step if start_step is not None or trial_id not in newest else newest[trial_id].step
        live = state == "running" and lease_until > moment and not is_dead(owner)
        short = failure == OUT_OF_MEMORY or (trial_id in newest and newest[trial_id].out_of_memory)
        since = number if fresh or trial_id not in newest else newest[trial_id].since
        seconds = newest[trial_id].seconds if trial_id in newest else 0.0
        seconds += (ended - started).total_seconds() if ended is not None and start_step is not None else 0.0
        newest[trial_id] = _Newest(number, state, live, error, reported, short, since, seconds)
    return newest


def _streams(session: Session, version: SweepVersion) -> dict[str, Mapping[str, str]]:
    """Stream fingerprints by variant, from the config of one of its trials: the others differ in the seed alone."""
    if not version.spec.get("contrasts") and version.spec.get("design", {}).get("kind") not in ("factorial", "search"):
        return {}  # nothing is compared
    placed = sa.select(SweepTrial.variant, SweepTrial.trial_id).where(SweepTrial.sweep_version_id == version.id)
    one: dict[str, int] = {row.variant: row.trial_id for row in rows_of(session, placed.order_by(SweepTrial.position))}
    found: dict[int, Mapping[str, str]] = {}
    for some in chunks(set(one.values())):
        for key, config in session.execute(sa.select(Trial.id, Trial.config).where(Trial.id.in_(some))):
            found[key] = stream_fingerprints(config)
    return {variant: found[key] for variant, key in one.items()}
