"""Python's search for reference cycles, put off."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collecting() -> Iterator[None]:
    """For a command that answers and ends. It leaves no cycles worth finding, and looking for them among the millions of values of a
    large sweep, again and again while they are read, takes a third of its time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor are they looked through when the interpreter ends
        if was:
            gc.enable()
