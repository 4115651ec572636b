"""The search for reference cycles is put off while a command answers, and only then."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored_sweep import store_sweep

from sweeper.cli import report
from sweeper.cli.collecting import no_collecting
from sweeper.errors import RequestError


def test_it_is_off_within_and_on_again_after_an_error() -> None:
    @no_collecting()
    def refuse() -> None:
        assert not gc.isenabled()
        raise RequestError("no")

    assert gc.isenabled()
    with pytest.raises(RequestError):
        refuse()
    assert gc.isenabled()


@pytest.mark.parametrize(("format_", "read"), [("terminal", False), ("markdown", False), ("latex", False), ("json", True), ("csv", True)])
def test_curves_are_read_only_for_a_format_that_shows_them(
    sweeper: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch, format_: str, read: bool
) -> None:
    store_sweep()
    asked: list[bool] = []
    within: list[bool] = []

    def curves(*_: object) -> dict[str, object]:
        asked.append(True)
        return {}

    def width() -> int:
        within.append(gc.isenabled())
        return 80

    monkeypatch.setattr("sweeper.store.results_reader.ResultsReader.curves", curves)
    monkeypatch.setattr(report, "_width", width)
    assert sweeper("report", "--format", format_).code == 0
    assert bool(asked) == read
    assert within == [False]
    assert sweeper("report", "--format", format_, "--layout", "factorial").code == 0
    assert asked, "columns of a factorial table are training steps"
