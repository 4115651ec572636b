"""Taking sweeps and trials out of the store, whole, and never what a live attempt or another sweep uses."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.plan.retention import TrialUse
from sweeper.store import outbox
from sweeper.store.clock import now
from sweeper.store.sweeps import sweep_named
from sweeper.store.tables import Analysis, Attempt, CurvePoint, Evaluation, EvaluationDetail, Outbox, SweepTrial, SweepVersion, Trial
from sweeper.store.uses import uses
from sweeper.store.writing import chunks


@dataclass(frozen=True)
class SweepParts:
    """What a sweep consists of, and what goes with it."""

    name: str
    profile: str
    versions: int
    alone: tuple[TrialUse, ...]
    """Trials that no other sweep names."""
    shared: tuple[TrialUse, ...]
    """Trials that stay, since another sweep names them."""

    @property
    def live(self) -> tuple[TrialUse, ...]:
        """Trials of which an attempt runs."""
        return tuple(use for use in (*self.alone, *self.shared) if use.live)


def parts(session: Session, name: str, profile: str | None, is_dead: Callable[[str], bool]) -> SweepParts:
    """Of all versions of the sweep together. Raises RequestError for an unknown sweep, and for several of that name without a profile."""
    sweep = sweep_named(session, name, profile)
    versions = list(session.scalars(sa.select(SweepVersion.id).where(SweepVersion.sweep_id == sweep.id)))
    mine = sa.select(Trial.fingerprint).join(SweepTrial, SweepTrial.trial_id == Trial.id).where(SweepTrial.sweep_version_id.in_(versions))
    found = uses(session, set(session.scalars(mine)), is_dead)
    alone = [use for use in found if all((wish.sweep, wish.profile) == (sweep.name, sweep.profile) for wish in use.wishes)]
    kept = {use.fingerprint for use in alone}
    shared = tuple(use for use in found if use.fingerprint not in kept)
    return SweepParts(sweep.name, sweep.profile, len(versions), tuple(alone), shared)


def lock(session: Session, fingerprints: Collection[str]) -> None:
    """Nobody begins an attempt at these trials, nor names them in a sweep, before the transaction ends."""
    for some in chunks(sorted(fingerprints)):  # in one order everywhere, so that nobody waits in a ring
        session.execute(sa.select(Trial.id).where(Trial.fingerprint.in_(some)).order_by(Trial.fingerprint).with_for_update()).all()


def delete_sweep(session: Session, found: SweepParts) -> None:
    """With the trials that are its alone. Outbox: "deleted" {name, profile}; what waits there of it is sent no more."""
    sweep = sweep_named(session, found.name, found.profile)
    versions = sa.select(SweepVersion.id).where(SweepVersion.sweep_id == sweep.id).scalar_subquery()
    session.execute(sa.delete(SweepTrial).where(SweepTrial.sweep_version_id.in_(versions)))
    session.execute(sa.delete(SweepVersion).where(SweepVersion.sweep_id == sweep.id))
    session.delete(sweep)
    gone = {use.fingerprint for use in found.alone}
    delete_trials(session, gone)
    key = {"name": found.name, "profile": found.profile}
    _drop_events(session, lambda payload: {name: payload.get(name) for name in key} == key or payload.get("fingerprint") in gone)
    outbox.post(session, "deleted", [key], now(session))


def delete_trials(session: Session, fingerprints: Iterable[str]) -> None:
    """With all that was measured of them; none may be named by a sweep any more."""
    for some in chunks(fingerprints):
        ids = list(session.scalars(sa.select(Trial.id).where(Trial.fingerprint.in_(some))))
        attempts = list(session.scalars(sa.select(Attempt.id).where(Attempt.trial_id.in_(ids))))
        for table in (Analysis, Evaluation, EvaluationDetail):
            session.execute(sa.delete(table).where(table.trial_id.in_(ids)))
        for few in chunks(attempts):
            session.execute(sa.delete(CurvePoint).where(CurvePoint.attempt_id.in_(few)))
            session.execute(sa.delete(Attempt).where(Attempt.id.in_(few)))
        session.execute(sa.delete(Trial).where(Trial.id.in_(ids)))


def _drop_events(session: Session, is_gone: Callable[[Mapping[str, Any]], bool]) -> None:
    waiting = session.execute(sa.select(Outbox.id, Outbox.payload).where(Outbox.kind != "deleted"))
    for some in chunks(key for key, payload in waiting if is_gone(payload)):
        session.execute(sa.delete(Outbox).where(Outbox.id.in_(some)))
