"""A file that is whole or not there."""

from pathlib import Path

import pytest

from model.whole_file import whole_file


def test_a_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    with whole_file(path) as beside:
        beside.write_text("new")
        assert not path.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["record.jsonl"]
    assert path.read_text() == "new"


def test_after_an_error_the_older_file_is_as_it_was_and_nothing_is_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_text("older")
    with pytest.raises(OSError, match="no space"):
        write_half(path)
    assert [file.name for file in tmp_path.iterdir()] == ["record.jsonl"]
    assert path.read_text() == "older"


def write_half(path: Path) -> None:
    with whole_file(path) as beside:
        beside.write_text("half")
        raise OSError("no space")
