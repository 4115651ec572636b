"""A request that is wrong in something other than its sweep file: options, names, formats, the database."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Refused = Callable[..., str]
SET_URL = "set SWEEPER_DATABASE_URL to sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"
PASSWORD = "correct-horse"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pln", "sweep.yaml"), "No such command 'pln'. Did you mean 'plan'?"),
        (("plan", "sweep.yaml", "--profil", "smoke"), "No such option: --profil (Possible options: --pilot, --preflight, --profile)"),
        (("plan",), "Missing argument 'SPEC'."),
        (("plan", "sweep.yaml", "more"), "Got unexpected extra argument(s) (more)"),
        (("report", "--format", "markdwn"), '--format markdwn: there is no such format; did you mean "markdown"?'),
        (("report", "--format", "plots"), "--format plots is several files; give it a folder with --output figures"),
        (
            ("report", "--format", "pdf"),
            "--format pdf: there is no such format; valid here: terminal, markdown, csv, json, latex, html, plots",
        ),
    ],
)
def test_words_that_are_no_command_line(refused: Refused, words: tuple[str, ...], message: str) -> None:
    assert refused(*words) == message


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_trials_at_once_are_counted(refused: Refused, value: str) -> None:
    assert refused("plan", "sweep.yaml", "--max-concurrent", value).startswith("Invalid value for '--max-concurrent': ")


def test_trials_at_once_have_an_end(refused: Refused) -> None:
    assert refused("plan", "sweep.yaml", "--max-concurrent", "9" * 320).startswith(
        "--max-concurrent: at most 10,000 trials run at the same"
    )


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("command", [("status",), ("plan", "sweep.yaml", "--allow-mixed", "x")])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LEASE_SECONDS", "abc", "give a number, not abc"),
        ("LEASE_SECONDS", "0", "give a number not below 1, not 0"),
        ("LEASE_SECONDS", "inf", "give a finite number, not inf"),
        ("silence_seconds", "nan", "give a finite number, not nan"),
        ("STORE_PATIENCE", "-1", "give a number not below 0, not -1"),
        ("MLFLOW_PAGES", "perhaps", "give true or false, not perhaps"),
        ("HOME", "~nobody-of-that-name/x", "it begins with a user who has no home here; write the whole path, not ~nobody-of-that-name/x"),
        (
            "HOME",
            "s3://bucket/results",
            "object storage (SWEEPER_STORAGE) is not supported; give a folder, which every worker sees under one path,"
            " not s3://bucket/results",
        ),
        ("HOME", "/tmp/\udcff", r"it holds a byte that is no text in UTF-8; write it again, not /tmp/\udcff"),
        ("DATABASE_URL", f"postgresql://ann:{PASSWORD}\udcff@host/db", "it holds a byte that is no text in UTF-8; write it again"),
        ("MLFLOW_URI", f"http://ann:{PASSWORD}\udcff@host", "it holds a byte that is no text in UTF-8; write it again"),
    ],
)
def test_a_setting_that_means_nothing(
    sweeper: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    message: str,
    command: tuple[str, ...],
    debug: bool,
) -> None:
    """Whatever the command, and also while an error of another kind is told."""
    monkeypatch.setenv(f"SWEEPER_{name}", value)
    said = sweeper(*command, debug=debug)
    assert (said.code, said.out) == (2, "")
    assert PASSWORD not in said.err
    expected = "--allow-mixed x: results carry no such condition" if command[0] == "plan" else f"SWEEPER_{name.upper()}: {message}"
    assert said.err.splitlines()[-1].startswith(f"error: {expected}")
    assert debug or said.err.count("\n") == 1


def test_without_a_word_the_help_is_printed_and_no_empty_error(sweeper: Callable[..., Any]) -> None:
    said = sweeper()
    assert said.code == 2
    assert "Usage:" in said.out + said.err
    assert "error:" not in said.err


@pytest.mark.parametrize("words", [("report",), ("report", "--table"), ("status",), ("status", "any"), ("show", "0123abcd")])
def test_before_any_run_there_is_nothing_to_show(refused: Refused, home: Path, words: tuple[str, ...]) -> None:
    advice = "run `sweeper run sweeps/noise_aug_vs_interaction.yaml` first, or set SWEEPER_HOME"
    assert refused(*words) == f"nothing has run under {home}; {advice}"


@pytest.mark.parametrize("command", [("status",), ("report",), ("plan", "sweep.yaml"), ("show", "0123abcd"), ("run", "sweep.yaml")])
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///{cwd}", f"the database {{cwd}} is a directory; {SET_URL}, or SWEEPER_HOME to another folder"),
        (
            "sqlite:///{cwd}/sweep.yaml",
            "the database {cwd}/sweep.yaml cannot be opened: file is not a database; `sweeper db check` says what is damaged, `sweeper db"
            f" rebuild` makes the store again from its newest copy and the trials' folders; or {SET_URL}",
        ),
        (f"mysql://ann:{PASSWORD}@host/db", f"a mysql database cannot hold the results, only SQLite and PostgreSQL can; {SET_URL}"),
        (f"ann:{PASSWORD}@host/db", f"the database URL cannot be read; {SET_URL}"),
        ("sqlite:///~of-no-name/x.db", f"the database ~of-no-name/x.db begins with a user who has no home here; {SET_URL}"),
    ],
    ids=["directory", "text file", "driver", "no URL", "no user"],
)
def test_a_database_that_cannot_be_opened(
    sweeper: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], url: str, message: str
) -> None:
    monkeypatch.setenv("SWEEPER_DATABASE_URL", url.replace("{cwd}", str(Path.cwd())))
    said = sweeper(*command)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"error: {message}\n".replace("{cwd}", str(Path.cwd()))
    assert PASSWORD not in sweeper(*command, debug=True).err


def test_a_server_that_is_away_is_named_without_its_password(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("SWEEPER_DATABASE_URL", f"postgresql://ann:{PASSWORD}@127.0.0.1:1/results")
    said = refused("status")
    assert said.startswith("the database postgresql+psycopg://ann:***@127.0.0.1:1/results cannot be opened: connection failed")
    assert said.endswith(f"; mend it, or {SET_URL}")
    assert PASSWORD not in said


@pytest.mark.parametrize(
    ("command", "message"), [("report", "there is no file nothing.yaml; valid here: sweep.yaml"), ("status", "nothing has run under")]
)
def test_a_sweep_given_by_a_file_that_is_none(refused: Refused, command: str, message: str) -> None:
    assert refused(command, "nothing.yaml").startswith(message)
