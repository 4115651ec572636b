"""Sweeps and their versions: what was asked, and which trials answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.errors import RequestError, nearest
from sweeper.records import PlannedTrial, VersionRecord
from sweeper.store import outbox
from sweeper.store.clock import now
from sweeper.store.tables import Sweep, SweepTrial, SweepVersion, Trial
from sweeper.store.writing import chunks, insert_or_ignore, storable


@dataclass(frozen=True)
class SweepSummary:
    """A sweep's newest version, as a list of sweeps shows it."""

    name: str
    profile: str
    version: str
    last_run: datetime
    trials: int


def record(
    session: Session,
    *,
    name: str,
    profile: str,
    version: str,
    spec: Mapping[str, Any],
    trials: Sequence[PlannedTrial],
    command: str | None = None,
) -> None:
    moment = now(session)
    insert_or_ignore(session, Sweep, [{"name": name, "profile": profile}])
    # Held to the end: two drivers of one sweep record one after the other. (Not a full lock: foreign keys may still point here.)
    sweep = session.scalars(sa.select(Sweep).filter_by(name=name, profile=profile).with_for_update(key_share=True)).one()
    row = {"sweep_id": sweep.id, "hash": version, "spec": spec, "created": moment, "last_run": moment}
    is_new = insert_or_ignore(session, SweepVersion, [row]) > 0
    this = session.scalars(sa.select(SweepVersion).filter_by(sweep_id=sweep.id, hash=version)).one()
    newest = session.scalars(sa.select(sa.func.max(SweepVersion.last_run)).where(SweepVersion.id != this.id)).one()
    this.spec = spec  # of equal hash, so that it differs in nothing but which published rows its report shows
    # The version that ran last is the newest, even when the clock was set back in between.
    this.command = storable(command) if command else this.command
    this.last_run = max(moment, newest + timedelta(microseconds=1)) if newest else moment
    if is_new:
        outbox.post(session, "sweep", [sweep_payload(name, profile, version, spec)], moment)
    ids = _trial_ids(session, trials)
    linked = _linked(session, sweep)
    _place(session, this, trials, ids)
    fresh = {trial.fingerprint: trial for trial in reversed(trials) if (ids[trial.fingerprint], trial.evaluation_fingerprint) not in linked}
    links = [
        link_payload(name, profile, trial.fingerprint, trial.variant, trial.levels, trial.seed, trial.config)
        for trial in trials
        if fresh.get(trial.fingerprint) is trial
    ]
    outbox.post(session, "link", links, moment)


def newest_version(session: Session, name: str | None, profile: str | None) -> tuple[Sweep, SweepVersion]:
    """The version that ran last of those asked for; RequestError says which names there are."""
    query = sa.select(Sweep, SweepVersion).join(SweepVersion, SweepVersion.sweep_id == Sweep.id)
    query = query.order_by(SweepVersion.last_run.desc(), SweepVersion.id.desc()).limit(1)
    if name is not None:
        query = query.where(Sweep.name == name)
    if profile is not None:
        query = query.where(Sweep.profile == profile)
    found = session.execute(query).first()
    if found is not None:
        return found[0], found[1]
    known = session.execute(sa.select(Sweep.name, Sweep.profile).order_by(Sweep.name, Sweep.profile)).all()
    if not known:
        raise RequestError("no sweep has run here yet; start one with: sweeper run SPEC (or set SWEEPER_HOME to where it ran)")
    names = sorted({sweep.name for sweep in known})
    if name is not None and name not in names:
        raise RequestError(f"no sweep named {name!r} has run here{nearest(name, names)}")
    profiles = sorted({sweep.profile for sweep in known if name in (None, sweep.name)})
    who = f"sweep {name!r} has not" if name is not None else "no sweep has"
    raise RequestError(f"{who} run with profile {profile!r}{nearest(str(profile), profiles)}")


def other_versions(session: Session, version: SweepVersion) -> tuple[VersionRecord, ...]:
    """Of the same sweep, the oldest first."""
    query = sa.select(SweepVersion).where(SweepVersion.sweep_id == version.sweep_id, SweepVersion.id != version.id)
    query = query.order_by(SweepVersion.created, SweepVersion.id)
    return tuple(VersionRecord(row.hash, row.created, row.spec) for row in session.scalars(query))


