"""What MLflow has yet to hear of: rows go in with the event's own transaction and leave when one mirror delivered them.

The mark that the mirror leaves with what it delivers, here and in MLflow, shows whether both are of one age.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.records import OutboxRow
from sweeper.store.clock import now
from sweeper.store.tables import MlflowSyncLease, Outbox
from sweeper.store.writing import chunks, insert_or_ignore

Kind = Literal["sweep", "link", "points", "evaluation", "attempt", "pages", "deleted"]
EPOCH = datetime.fromtimestamp(0, UTC)


def post(session: Session, kind: Kind, payloads: Iterable[Mapping[str, Any]], created: datetime) -> None:
    """Put one row per payload into the outbox, in order, as part of the caller's transaction."""
    rows = [{"kind": kind, "payload": payload, "created": created} for payload in payloads]
    if rows:
        session.execute(sa.insert(Outbox), rows)


def post_pages(session: Session, name: str, profile: str) -> None:
    """One row is enough, however often it is asked for."""
    payload = {"name": name, "profile": profile}
    if payload not in list(session.scalars(sa.select(Outbox.payload).where(Outbox.kind == "pages"))):
        post(session, "pages", [payload], now(session))


def pending(session: Session, limit: int) -> list[OutboxRow]:
    query = sa.select(Outbox).order_by(Outbox.id).limit(limit)
    return [OutboxRow(id=row.id, kind=cast(Kind, row.kind), payload=row.payload) for row in session.scalars(query)]


def delivered(session: Session, ids: Iterable[int], mark: tuple[str, str] | None) -> None:
    for some in chunks(ids):
        session.execute(sa.delete(Outbox).where(Outbox.id.in_(some)))
    # Where it is not the one that the mirror saw, another mirror or a retelling was here meanwhile, and theirs stands.
    if mark is not None:
        _make_row(session)
        session.execute(sa.update(MlflowSyncLease).where(sa.func.coalesce(MlflowSyncLease.mark, "") == mark[0]).values(mark=mark[1]))


def backlog(session: Session) -> int:
    return session.scalars(sa.select(sa.func.count()).select_from(Outbox)).one()


def read_mark(session: Session) -> str:
    """Empty when none was left yet."""
    return session.scalars(sa.select(MlflowSyncLease.mark)).one_or_none() or ""


def write_mark(session: Session, mark: str) -> None:
    _make_row(session)
    session.execute(sa.update(MlflowSyncLease).values(mark=mark))


def acquire_sync_lease(session: Session, owner: str, seconds: float, is_dead: Callable[[str], bool]) -> bool:
    _make_row(session)
    lease = session.scalars(sa.select(MlflowSyncLease).with_for_update()).one()
    moment = now(session)
    until = moment + timedelta(seconds=seconds)
    if lease.owner not in ("", owner) and lease.until > moment and not is_dead(lease.owner):
        lease.until = min(lease.until, until)  # longer than any lease: the clock was set back since
        return False
    lease.owner, lease.until = owner, until
    return True


def release_sync_lease(session: Session, owner: str) -> None:
    session.execute(sa.update(MlflowSyncLease).where(MlflowSyncLease.owner == owner).values(owner="", until=EPOCH))


def _make_row(session: Session) -> None:
    insert_or_ignore(session, MlflowSyncLease, [{"id": 1, "owner": "", "until": EPOCH}])
