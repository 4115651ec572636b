"""The loop of a tracker's process: hold the lease, drain, back off while the tracker is away, flush for a bounded time at the end."""

import logging
import time
from collections.abc import Callable

from sweeper.errors import SweeperError
from sweeper.tracking.delivery import Delivery
from sweeper.tracking.failures import TrackingAway
from sweeper.tracking.sync_source import SyncSource

LEASE_S = 120.0
"""Renewed before the first request that comes after a quarter of it, since a drain may be long: what is left is longer than any request."""
DRAIN_S = 10.0
"""A drain is cut after this, at the end of what it sends of one trial."""
LONGEST_WAIT_S = 30.0
"""Between two tries while the tracker is away."""
_NAP_S = 0.2

_log = logging.getLogger(__name__)


class LeaseLost(SweeperError):
    """Another process may have taken over, so that nothing more may be sent before the lease is held again."""


class _Lease:
    """The only right to drain the outbox of a source."""

    def __init__(self, source: SyncSource, owner: str, is_dead: Callable[[str], bool]) -> None:
        self._source, self._owner, self._is_dead = source, owner, is_dead
        self._since = 0.0
        self.held = False

    def take(self) -> bool:
        """Take or renew it; whether it is ours now."""
        self._since = time.monotonic()
        self.held = self._source.acquire_sync_lease(self._owner, LEASE_S, self._is_dead)
        return self.held

    def keep(self) -> None:
        """Renew it in time. Raises `LeaseLost`, also where it was over and nobody holds it now: somebody may have, in between."""
        age = time.monotonic() - self._since
        if age >= LEASE_S:
            self.held = False
        if age >= LEASE_S / 4 and not (self.held and self.take()):
            raise LeaseLost("the lease was not renewed in time")

    def give_back(self) -> None:
        if self.held:
            self._source.release_sync_lease(self._owner)


def nobody_is_dead(_owner: str) -> bool:
    """For a source whose owners cannot be asked: a dead one's lease runs out by itself."""
    return False


def run_sync(
    delivery: Delivery,
    source: SyncSource,
    *,
    owner: str,
    stop: Callable[[], bool],
    interval_s: float = 1.0,
    flush_s: float = 20.0,
    is_dead: Callable[[str], bool] = nobody_is_dead,
) -> int:
    """Deliver until `stop()`, then until the outbox is empty or `flush_s` seconds are over; returns the rows still pending.

    Without the lease (another process holds it) it waits and asks again, so one of several always takes over.
    `flush_s` may be overrun by what is being sent of one trial. `TrackingAway` is never raised, only logged; what `source` raises is.
    """
    stopped_at: float | None = None
    failures = 0
    lease = _Lease(source, owner, is_dead)
    try:
        while True:
            if stopped_at is None and stop():
                stopped_at = time.monotonic()
            flush_end = float("inf") if stopped_at is None else stopped_at + flush_s
            if stopped_at is not None and (source.backlog() == 0 or time.monotonic() >= flush_end):
                break
            wait = interval_s
            held_before = lease.held
            if lease.take():
                if not held_before:
                    delivery.forget()
                try:
                    handled = delivery.drain(deadline=min(time.monotonic() + DRAIN_S, flush_end), permit=lease.keep)
                except LeaseLost as lost:
                    _log.warning("%s: %s; what it received last is sent again", delivery.title, lost)
                except TrackingAway as away:
                    failures += 1
                    wait = min(LONGEST_WAIT_S, interval_s * 2.0 ** min(failures, 10))
                    if failures == 1:
                        _log.warning("%s is away, its rows wait in the outbox: %s", delivery.title, away)
                else:
                    if failures:
                        _log.warning("%s is back after %d failed tries", delivery.title, failures)
                    failures = 0
                    if handled:
                        continue
            _sleep(min(wait, flush_end - time.monotonic()), stop if stopped_at is None else None)
    finally:
        lease.give_back()
    return source.backlog()


def _sleep(seconds: float, stop: Callable[[], bool] | None) -> None:
    """Sleep, but wake as soon as `stop` says so."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not (stop is not None and stop()):
        time.sleep(min(left, _NAP_S))