def summaries(session: Session) -> list[SweepSummary]:
    rank = sa.func.row_number().over(partition_by=SweepVersion.sweep_id, order_by=(SweepVersion.last_run.desc(), SweepVersion.id.desc()))
    newest = sa.select(SweepVersion.id, rank.label("rank")).subquery()
    size = sa.select(sa.func.count()).where(SweepTrial.sweep_version_id == SweepVersion.id).scalar_subquery()
    query = (
        sa.select(Sweep.name, Sweep.profile, SweepVersion.hash, SweepVersion.last_run, size)
        .join(SweepVersion, SweepVersion.sweep_id == Sweep.id)
        .join(newest, sa.and_(newest.c.id == SweepVersion.id, newest.c.rank == 1))
        .order_by(SweepVersion.last_run.desc())
    )
    return [SweepSummary(*row) for row in session.execute(query)]


def find_trial(session: Session, prefix: str) -> str:
    prefix = prefix.strip().lower()
    if len(prefix) < 4:
        raise RequestError(f"trial {prefix!r} is too short; give at least the first 4 characters of its fingerprint")
    query = sa.select(Trial.fingerprint).where(Trial.fingerprint.startswith(prefix, autoescape=True)).order_by(Trial.fingerprint).limit(6)
    found = list(session.scalars(query))
    if not found:
        raise RequestError(f"no trial begins with {prefix!r}; `sweeper status` lists the trials of a sweep")
    if len(found) > 1 and prefix not in found:
        shown = ", ".join(fingerprint[: len(prefix) + 6] for fingerprint in found[:5]) + (", ..." if len(found) > 5 else "")
        raise RequestError(f"several trials begin with {prefix!r}: {shown}; give more characters")
    return prefix if prefix in found else found[0]


def _trial_ids(session: Session, trials: Sequence[PlannedTrial]) -> dict[str, int]:
    """Ids by fingerprint; missing trials are added, in one order everywhere so that two sweeps never wait for each other in a ring."""
    configs = {trial.fingerprint: trial.config for trial in trials}
    known = _known_ids(session, list(configs))
    missing = sorted(configs.keys() - known.keys())
    insert_or_ignore(session, Trial, [{"fingerprint": fingerprint, "config": configs[fingerprint]} for fingerprint in missing])
    return known | _known_ids(session, missing)


def _known_ids(session: Session, fingerprints: Sequence[str]) -> dict[str, int]:
    query = sa.select(Trial.fingerprint, Trial.id)
    return {name: key for some in chunks(fingerprints) for name, key in session.execute(query.where(Trial.fingerprint.in_(some)))}


def _linked(session: Session, sweep: Sweep) -> set[tuple[int, str]]:
    """(trial, evaluation fingerprint) that MLflow knows, or will, to be this sweep's."""
    query = sa.select(SweepTrial.trial_id, SweepTrial.evaluation_fingerprint)
    query = query.join(SweepVersion, SweepVersion.id == SweepTrial.sweep_version_id).where(SweepVersion.sweep_id == sweep.id).distinct()
    return {(trial, evaluation) for trial, evaluation in session.execute(query)}


def _place(session: Session, version: SweepVersion, trials: Sequence[PlannedTrial], ids: Mapping[str, int]) -> None:
    """Make the version's list of trials the planned one. One spec may plan others later: its data or the trainer's numerics changed."""
    wanted = [
        {
            "sweep_version_id": version.id,
            "position": position,
            "trial_id": ids[trial.fingerprint],
            "variant": trial.variant,
            "levels": dict(trial.levels),
            "seed": trial.seed,
            "steps": trial.steps,
            "evaluation_fingerprint": trial.evaluation_fingerprint,
        }
        for position, trial in enumerate(trials)
    ]
    placed = sa.select(*SweepTrial.__table__.columns).where(SweepTrial.sweep_version_id == version.id).order_by(SweepTrial.position)
    if [dict(row) for row in session.execute(placed).mappings()] == wanted:
        return
    session.execute(sa.delete(SweepTrial).where(SweepTrial.sweep_version_id == version.id))
    if wanted:
        session.execute(sa.insert(SweepTrial), wanted)


def sweep_payload(name: str, profile: str, version: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What MLflow is told of a sweep."""
    return {"name": name, "profile": profile, "version": version, "question": spec.get("question", ""), "spec": spec}


def link_payload(
    name: str, profile: str, fingerprint: str, variant: str, levels: Mapping[str, str], seed: int, config: Mapping[str, Any]
) -> dict[str, Any]:
    """What MLflow is told of a trial that a sweep wants."""
    trial = {"fingerprint": fingerprint, "variant": variant, "levels": levels, "seed": seed, "config": config}
    return {"name": name, "profile": profile, **trial}
