"""Commands outlive whoever reads what they say: a terminal that was closed, a pipe whose reader has seen enough."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO, TypeVar, cast

T = TypeVar("T")


class _Outliving:
    """A text stream that, from the first write that fails on, leads nowhere."""

    def __init__(self, under: TextIO) -> None:
        self._under = under

    def write(self, text: str) -> int:
        return self._surely(lambda: self._under.write(text), len(text))

    def flush(self) -> None:
        self._surely(self._under.flush, None)

    def _surely(self, do: Callable[[], T], otherwise: T) -> T:
        try:
            return do()
        except OSError:
            # Below Python: what its buffers still hold is written at the end, and would fail there.
            with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), self._under.fileno())
            return otherwise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._under, name)


@contextlib.contextmanager
def outliving_readers() -> Iterator[None]:
    """Inside, writing to standard output and standard error does not fail: a run is not lost with the window that showed it."""
    out, err = _Outliving(sys.stdout), _Outliving(sys.stderr)
    with contextlib.redirect_stdout(cast(TextIO, out)), contextlib.redirect_stderr(cast(TextIO, err)):
        try:
            yield
        finally:
            out.flush()
            err.flush()
