"""Asking a store that does not answer once more, for a while, before a sweep pauses, or before it gives up opening it."""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sweeper.errors import StoreUnavailable, StoreUnreachable

FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0
"""Seconds between two tries; doubled from one to the next."""
NAP = 0.1

P = ParamSpec("P")
T = TypeVar("T")


class RetryPolicy:
    """Calls that outlast a store's restart. They block their caller."""

    def __init__(self, seconds: float, say: Callable[[str], None], is_ending: Callable[[], bool] = lambda: False) -> None:
        self._seconds, self._say, self._is_ending = seconds, say, is_ending

    def __call__(self, ask: Callable[[], T]) -> T:
        """What `ask` returns; it is asked again after a StoreUnavailable or StoreUnreachable, so doing it twice must be doing it once.

        Raises the last of them when the time is over, at once when the run is ending.
        """
        since = time.monotonic()
        wait, complained = FIRST_WAIT, False
        while True:
            try:
                answer = ask()
            except (StoreUnavailable, StoreUnreachable) as away:
                if self._is_ending() or time.monotonic() - since >= self._seconds:
                    if isinstance(away, StoreUnreachable):
                        raise
                    raise StoreUnavailable(
                        f"the sweep is paused, since its store did not answer for {time.monotonic() - since:.0f} s: {away}"
                    ) from away
                if not complained:
                    self._say(f"the store does not answer and is asked again for {self._seconds:.0f} s: {away}")
                complained = True
            else:
                if complained:
                    self._say(f"the store answers again after {time.monotonic() - since:.0f} s")
                return answer
            until = time.monotonic() + min(wait, self._seconds)
            while time.monotonic() < until and not self._is_ending():
                time.sleep(NAP)
            wait = min(2 * wait, LONGEST_WAIT)

    def wrap(self, ask: Callable[P, T]) -> Callable[P, T]:
        """The same function, with retries."""

        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            return self(lambda: ask(*args, **kwargs))

        return call
