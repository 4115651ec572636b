"""A connection to PostgreSQL that waits for no answer for ever. Loaded only where a PostgreSQL is asked for: psycopg is an extra.

A server whose processes are all stopped (a suspended virtual machine, a debugger, a storage that hangs below it) still acknowledges what is
sent to it: its kernel does. So neither keepalives nor `tcp_user_timeout` notice, and only a limit on this side ends the call.
"""

import time
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg import waiting
from psycopg.waiting import Ready, Wait

from sweeper.store.engine import BUSY_SECONDS

SILENT_SECONDS = BUSY_SECONDS + 10.0
"""Longest silence of a server that was asked something: longer than it may make us wait for another's lock."""
LOOK_SECONDS = 0.1
"""Between two looks at the clock, and at signals that came."""

Waiting = Generator[Wait, Ready | int, Any]
"""What psycopg waits with: it yields what it waits for on the wire, and is sent what is ready, nothing after `LOOK_SECONDS`."""


class BoundedConnection(psycopg.Connection[Any]):
    """Closed, with an OperationalError, once the server was silent for `SILENT_SECONDS`; closed by Ctrl-C at once.

    psycopg's own answer to Ctrl-C is to ask the server to cancel, and to wait for that. A closed connection is rolled back there, also by
    a server that is thawed only later.
    """

    def wait(self, gen: Any, interval: float = LOOK_SECONDS, timeout: float | None = None) -> Any:
        """What psycopg calls for every question it asks."""
        try:
            return waiting.wait(_bounded(gen, SILENT_SECONDS), self.pgconn.socket, interval=interval)
        except (Silent, KeyboardInterrupt, SystemExit):
            self.pgconn.finish()
            raise


class Silent(psycopg.OperationalError):
    """The server did not answer in time; nobody knows whether it did what it was asked."""


def _bounded(asked: Waiting, seconds: float) -> Waiting:
    """The same, until nothing came for so long."""
    answered = time.monotonic()
    try:
        wanted = next(asked)
        while True:
            ready = yield wanted
            if ready:
                answered = time.monotonic()
            elif time.monotonic() - answered > seconds:
                raise Silent(f"the server did not answer for {seconds:.0f} s")
            wanted = asked.send(ready)
    except StopIteration as done:
        return done.value
