"""Taking sweeps and trials of another store, or of what the trials' folders say, into this one; doing it twice is doing it once.

A result is one (step, evaluation fingerprint) of a trial. The first one told stands: what is here already is not replaced, whatever the
other store says, and where it says another number that is counted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.metrics import METRICS
from sweeper.records import MeasuredWeights
from sweeper.states import ATTEMPT_STATES, WITH_RESULT
from sweeper.store import analyses, evaluated, outbox
from sweeper.store.clock import now
from sweeper.store.exchange_format import (
    AnalysisPart,
    AttemptHistory,
    EvaluationPart,
    PlacePart,
    TrialPart,
    VersionPart,
    WeightsPart,
    find_attempt,
)
from sweeper.store.leases import restarted
from sweeper.store.sweeps import link_payload, sweep_payload
from sweeper.store.tables import Attempt, CurvePoint, Evaluation, EvaluationDetail, Sweep, SweepTrial, SweepVersion, Trial
from sweeper.store.writing import chunks, insert_or_ignore

NOBODYS = "it had not ended when this was written; the next attempt goes on from its newest whole checkpoint, not counted against the trial"

Result = tuple[int, str]
"""(step, evaluation fingerprint)."""


@dataclass
class Taken:
    """What came of it."""

    versions: int = 0
    """Versions of sweeps that were not here."""
    trials: int = 0
    """Trials that were not here."""
    attempts: dict[tuple[str, int], int] = field(default_factory=dict)
    """(fingerprint, number there) of each attempt that was not here -> its number here."""
    here: int = 0
    """Attempts that were here already, or whose results were."""
    running: list[str] = field(default_factory=list)
    """Trials that were left out, since an attempt at them runs here."""
    differing: list[str] = field(default_factory=list)
    """Trials of which the other store has another number for a result that is here."""
    unnamed: list[str] = field(default_factory=list)
    """Trials that were left out, since the sweep's version that is here names others in their place."""
    weights: list[str] = field(default_factory=list)
    """Names of measured weights that were not here."""
    other_weights: list[str] = field(default_factory=list)
    """Names under which something else was measured here, which stays."""
    analyses: int = 0
    """Analyses of trials' weights that were not here."""
    touched: set[str] = field(default_factory=set)
    """Trials that have something new for trackers."""


def take_versions(session: Session, versions: Iterable[VersionPart], configs: Mapping[str, Mapping[str, Any]], taken: Taken) -> None:
    """Versions that are not here, with their trials, whose `configs` are given by fingerprint; to a search that is here, its other trials.

    Outbox: "sweep" for a new version.
    """
    moment = now(session)
    for version in versions:
        insert_or_ignore(session, Sweep, [{"name": version.name, "profile": version.profile}])
        sweep = session.scalars(
            sa.select(Sweep).filter_by(name=version.name, profile=version.profile).with_for_update(key_share=True)
        ).one()
        row = {
            "sweep_id": sweep.id,
            "hash": version.hash,
            "spec": version.spec,
            "created": version.created,
            "last_run": version.last_run,
            "command": version.command,
        }
        is_new = insert_or_ignore(session, SweepVersion, [row]) > 0
        this = session.scalars(sa.select(SweepVersion).filter_by(sweep_id=sweep.id, hash=version.hash)).one()
        if is_new:
            taken.versions += 1
            outbox.post(session, "sweep", [sweep_payload(version.name, version.profile, version.hash, version.spec)], moment)
        elif not _is_search(version.spec):
            continue
        _place(session, this, [place for place in version.trials if place.fingerprint in configs], configs, taken)


def _is_search(spec: Mapping[str, Any]) -> bool:
    """Whether trials are added to a version while it runs."""
    design = spec.get("design")
    return isinstance(design, Mapping) and design.get("kind") == "search"


def _place(
    session: Session, version: SweepVersion, wanted: Sequence[PlacePart], configs: Mapping[str, Mapping[str, Any]], taken: Taken
) -> None:
    """Those that the version does not have yet, after those that it has."""
    query = sa.select(SweepTrial.variant, SweepTrial.seed, Trial.fingerprint).join(Trial, Trial.id == SweepTrial.trial_id)
    have = {(variant, seed, name) for variant, seed, name in session.execute(query.where(SweepTrial.sweep_version_id == version.id))}
    places = [place for place in wanted if (place.variant, place.seed, place.fingerprint) not in have]
    names = sorted({place.fingerprint for place in places})
    for some in chunks(names):
        taken.trials += insert_or_ignore(session, Trial, [{"fingerprint": name, "config": configs[name]} for name in some])
    ids = _ids(session, names)
    placed = [
        {
            "sweep_version_id": version.id,
            "position": position,
            "trial_id": ids[place.fingerprint],
            "variant": place.variant,
            "levels": place.levels,
            "seed": place.seed,
            "steps": place.steps,
            "evaluation_fingerprint": place.evaluation_fingerprint,
        }
        for position, place in enumerate(places, start=len(have))
    ]
    if placed:
        session.execute(sa.insert(SweepTrial), placed)
    taken.touched.update(names)


