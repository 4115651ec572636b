"""What trackers have yet to receive: a row for each goes in with the event's own transaction and leaves when that tracker has it.

Rows are deleted by their ids rather than passed by a cursor: on PostgreSQL a transaction may commit behind one with a higher id.
The mark that is left with what is delivered, here and at the tracker's place, shows whether both are of one age.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.records import OutboxRow
from sweeper.store.clock import now
from sweeper.store.tables import Outbox, RegisteredTracker, UtcTime
from sweeper.store.writing import chunks

Kind = Literal["sweep", "link", "points", "evaluation", "attempt", "pages", "deleted"]
EPOCH = datetime.fromtimestamp(0, UTC)

_COLUMNS = ("kind", "payload", "created", "tracker")
# One statement, so that writers ask no question more: on PostgreSQL it also sees a tracker whose registration it had to wait for.
_TO_EACH = sa.insert(sa.table("outbox", *map(sa.column, _COLUMNS))).from_select(
    _COLUMNS,
    sa.select(
        sa.bindparam("of_kind", type_=sa.String(16)),
        sa.bindparam("with_payload", type_=sa.JSON),
        sa.bindparam("at", type_=UtcTime),
        RegisteredTracker.name,
    ).order_by(RegisteredTracker.name),
)


def post(session: Session, kind: Kind, payloads: Iterable[Mapping[str, Any]], created: datetime, tracker: str | None = None) -> None:
    """Put one row per payload into the outbox for each registered tracker, or for this one; in order, in the caller's transaction."""
    rows: list[dict[str, Any]]
    if tracker is None:
        rows = [{"of_kind": kind, "with_payload": payload, "at": created} for payload in payloads]
    else:
        rows = [{"kind": kind, "payload": payload, "created": created, "tracker": tracker} for payload in payloads]
    if rows:
        session.execute(_TO_EACH if tracker is None else sa.insert(Outbox), rows)


def hold(session: Session) -> None:
    """Nobody writes to the outbox until the transaction ends, and who did has committed: what they wrote beside it can be read.

    Call it before anything else is locked. On SQLite a writing transaction is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE"))


def post_pages(session: Session, name: str, profile: str) -> None:
    """One row for each tracker is enough, however often it is asked for."""
    payload = {"name": name, "profile": profile}
    waiting = session.execute(sa.select(Outbox.tracker, Outbox.payload).where(Outbox.kind == "pages"))
    have = {tracker for tracker, waits in waiting if waits == payload}
    for tracker in session.scalars(sa.select(RegisteredTracker.name).order_by(RegisteredTracker.name)).all():
        if tracker not in have:
            post(session, "pages", [payload], now(session), tracker)


def pending(session: Session, tracker: str, limit: int) -> list[OutboxRow]:
    query = sa.select(Outbox).where(Outbox.tracker == tracker).order_by(Outbox.id).limit(limit)
    return [OutboxRow(id=row.id, kind=cast(Kind, row.kind), payload=row.payload) for row in session.scalars(query)]


def delivered(session: Session, tracker: str, ids: Iterable[int], mark: tuple[str, str] | None) -> None:
    for some in chunks(ids):
        session.execute(sa.delete(Outbox).where(Outbox.id.in_(some), Outbox.tracker == tracker))
    # Where it is not the one that was seen, another process or a replay was here meanwhile, and theirs stands.
    if mark is not None:
        same = sa.func.coalesce(RegisteredTracker.mark, "") == mark[0]
        session.execute(sa.update(RegisteredTracker).where(RegisteredTracker.name == tracker, same).values(mark=mark[1]))


def backlog(session: Session, tracker: str) -> int:
    return session.scalars(sa.select(sa.func.count()).select_from(Outbox).where(Outbox.tracker == tracker)).one()


def backlogs(session: Session) -> dict[str, int]:
    query = sa.select(Outbox.tracker, sa.func.count()).group_by(Outbox.tracker).order_by(Outbox.tracker)
    return dict(session.execute(query).all())


def read_mark(session: Session, tracker: str) -> str:
    """Empty when none was left yet."""
    return session.scalars(sa.select(RegisteredTracker.mark).where(RegisteredTracker.name == tracker)).one_or_none() or ""


def write_mark(session: Session, tracker: str, mark: str) -> None:
    session.execute(sa.update(RegisteredTracker).where(RegisteredTracker.name == tracker).values(mark=mark))


def acquire_sync_lease(session: Session, tracker: str, owner: str, seconds: float, is_dead: Callable[[str], bool]) -> bool | None:
    """None where the tracker is not registered."""
    lease = session.scalars(sa.select(RegisteredTracker).filter_by(name=tracker).with_for_update()).one_or_none()
    if lease is None:
        return None
    moment = now(session)
    until = moment + timedelta(seconds=seconds)
    if lease.owner not in ("", owner) and lease.until > moment and not is_dead(lease.owner):
        lease.until = min(lease.until, until)  # longer than any lease: the clock was set back since
        return False
    lease.owner, lease.until = owner, until
    return True


def release_sync_lease(session: Session, tracker: str, owner: str) -> None:
    held = (RegisteredTracker.name == tracker, RegisteredTracker.owner == owner)
    session.execute(sa.update(RegisteredTracker).where(*held).values(owner="", until=EPOCH))
