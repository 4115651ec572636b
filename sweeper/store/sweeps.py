"""Sweeps and their versions: what was asked, and which trials answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.errors import RequestError, nearest
from sweeper.records import EarlierVersion, PlannedTrial, VersionRecord
from sweeper.states import SETTLED_WITHOUT_RESULT, WITH_RESULT
from sweeper.store import outbox
from sweeper.store.clock import now
from sweeper.store.tables import Attempt, EvaluationDetail, Sweep, SweepTrial, SweepVersion, Trial
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
    grows: bool = False,
) -> None:
    moment = now(session)
    insert_or_ignore(session, Sweep, [{"name": name, "profile": profile}])
    # Held to the end: two drivers of one sweep record one after the other. (Not a full lock: foreign keys may still point here.)
    sweep = session.scalars(sa.select(Sweep).filter_by(name=name, profile=profile).with_for_update(key_share=True)).one()
    row = {"sweep_id": sweep.id, "hash": version, "spec": spec, "created": moment, "last_run": moment}
    is_new = insert_or_ignore(session, SweepVersion, [row]) > 0
    this = session.scalars(sa.select(SweepVersion).filter_by(sweep_id=sweep.id, hash=version)).one()
    newest = session.scalars(sa.select(sa.func.max(SweepVersion.last_run)).where(SweepVersion.id != this.id)).one()
    this.spec = spec  # of equal hash, so that it differs in nothing but what it keeps on disk and which published rows its report shows
    # The version that ran last is the newest, even when the clock was set back in between.
    this.command = storable(command) if command else this.command
    this.last_run = max(moment, newest + timedelta(microseconds=1)) if newest else moment
    if is_new:
        outbox.post(session, "sweep", [sweep_payload(name, profile, version, spec)], moment)
    ids = _trial_ids(session, trials)
    linked = _linked(session, sweep)
    _place(session, this, trials, ids, grows=grows)
    _queue_links(session, sweep, trials, ids, linked, moment)


def append(session: Session, *, name: str, profile: str, version: str, after: int, trials: Sequence[PlannedTrial]) -> bool:
    # Whoever appends to a version holds its sweep, so that no two append after the same one.
    query = sa.select(Sweep).filter_by(name=name, profile=profile).with_for_update(key_share=True)
    sweep = session.scalars(query).one()
    this = session.scalars(sa.select(SweepVersion).filter_by(sweep_id=sweep.id, hash=version)).one()
    if session.scalars(sa.select(sa.func.count()).where(SweepTrial.sweep_version_id == this.id)).one() != after:
        return False
    ids = _trial_ids(session, trials)
    linked = _linked(session, sweep)
    session.execute(sa.insert(SweepTrial), _rows(this, trials, ids, after))
    _queue_links(session, sweep, trials, ids, linked, now(session))
    return True


def placed(session: Session, name: str, profile: str, version: str) -> list[tuple[str, Mapping[str, str], int]]:
    query = (
        sa.select(SweepTrial.variant, SweepTrial.levels, SweepTrial.seed)
        .join(SweepVersion, SweepVersion.id == SweepTrial.sweep_version_id)
        .join(Sweep, Sweep.id == SweepVersion.sweep_id)
        .where(Sweep.name == name, Sweep.profile == profile, SweepVersion.hash == version)
        .order_by(SweepTrial.position)
    )
    return [(variant, levels, seed) for variant, levels, seed in session.execute(query)]


def _queue_links(
    session: Session, sweep: Sweep, trials: Sequence[PlannedTrial], ids: Mapping[str, int], linked: set[tuple[int, str]], moment: datetime
) -> None:
    """Posts the trials that trackers do not know to be this sweep's."""
    name, profile = sweep.name, sweep.profile
    fresh = {trial.fingerprint: trial for trial in reversed(trials) if (ids[trial.fingerprint], trial.evaluation_fingerprint) not in linked}
    links = [
        link_payload(name, profile, trial.fingerprint, trial.variant, trial.levels, trial.seed, trial.config)
        for trial in trials
        if fresh.get(trial.fingerprint) is trial
    ]
    outbox.post(session, "link", links, moment)