def configs(session: Session, fingerprints: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Of the trials with these names."""
    query = sa.select(Trial.fingerprint, Trial.config)
    return {name: config for some in chunks(fingerprints) for name, config in session.execute(query.where(Trial.fingerprint.in_(some)))}


def is_named(session: Session, fingerprint: str) -> bool:
    """Whether a sweep wants the trial."""
    named = sa.select(SweepTrial.position).join(Trial, Trial.id == SweepTrial.trial_id).where(Trial.fingerprint == fingerprint)
    return session.scalars(sa.select(named.exists())).one()


def take_trial(
    session: Session, part: TrialPart, is_dead: Callable[[str], bool], number_of: Callable[[str, int, int], int], taken: Taken
) -> None:
    """What is new in a trial of another store: its attempts get numbers after those that are here.

    `number_of(fingerprint, number there, next number here)` is the number that an attempt gets, that one or a later one.
    Attempts that run there are left out, and the whole trial while one runs here: its worker would find itself taken over.
    """
    trial = session.scalars(sa.select(Trial).filter_by(fingerprint=part.fingerprint).with_for_update(key_share=True)).one_or_none()
    if trial is None or not is_named(session, part.fingerprint):
        taken.unnamed.append(part.fingerprint)
        return
    mine = list(session.scalars(sa.select(Attempt).filter_by(trial_id=trial.id).order_by(Attempt.number.desc())))
    told = [history for history in part.attempts if history.attempt.state != "running"]
    known = {(attempt.owner, attempt.started) for attempt in mine}
    new = [history for history in told if history.attempt.identity not in known]
    results = _results(session, trial.id, restarted(mine))
    if _differs(session, trial.id, results, told):
        taken.differing.append(part.fingerprint)
    brings = {(one.step, one.evaluation_fingerprint) for h in new if h.attempt.state in WITH_RESULT for one in h.evaluations}
    if not new or (results and brings <= results.keys()):
        taken.here += len(told)
        return
    moment = now(session)
    if any(a.state == "running" and a.lease_until > moment and not is_dead(a.owner) for a in mine):
        taken.running.append(part.fingerprint)
        return
    taken.here += len(told) - len(new)
    following = mine[0].number + 1 if mine else 1
    for history in new:
        number = number_of(part.fingerprint, history.attempt.number, following)
        fresh = history.attempt.fresh and not results  # else it would put aside what is here
        insert_attempt(session, trial.id, history, number=number, fresh=fresh, without=results.keys())
        taken.attempts[part.fingerprint, history.attempt.number] = number
        following = number + 1
    taken.touched.add(part.fingerprint)


def take_weights(session: Session, part: WeightsPart, taken: Taken) -> None:
    """What another store has of weights, where nothing of that name is here."""
    here = evaluated.measured(session, [part.name])
    if not here:
        evaluated.keep(session, [MeasuredWeights(part.name, part.metrics, part.protocol, part.details, part.measured)])
        taken.weights.append(part.name)
    elif (here[0].protocol, here[0].metrics) != (part.protocol, part.metrics):
        taken.other_weights.append(part.name)


def take_analysis(session: Session, part: AnalysisPart, taken: Taken) -> None:
    """What another store has of a trial's weights, where the trial is here and such an analysis of such weights is not."""
    taken.analyses += analyses.keep(session, [part.plain()])


def put_back_trial(session: Session, part: TrialPart, taken: Taken) -> None:
    """Attempts as their folders say they were, under their own numbers, where they are not here or were not over yet here."""
    taken.trials += insert_or_ignore(session, Trial, [{"fingerprint": part.fingerprint, "config": part.config}])
    trial = session.scalars(sa.select(Trial).filter_by(fingerprint=part.fingerprint)).one()
    mine = {attempt.number: attempt for attempt in session.scalars(sa.select(Attempt).filter_by(trial_id=trial.id))}
    for history in part.attempts:
        number = history.attempt.number
        held = mine.get(number)
        if held is not None and held.state != "running":
            taken.here += 1
            continue
        if held is not None:
            for table in (CurvePoint, Evaluation, EvaluationDetail):
                session.execute(sa.delete(table).where(table.attempt_id == held.id))
            session.delete(held)
            session.flush()
        insert_attempt(session, trial.id, history, number=number, fresh=history.attempt.fresh)
        taken.attempts[part.fingerprint, number] = number
        taken.touched.add(part.fingerprint)


def catch_up(session: Session, part: TrialPart, is_dead: Callable[[str], bool]) -> bool:
    """Whether anything of the attempt was new. What a later attempt made again stays hidden behind it, as ever."""
    (history,) = part.attempts
    held = find_attempt(session, part.fingerprint, history.attempt.number)
    if held is None or held.owner != history.attempt.owner:  # of another store
        return False
    if held.state == "running" and held.lease_until > now(session) and not is_dead(held.owner):
        return False
    new = _insert_measured(session, held.trial_id, held.id, history)
    if held.start_step is None and history.attempt.start_step is not None:
        held.start_step, held.comparability = history.attempt.start_step, history.attempt.comparability
        held.provenance = history.attempt.provenance
    held.step = max(held.step, history.attempt.step)
    held.checkpoint_step = max(held.checkpoint_step, history.attempt.checkpoint_step)
    return new > 0


def insert_attempt(
    session: Session, trial_id: int, history: AttemptHistory, *, number: int, fresh: bool, without: Iterable[Result] = ()
) -> None:
    """An attempt with what it measured, `without` these results. One that is not over is lost: nobody runs it here."""
    part = history.attempt
    values = part.model_dump() | {"trial_id": trial_id, "number": number, "fresh": fresh, "lease_until": part.ended or part.started}
    if part.state == "running":
        values |= {"state": "lost", "ended": part.started, "failure": "lost", "policy": NOBODYS}
    attempt = Attempt(**values)
    session.add(attempt)
    session.flush()
    _insert_measured(session, trial_id, attempt.id, history, without)


def _insert_measured(session: Session, trial_id: int, attempt_id: int, history: AttemptHistory, without: Iterable[Result] = ()) -> int:
    """Points and evaluations that are not here; how many rows were new."""
    left_out = set(without)
    points = [
        {"attempt_id": attempt_id, "step": point.step, "metric": metric, "value": value, "time_ms": point.time_ms}
        for point in history.points
        for metric, value in point.metrics.items()
    ]
    new = sum(insert_or_ignore(session, CurvePoint, some) for some in chunks(points, 10_000))
    for one in history.evaluations:
        if (one.step, one.evaluation_fingerprint) in left_out:
            continue
        key = {
            "trial_id": trial_id,
            "step": one.step,
            "evaluation_fingerprint": one.evaluation_fingerprint,
            "attempt_id": attempt_id,
            "time_ms": one.time_ms,
        }
        if insert_or_ignore(session, EvaluationDetail, [{**key, "details": one.details}]):
            new += 1
            insert_or_ignore(session, Evaluation, [{**key, "metric": name, "value": value} for name, value in one.metrics.items()])
    return new


def _results(session: Session, trial_id: int, since: int) -> dict[Result, int]:
    """The results that are here, with the attempt that each is read from: the newest."""
    query = (
        sa.select(EvaluationDetail.step, EvaluationDetail.evaluation_fingerprint, Attempt.id)
        .join(Attempt, Attempt.id == EvaluationDetail.attempt_id)
        .where(EvaluationDetail.trial_id == trial_id, Attempt.state.in_(WITH_RESULT), Attempt.number >= since)
        .order_by(Attempt.number)
    )
    return {(step, name): attempt for step, name, attempt in session.execute(query)}


def _differs(session: Session, trial_id: int, results: Mapping[Result, int], told: Sequence[AttemptHistory]) -> bool:
    """Whether the other store has another value for a result that is here; times and memory always differ."""
    theirs: dict[Result, EvaluationPart] = {}
    for history in told:
        if ATTEMPT_STATES[history.attempt.state].has_result:
            theirs |= {(one.step, one.evaluation_fingerprint): one for one in history.evaluations}
    for key, part in theirs.items():
        if key not in results:
            continue
        query = sa.select(Evaluation.metric, Evaluation.value).where(
            Evaluation.trial_id == trial_id,
            Evaluation.step == key[0],
            Evaluation.evaluation_fingerprint == key[1],
            Evaluation.attempt_id == results[key],
        )
        ours = {row.metric: row.value for row in session.execute(query)}
        if any(not _varies(name) and ours.get(name, value) != value for name, value in part.metrics.items()):
            return True
    return False


def queue_links(session: Session, fingerprints: Iterable[str]) -> None:
    """Trackers are sent these trials again, whole, in every sweep that they serve. Outbox: "link"."""
    moment = now(session)
    for some in chunks(sorted(fingerprints)):
        query = (
            sa.select(Sweep.name, Sweep.profile, SweepTrial.variant, SweepTrial.levels, SweepTrial.seed, Trial.fingerprint, Trial.config)
            .join(SweepVersion, SweepVersion.sweep_id == Sweep.id)
            .join(SweepTrial, SweepTrial.sweep_version_id == SweepVersion.id)
            .join(Trial, Trial.id == SweepTrial.trial_id)
            .where(Trial.fingerprint.in_(some))
            .order_by(SweepVersion.id, SweepTrial.position)
        )
        links = {
            (name, profile, fingerprint): link_payload(name, profile, fingerprint, variant, levels, seed, config)
            for name, profile, variant, levels, seed, fingerprint, config in session.execute(query)
        }
        outbox.post(session, "link", links.values(), moment)


def _ids(session: Session, names: Iterable[str]) -> dict[str, int]:
    query = sa.select(Trial.fingerprint, Trial.id)
    return {name: key for some in chunks(names) for name, key in session.execute(query.where(Trial.fingerprint.in_(some)))}


def _varies(metric: str) -> bool:
    return metric in METRICS and not METRICS[metric].reproducible
