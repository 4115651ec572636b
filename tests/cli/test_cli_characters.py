"""Terminals, and pipes, that lack characters: everything is printed all the same, and what programs read is UTF-8."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sweeper.cli.app import main


@pytest.fixture
def printed(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    """What a command writes to an output of this encoding."""

    def run(encoding: str, *words: str) -> bytes:
        raw = io.BytesIO()
        with io.TextIOWrapper(raw, encoding=encoding, write_through=True) as out, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "argv", ["sweeper", *words])
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 0
            out.flush()
            return raw.getvalue()

    return run


@pytest.mark.parametrize(("encoding", "plus_minus"), [("utf-8", "±"), ("latin-1", "±"), ("ascii", "+/-")])
def test_a_report_on_a_terminal_without_arrows(encoding: str, plus_minus: str, printed: Callable[..., bytes]) -> None:
    whole = printed("utf-8", "report", "--published", "2607.02508-cells").decode()
    assert "↓" in whole
    assert "─" in whole
    said = printed(encoding, "report", "--published", "2607.02508-cells").decode(encoding)
    if encoding != "utf-8":
        whole = (
            whole.replace("↓", "v")
            .replace("↑", "^")
            .replace("─", "-")
            .replace("†", "+")
            .replace("±", plus_minus)
            .replace("…", "...")
            .replace("–", "-")
        )
    assert said == whole


@pytest.mark.parametrize("format_", ["markdown", "csv", "latex", "json"])
def test_what_programs_read_is_the_same_bytes_on_every_terminal(format_: str, printed: Callable[..., bytes]) -> None:
    words = ("report", "--published", "2607.02508-cells", "--format", format_)
    assert printed("ascii", *words) == printed("utf-8", *words)


def test_names_of_users_are_not_lost(printed: Callable[..., bytes]) -> None:
    sweep = yaml.safe_load(Path("sweep.yaml").read_text())
    sweep["question"] = "Hilft das größere Modell, 是吗?"
    Path("sweep.yaml").write_text(yaml.safe_dump(sweep, allow_unicode=True, sort_keys=False), encoding="utf-8")
    assert b"Hilft das gr\\xf6\\xdfere Modell, \\u662f\\u5417?" in printed("ascii", "plan", "sweep.yaml")
    assert "Hilft das größere Modell, \\u662f\\u5417?".encode("latin-1") in printed("latin-1", "plan", "sweep.yaml")
