"""Who needs what of a trial: the sweeps that name it, and the attempts whose files lie in its folder."""

import functools
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.plan.retention import AttemptUse, TrialUse, Wish
from sweeper.spec.sweep_spec import Keep
from sweeper.states import WITH_RESULT
from sweeper.store.clock import now
from sweeper.store.leases import restarted
from sweeper.store.reading import rows_of
from sweeper.store.tables import Attempt, EvaluationDetail, Sweep, SweepTrial, SweepVersion, Trial
from sweeper.store.writing import chunks


def uses(session: Session, fingerprints: Collection[str] | None, is_dead: Callable[[str], bool]) -> list[TrialUse]:
    """Of these trials, of all without a list; by fingerprint."""
    query = sa.select(Trial.id, Trial.fingerprint).order_by(Trial.fingerprint)
    if fingerprints is None:
        return _uses(session, _named(session, query), None, is_dead)
    found: list[TrialUse] = []
    for some in chunks(sorted(fingerprints)):
        names = _named(session, query.where(Trial.fingerprint.in_(some)))
        found += _uses(session, names, list(names), is_dead)
    return found


def newest_versions() -> sa.Select[tuple[int]]:
    """Ids of the version of each sweep that ran last."""
    order = (SweepVersion.last_run.desc(), SweepVersion.id.desc())
    rank = sa.func.row_number().over(partition_by=SweepVersion.sweep_id, order_by=order)
    ranked = sa.select(SweepVersion.id, rank.label("rank")).subquery()
    return sa.select(ranked.c.id).where(ranked.c.rank == 1)


def _named(session: Session, query: sa.Select[int, str]) -> dict[int, str]:
    return {row.id: row.fingerprint for row in session.execute(query)}


def _uses(session: Session, names: Mapping[int, str], ids: Sequence[int] | None, is_dead: Callable[[str], bool]) -> list[TrialUse]:
    """Of the trials with these names; `ids`: what the queries are narrowed to."""
    moment, dead = now(session), functools.cache(is_dead)
    read: Callable[[str], Mapping[str, Any]] = functools.cache(json.loads)  # thousands of attempts say the same of themselves
    attempts: dict[int, list[AttemptUse]] = {key: [] for key in names}
    live: set[int] = set()
    columns = (Attempt.trial_id, Attempt.number, Attempt.state, Attempt.fresh, Attempt.checkpoint_step, Attempt.owner, Attempt.lease_until)
    query = sa.select(*columns, sa.cast(Attempt.comparability, sa.Text)).order_by(Attempt.number.desc())
    for key, number, state, fresh, step, owner, until, said in rows_of(session, _of(query, Attempt.trial_id, ids)):
        attempts[key].append(AttemptUse(number, state, fresh, step, read(said)))
        if state == "running" and until > moment and not dead(owner):
            live.add(key)
    since = {key: restarted(newest_first) for key, newest_first in attempts.items()}
    evaluated: dict[int, set[tuple[int, str]]] = {key: set() for key in names}
    made = sa.select(EvaluationDetail.trial_id, EvaluationDetail.step, EvaluationDetail.evaluation_fingerprint, Attempt.number)
    made = made.join(Attempt, Attempt.id == EvaluationDetail.attempt_id).where(Attempt.state.in_(WITH_RESULT))
    for key, step, evaluation, number in rows_of(session, _of(made, EvaluationDetail.trial_id, ids)):
        if number >= since[key]:
            evaluated[key].add((step, evaluation))
    wishes = _wishes(session, ids)
    return [
        TrialUse(name, tuple(attempts[key]), frozenset(evaluated[key]), tuple(wishes.get(key, ())), key in live)
        for key, name in names.items()
    ]


def _wishes(session: Session, ids: Sequence[int] | None) -> dict[int, list[Wish]]:
    columns = (SweepTrial.trial_id, SweepTrial.sweep_version_id, SweepTrial.steps, SweepTrial.evaluation_fingerprint)
    query = _of(sa.select(*columns).order_by(SweepTrial.sweep_version_id, SweepTrial.position), SweepTrial.trial_id, ids)
    rows = list(rows_of(session, query))
    newest = set(session.scalars(newest_versions()))
    versions: dict[int, tuple[str, str, Keep]] = {}
    specs = sa.select(SweepVersion.id, Sweep.name, Sweep.profile, SweepVersion.spec).join(Sweep, Sweep.id == SweepVersion.sweep_id)
    for some in chunks({version for _, version, _, _ in rows}):
        for version, name, profile, spec in session.execute(specs.where(SweepVersion.id.in_(some))):
            versions[version] = (name, profile, spec.get("keep", "resumable"))  # a spec of before `keep` is kept as the default has it
    found: dict[int, list[Wish]] = {}
    for key, version, steps, evaluation in rows:
        name, profile, keep = versions[version]
        found.setdefault(key, []).append(Wish(name, profile, version in newest, steps, evaluation, keep))
    return found


def _of(query: Any, column: Any, ids: Iterable[int] | None) -> Any:
    return query if ids is None else query.where(column.in_(list(ids)))
