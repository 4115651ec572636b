"""The outbox of a tracker filled again with all that the store holds, for a place that lost it or never received it.

A "link" makes a tracker copy the whole history of its trial, so sweeps, links and the pages drawn of them are all there is to send.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.states import WITH_RESULT
from sweeper.store import outbox
from sweeper.store.clock import now
from sweeper.store.sweeps import link_payload, sweep_payload
from sweeper.store.tables import Attempt, Outbox, Sweep, SweepTrial, SweepVersion, Trial


def requeue_all(session: Session, tracker: str, pages: bool, mark: str | None) -> int:
    """Posts a "sweep" row for every sweep and a "link" row for every trial of it, but for those that wait already; returns how many.

    With `pages`, a "pages" row for every sweep with a result, also one that waits already, comes last of all: a page names the runs that
    the rows before it make.
    """
    outbox.hold(session)  # a transaction that began before the tracker was registered posts nothing for it
    waiting = {_key(payload) for payload in session.scalars(_payloads(tracker, "sweep", "link"))}
    moment = now(session)
    posted = 0
    for kind, payloads in (("sweep", _sweeps(session)), ("link", _links(session))):
        rows = [payload for payload in payloads if _key(payload) not in waiting]
        outbox.post(session, "sweep" if kind == "sweep" else "link", rows, moment, tracker)
        posted += len(rows)
    if pages:
        ahead = [(payload["name"], payload["profile"]) for payload in session.scalars(_payloads(tracker, "pages"))]
        session.execute(sa.delete(Outbox).where(Outbox.kind == "pages", Outbox.tracker == tracker))
        shown = dict.fromkeys([*ahead, *_with_results(session)])
        outbox.post(session, "pages", [{"name": name, "profile": profile} for name, profile in shown], moment, tracker)
        posted += len(shown) - len(ahead)
    if mark is not None:
        outbox.write_mark(session, tracker, mark)
    return posted


def _payloads(tracker: str, *kinds: str) -> sa.Select[tuple[Mapping[str, Any]]]:
    return sa.select(Outbox.payload).where(Outbox.tracker == tracker, Outbox.kind.in_(kinds))


def _with_results(session: Session) -> list[tuple[str, str]]:
    """Name and profile of the sweeps of which an attempt has finished."""
    query = (
        sa.select(Sweep.name, Sweep.profile)
        .join(SweepVersion, SweepVersion.sweep_id == Sweep.id)
        .join(SweepTrial, SweepTrial.sweep_version_id == SweepVersion.id)
        .join(Attempt, Attempt.trial_id == SweepTrial.trial_id)
        .where(Attempt.state.in_(WITH_RESULT))
    )
    return [(name, profile) for name, profile in session.execute(query.distinct().order_by(Sweep.name, Sweep.profile))]


def _key(payload: Mapping[str, Any]) -> tuple[Any, ...]:
    return payload.get("name"), payload.get("profile"), payload.get("fingerprint"), payload.get("version")


def _sweeps(session: Session) -> Iterator[dict[str, Any]]:
    """Every sweep with the version that was added last: the one that trackers received last."""
    added = sa.select(SweepVersion.sweep_id, sa.func.max(SweepVersion.id).label("id")).group_by(SweepVersion.sweep_id).subquery()
    query = sa.select(Sweep, SweepVersion).join(added, added.c.sweep_id == Sweep.id).join(SweepVersion, SweepVersion.id == added.c.id)
    for sweep, version in session.execute(query.order_by(Sweep.id)):
        yield sweep_payload(sweep.name, sweep.profile, version.hash, version.spec)


def _links(session: Session) -> Iterator[dict[str, Any]]:
    """Every (sweep, trial) as the first version that had it called it; the trial whose newest attempt ended last comes last.

    In MLflow, a parent run ends when the child that came last did.
    """
    ended = sa.select(sa.func.max(sa.func.coalesce(Attempt.ended, Attempt.started))).where(Attempt.trial_id == Trial.id).scalar_subquery()
    query = (
        sa.select(Sweep, SweepTrial, Trial, ended.label("ended"))
        .join(SweepVersion, SweepVersion.sweep_id == Sweep.id)
        .join(SweepTrial, SweepTrial.sweep_version_id == SweepVersion.id)
        .join(Trial, Trial.id == SweepTrial.trial_id)
        .order_by(sa.nulls_first(sa.text("ended")), SweepVersion.id, SweepTrial.position)
    )
    seen: set[tuple[int, int]] = set()
    for sweep, wanted, trial, _ in session.execute(query):
        if (sweep.id, trial.id) not in seen:
            seen.add((sweep.id, trial.id))
            yield link_payload(sweep.name, sweep.profile, trial.fingerprint, wanted.variant, wanted.levels, wanted.seed, trial.config)
