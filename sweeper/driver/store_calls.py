"""What a driver asks of its store, in a thread beside it: a store that does not answer holds up neither the driver nor its workers."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, TypeVar

from sweeper.store.results_store import Fenced

PROMPT_SECONDS = 3.0
"""An answer is waited for so long; then what comes of it is done when it is there."""

T = TypeVar("T")


@dataclass(frozen=True)
class _Call:
    question: Callable[[], Any]
    then: Callable[[Any], None]
    fenced: Callable[[], None]


class StoreCalls:
    """Questions are asked one after the other, in their order, in a thread; what follows from an answer is done in the driver's own.

    While answers come promptly, `ask` returns when all is done, as if there were no thread. Otherwise it returns at once, until they do
    again. After a question that raised, none is asked any more, since an order with a gap is none.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._todo: deque[_Call] = deque()
        self._outcomes: deque[Callable[[], None]] = deque()
        self._working = False
        self._late = False
        self._failed = False
        """A question raised: none is asked after it, and what it raised is still to be delivered."""
        self._dropped = False
        self._delivering = False
        self._since = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether anything that was asked is still to be answered, or to be acted upon."""
        return not self._dropped and bool(self._todo or self._working or self._outcomes)

    @property
    def silent_seconds(self) -> float:
        """How long the store has owed its next answer; 0 when it owes none."""
        return time.monotonic() - self._since if self.busy else 0.0

    def ask(self, question: Callable[[], T], then: Callable[[T], None], fenced: Callable[[], None] = lambda: None) -> None:
        """`then` gets the answer; `fenced` is called where it is a Fenced. Raises what another question raised."""
        with self._changed:
            if self._failed or self._dropped:
                return
            if not self.busy:
                self._since, self._late = time.monotonic(), False
            self._todo.append(_Call(question, then, fenced))
            if not self._working:
                self._working = True
                threading.Thread(target=self._work, name="store", daemon=True).start()
        if not self._delivering:
            self.settle(0.0 if self._late else PROMPT_SECONDS)

    def settle(self, seconds: float) -> None:
        """Wait until everything is answered, at most so long, and do what follows. Raises what a question raised."""
        deadline = time.monotonic() + seconds
        while self.busy:
            self.deliver()
            left = deadline - time.monotonic()
            with self._changed:
                if self._working and not self._outcomes and left > 0:
                    self._changed.wait(left)
                elif not self._outcomes:
                    break
        self._late = self.busy

    def deliver(self) -> None:
        """Do what follows from the answers that are here. Raises what a question raised."""
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._outcomes:
                self._outcomes[0]()
                self._outcomes.popleft()
        except BaseException:
            self.drop()
            raise
        finally:
            self._delivering = False

    def drop(self) -> None:
        """Ask nothing more, and forget what is not answered."""
        with self._changed:
            self._dropped = True
            self._todo.clear()
            self._outcomes.clear()

    def _work(self) -> None:
        """Until nothing is left to ask."""
        while True:
            with self._changed:
                if not self._todo:
                    self._working = False
                    self._changed.notify_all()
                    return
                call = self._todo.popleft()
            try:
                outcome: Callable[[], None] = partial(call.then, call.question())
            except Fenced:
                outcome = call.fenced
            except Exception as error:
                outcome = partial(_raise, error)
                with self._changed:
                    self._failed = True
                    self._todo.clear()
            with self._changed:
                if not self._dropped:
                    self._outcomes.append(outcome)
                self._since = time.monotonic()
                self._changed.notify_all()


def _raise(error: Exception) -> NoReturn:
    raise error
