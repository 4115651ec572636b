"""Which trackers are registered: those for which every event is posted, by writers that know nothing of settings."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sweeper.store.clock import now
from sweeper.store.outbox import EPOCH, hold
from sweeper.store.replay import requeue_all
from sweeper.store.tables import Outbox, RegisteredTracker
from sweeper.store.writing import insert_or_ignore


def register(session: Session, name: str) -> None:
    """A new one is sent all that happened before, so that one that was unregistered with its rows loses nothing by it."""
    hold(session)
    if insert_or_ignore(session, RegisteredTracker, [{"name": name, "owner": "", "until": EPOCH}]):
        requeue_all(session, name, pages=False, mark=None)


def register_only(session: Session, names: Sequence[str], is_dead: Callable[[str], bool]) -> list[str]:
    """Those that it unregistered: not among `names`, and served by no living process."""
    hold(session)
    moment, dropped = now(session), []
    for tracker in session.scalars(sa.select(RegisteredTracker).order_by(RegisteredTracker.name).with_for_update()).all():
        is_served = tracker.owner != "" and tracker.until > moment and not is_dead(tracker.owner)
        if tracker.name not in names and not is_served:
            dropped.append(tracker.name)
            session.delete(tracker)
    session.flush()
    for name in names:
        register(session, name)
    # Not only theirs: a transaction that was under way when an earlier one was dropped may have left rows.
    session.execute(sa.delete(Outbox).where(Outbox.tracker.not_in(sa.select(RegisteredTracker.name))))
    return dropped