def newest_version(session: Session, name: str | None, profile: str | None, version: str | None = None) -> tuple[Sweep, SweepVersion]:
    """The version that ran last of those asked for, or the one of that hash; RequestError says which names there are."""
    query = sa.select(Sweep, SweepVersion).join(SweepVersion, SweepVersion.sweep_id == Sweep.id)
    query = query.order_by(SweepVersion.last_run.desc(), SweepVersion.id.desc()).limit(1)
    if name is not None:
        query = query.where(Sweep.name == name)
    if profile is not None:
        query = query.where(Sweep.profile == profile)
    if version is not None:
        query = query.where(SweepVersion.hash == version)
    found = session.execute(query).first()
    if found is not None:
        return found[0], found[1]
    known = session.execute(sa.select(Sweep.name, Sweep.profile).order_by(Sweep.name, Sweep.profile)).all()
    if not known:
        raise RequestError("no sweep has run here yet; start one with: sweeper run SPEC (or set SWEEPER_HOME to where it ran)")
    if name is not None:
        _ensure_known(name, [sweep.name for sweep in known])
    profiles = sorted({sweep.profile for sweep in known if name in (None, sweep.name)})
    who = f"sweep {name!r} has not" if name is not None else "no sweep has"
    raise RequestError(f"{who} run with profile {profile!r}{nearest(str(profile), profiles)}")


def sweep_named(session: Session, name: str, profile: str | None) -> Sweep:
    """Raises RequestError for an unknown one, and where no profile says which of several is meant: what is taken away is not guessed."""
    found = list(session.scalars(sa.select(Sweep).where(Sweep.name == name).order_by(Sweep.profile)))
    if not found:
        _ensure_known(name, session.scalars(sa.select(Sweep.name)).all())
    profiles = [sweep.profile for sweep in found]
    chosen = [sweep for sweep in found if profile in (None, sweep.profile)]
    if not chosen:
        raise RequestError(f"sweep {name!r} has not run with profile {profile!r}{nearest(str(profile), profiles)}")
    if len(chosen) > 1:
        raise RequestError(f"sweep {name!r} ran with several profiles; say which with --profile: {', '.join(profiles)}")
    return chosen[0]


