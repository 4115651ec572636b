"""The mirror's loop: hold the lease, drain, back off while MLflow is away, flush for a bounded time at the end."""

import logging
import time
from collections.abc import Callable

from sweeper.tracking.failures import TrackingAway
from sweeper.tracking.mlflow_mirror import MlflowMirror
from sweeper.tracking.source import MirrorSource

LEASE_S = 120.0
"""Far longer than a drain, so that a slow MLflow never lets a second mirror in."""
DRAIN_S = 10.0
"""A drain is cut after this, and the lease renewed."""
LONGEST_WAIT_S = 30.0
"""Between two tries while MLflow is away."""
_NAP_S = 0.2

_log = logging.getLogger(__name__)


def nobody_is_dead(_owner: str) -> bool:
    """For a source whose owners cannot be asked: a dead one's lease runs out by itself."""
    return False


def run_mirror(
    mirror: MlflowMirror,
    source: MirrorSource,
    *,
    owner: str,
    stop: Callable[[], bool],
    interval_s: float = 1.0,
    flush_s: float = 20.0,
    is_dead: Callable[[str], bool] = nobody_is_dead,
) -> int:
    """Mirror until `stop()`, then until the outbox is empty or `flush_s` seconds are over; returns the rows still pending.

    Without the lease (another mirror holds it) it waits and asks again, so one of several always takes over.
    `flush_s` may be overrun by the one request in hand. No failure of MLflow is raised, only logged; what `source` raises is.
    """
    stopped_at: float | None = None
    failures = 0
    holds = False
    try:
        while True:
            if stopped_at is None and stop():
                stopped_at = time.monotonic()
            flush_end = float("inf") if stopped_at is None else stopped_at + flush_s
            if stopped_at is not None and (source.backlog() == 0 or time.monotonic() >= flush_end):
                break
            holds = source.acquire_mirror(owner, LEASE_S, is_dead)
            wait = interval_s
            if holds:
                try:
                    handled = mirror.drain(deadline=min(time.monotonic() + DRAIN_S, flush_end))
                except TrackingAway as away:
                    failures += 1
                    wait = min(LONGEST_WAIT_S, interval_s * 2.0 ** min(failures, 10))
                    if failures == 1:
                        _log.warning("MLflow is away, its rows wait in the outbox: %s", away)
                else:
                    if failures:
                        _log.warning("MLflow is back after %d failed tries", failures)
                    failures = 0
                    if handled:
                        continue
            _sleep(min(wait, flush_end - time.monotonic()), stop if stopped_at is None else None)
    finally:
        if holds:
            source.release_mirror(owner)
    return source.backlog()


def _sleep(seconds: float, stop: Callable[[], bool] | None) -> None:
    """Sleep, but wake as soon as `stop` says so."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not (stop is not None and stop()):
        time.sleep(min(left, _NAP_S))
