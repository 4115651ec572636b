"""`sweeper report --published`: from the program alone, without a store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_a_published_set_is_reported_where_nothing_ran(sweeper: Callable[..., Any], home: Path) -> None:
    said = sweeper("report", "--published", "2607.02508-cells", "--step", "400000")
    assert (said.code, said.err) == (0, "")
    assert "sweeper report --published 2607.02508-cells --step 400000" in said.out
    assert "Figures of another protocol are never subtracted from these." in " ".join(said.out.split())
    assert not home.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--published", "2607.02508-cell"], '--published 2607.02508-cell: there is no such set; did you mean "2607.02508-cells"?'),
        (["--step", "5"], "--step belongs to --published; give the name of a published set, or leave it out"),
        (["noise", "--published", "2607.02508-cells"], "--published shows figures of papers, not a stored sweep; leave SWEEP,"),
        (["--published", "2607.02508-cells", "--allow-mixed", "device"], "--published shows figures of papers, not a stored sweep;"),
    ],
)
def test_what_is_no_published_set_is_refused(refused: Callable[..., str], words: list[str], message: str) -> None:
    assert refused("report", *words).startswith(message)
