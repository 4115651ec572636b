"""What is said of an exception that nobody foresaw: the machine's, a library's, or a fault of our own."""

import errno
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.errors import MachineError, unexpected
from sweeper.service import open_store


def refusal(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (refusal(errno.ENOSPC, "/data/x"), "No space left on device: /data/x); free some space"),
        (refusal(errno.EMFILE), "Too many open files); raise the limit of open files (ulimit -n)"),
        (refusal(errno.EACCES, "/data"), "Permission denied: /data); change its permissions, or choose another place"),
        (refusal(errno.EROFS, "/data"), "Read-only file system: /data); choose a place that can be written"),
        (MemoryError(), "no memory is left); free some memory"),
        (
            RuntimeError("can't start new thread"),
            "can't start new thread); raise the limit of processes (ulimit -u), or close other programs",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_machine_refuses_is_no_fault_of_the_code(
    error: Exception, message: str, sweeper: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a library says it in other words."""

    def look(*_: object) -> None:
        try:
            raise error
        except Exception as cause:
            raise RuntimeError("a library's words") from cause

    monkeypatch.setattr(open_store.ResultsReader, "look", look)
    said = sweeper("status")
    assert (said.code, said.out) == (4, "")
    assert said.err == f"error: the machine refused something ({message}, and run the same command again\n"


def test_a_library_that_fails_is_named(sweeper: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_store.ResultsReader, "look", lambda *_: yaml.safe_load("a: ["))
    said = sweeper("status")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error: yaml failed, in a way that sweeper does not know: ParserError: while parsing a flow")
    assert said.err.endswith("; --debug shows where\n")


def test_a_fault_of_our_own_is_called_so(sweeper: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_store.ResultsReader, "look", operator.itemgetter("x"))
    said = sweeper("status")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error: a fault of sweeper itself, not of your request: TypeError: ")


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert not isinstance(unexpected(refusal(errno.ENOENT, str(tmp_path))), MachineError)
