"""Arrays that were begun go on only where the files are what the journal says of them."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.data.block_arrays import Journal
from model.errors import DataError

SHAPES = {"a.npy": ((10, 4), np.dtype(np.float32))}
HEADER, ROW = 128, 16
"""Bytes."""


def journal(folder: Path) -> Journal:
    return Journal(folder / "journal.json", {"what": "ones"}, "remove it")


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """Of an array with six rows of ten done."""
    begun = journal(tmp_path)
    arrays = begun.begin(tmp_path, SHAPES)
    arrays.write(0, {"a.npy": np.ones((6, 4), np.float32)})
    begun.note(6, arrays)
    return tmp_path / "a.npy.part"


def cut(size: int) -> Callable[[Path], None]:
    return lambda part: part.write_bytes(part.read_bytes()[:size]) and None


def foreign(part: Path) -> None:
    np.save(part.with_suffix(""), np.zeros((3, 2)))
    part.unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            cut(HEADER + 2 * ROW),
            "it has shape (10, 4) of float32 in 160 bytes, and (10, 4) of float32 was begun, of which 224 bytes are done;",
        ),
        (cut(50), "cannot be read (EOF: reading array header, expected 118 bytes got 40), and journal.json says that it was begun;"),
        (Path.unlink, "cannot be read (No such file or directory), and journal.json says that it was begun; remove it"),
        (foreign, "is not as journal.json says: it has shape (3, 2) of float64 in 176 bytes, and (10, 4) of float32 was begun,"),
    ],
    ids=["too short", "torn header", "missing", "another array"],
)
def test_what_is_not_as_the_journal_says_is_refused(part: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(part)
    with pytest.raises(DataError, match=re.escape(said)):
        journal(part.parent).begin(part.parent, SHAPES)


def test_what_is_done_and_no_more_has_to_be_there(part: Path) -> None:
    assert part.stat().st_size == HEADER + 6 * ROW
    again = journal(part.parent)
    again.begin(part.parent, SHAPES).write(6, {"a.npy": np.full((4, 4), 2, np.float32)})
    assert again.done == 6
    assert np.load(part).sum() == 6 * 4 + 4 * 4 * 2