def _ensure_known(name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise RequestError(f"no sweep named {name!r} has run here{nearest(name, sorted(set(names)))}")


def other_versions(session: Session, version: SweepVersion) -> tuple[VersionRecord, ...]:
    """Of the same sweep, the oldest first."""
    query = sa.select(SweepVersion).where(SweepVersion.sweep_id == version.sweep_id, SweepVersion.id != version.id)
    query = query.order_by(SweepVersion.created, SweepVersion.id)
    return tuple(VersionRecord(row.hash, row.created, row.spec) for row in session.scalars(query))


def earlier_versions(session: Session, version: SweepVersion) -> tuple[EarlierVersion, ...]:
    """Of any sweep: those that claim something, share trials with this version, and were whole before it was first run, oldest first."""
    if not _claims(version.spec):
        return ()
    mine = sa.select(SweepTrial.trial_id).where(SweepTrial.sweep_version_id == version.id)
    sharing = sa.select(SweepTrial.sweep_version_id).where(SweepTrial.trial_id.in_(mine), SweepTrial.sweep_version_id != version.id)
    query = sa.select(SweepVersion, Sweep).join(Sweep, Sweep.id == SweepVersion.sweep_id)
    query = query.where(SweepVersion.id.in_(sharing), SweepVersion.created <= version.created).order_by(
        SweepVersion.created, SweepVersion.id
    )
    found = []
    for other, sweep in session.execute(query):
        whole = _whole_since(session, other) if _claims(other.spec) else None
        if whole is not None and whole <= version.created:
            placed = sa.select(SweepTrial.variant, SweepTrial.seed, Trial.fingerprint).join(Trial, Trial.id == SweepTrial.trial_id)
            rows = session.execute(placed.where(SweepTrial.sweep_version_id == other.id))
            trials = {(variant, seed): fingerprint for variant, seed, fingerprint in rows}
            found.append(EarlierVersion(sweep.name, sweep.profile, other.hash, whole, other.spec, trials))
    return tuple(found)


def _claims(spec: Mapping[str, Any]) -> bool:
    return any(contrast.get("kind") for contrast in spec.get("contrasts") or ())


def _whole_since(session: Session, version: SweepVersion) -> datetime | None:
    """When the last of a version's trials had its result or had diverged; None while some trial has neither."""
    made = sa.and_(
        EvaluationDetail.trial_id == SweepTrial.trial_id,
        EvaluationDetail.step == SweepTrial.steps,
        EvaluationDetail.evaluation_fingerprint == SweepTrial.evaluation_fingerprint,
    )
    first = sa.select(sa.func.min(Attempt.ended))
    result = first.join(EvaluationDetail, EvaluationDetail.attempt_id == Attempt.id).where(made, Attempt.state.in_(WITH_RESULT))
    settled = first.where(Attempt.trial_id == SweepTrial.trial_id, Attempt.state.in_(SETTLED_WITHOUT_RESULT))
    each = [query.correlate(SweepTrial).scalar_subquery() for query in (result, settled)]
    ended = sa.func.coalesce(*each).label("ended")
    trials = sa.select(ended).where(SweepTrial.sweep_version_id == version.id).subquery()
    count, known, last = session.execute(sa.select(sa.func.count(), sa.func.count(trials.c.ended), sa.func.max(trials.c.ended))).one()
    return last if count and count == known else None


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
    """(trial, evaluation fingerprint) that trackers know, or will, to be this sweep's."""
    query = sa.select(SweepTrial.trial_id, SweepTrial.evaluation_fingerprint)
    query = query.join(SweepVersion, SweepVersion.id == SweepTrial.sweep_version_id).where(SweepVersion.sweep_id == sweep.id).distinct()
    return {(trial, evaluation) for trial, evaluation in session.execute(query)}


def _place(session: Session, version: SweepVersion, trials: Sequence[PlannedTrial], ids: Mapping[str, int], *, grows: bool) -> None:
    """Make the version's list of trials the planned one, or where it `grows` the beginning of it, to which others may have added meanwhile.

    One spec may plan others later: its data or the trainer's numerics changed.
    """
    wanted = _rows(version, trials, ids, 0)
    replaced = [SweepTrial.sweep_version_id == version.id, *([SweepTrial.position < len(wanted)] if grows else [])]
    placed = sa.select(*SweepTrial.__table__.columns).where(*replaced).order_by(SweepTrial.position)
    if [dict(row) for row in session.execute(placed).mappings()] == wanted:
        return
    session.execute(sa.delete(SweepTrial).where(*replaced))
    if wanted:
        session.execute(sa.insert(SweepTrial), wanted)


def _rows(version: SweepVersion, trials: Sequence[PlannedTrial], ids: Mapping[str, int], first: int) -> list[dict[str, Any]]:
    return [
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
        for position, trial in enumerate(trials, start=first)
    ]


def sweep_payload(name: str, profile: str, version: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What trackers receive of a sweep."""
    return {"name": name, "profile": profile, "version": version, "question": spec.get("question", ""), "spec": spec}


def link_payload(
    name: str, profile: str, fingerprint: str, variant: str, levels: Mapping[str, str], seed: int, config: Mapping[str, Any]
) -> dict[str, Any]:
    """What trackers receive of a trial that a sweep wants."""
    trial = {"fingerprint": fingerprint, "variant": variant, "levels": levels, "seed": seed, "config": config}
    return {"name": name, "profile": profile, **trial}
