"""Passwords and tokens in SWEEPER_DATABASE_URL and SWEEPER_MLFLOW_URI: masked in every message and traceback."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.cli.app import run_command
from sweeper.service import tracker_process
from sweeper.settings import Settings, concealed, without_secrets_of
from sweeper.store.results_reader import ResultsReader
from sweeper.store.results_store import ResultsStore
from sweeper.tracking.failures import without_credentials

SECRET = "correct-horse"
SPELLED = "correct%2Dhorse"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ann:{SECRET}@host/results",
        f"postgresql+psycopg://ann:{SPELLED}@host/results",
        f"postgresql://ann@host/results?password={SECRET}",
        f"postgresql://ann@host/results?host=/run&passfile=x&token={SPELLED}",
        f"https://ann:{SECRET}@mlflow.example/api",
        f"https://{SECRET}@mlflow.example",
        f"https://mlflow.example/?a=1&token={SECRET}#x",
        f"http://ann:{SECRET}@[::1",
        f"postgresql://ann:{SECRET}@host:port/results",
        f"sqlite:////data/results.db?key={SECRET}",
        *(f"postgresql://ann:{raw}@host/results" for raw in (f"x@{SECRET}", f"x/{SECRET}", f"x?{SECRET}#y", f"a/b@c/{SECRET}@d")),
        f"http://ann:pa/{SECRET}@host",
        f"http://{SECRET}/x@host",
    ],
)
def test_what_is_secret_in_a_url(url: str) -> None:
    for said in (url, f"cannot reach {url}: refused", f"password {SECRET} is wrong", f"for {SPELLED}"):
        if SECRET in said or (SPELLED in said and SPELLED in url):
            assert SECRET not in without_secrets_of(url, said)
            assert SPELLED not in without_secrets_of(url, said) or SPELLED not in url


def test_what_is_not_secret_stays() -> None:
    url = f"postgresql://ann:{SECRET}@host:5432/results?host=/run/postgres&sslmode=require"
    assert without_secrets_of(url, url) == url.replace(SECRET, "***")
    said = "connection to server at host, user ann, failed"
    assert without_secrets_of(url, said) == said
    assert without_secrets_of("https://ann:pw@host", "the pw of a short one would eat words") == "the pw of a short one would eat words"


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        (f"GET https://ann:{SECRET}@host/api?token={SECRET}&page=2 failed", "GET https://***@host/api?token=***&page=*** failed"),
        (f"url: /api/2.0/mlflow?x-key={SECRET} (Caused by", "url: /api/2.0/mlflow?x-key=*** (Caused by"),
        ("is it there? yes=no", "is it there? yes=no"),
        (f"GET http://ann:pa/{SECRET}@host/api failed", "GET http://***@host/api failed"),
        (f"GET http://ann:p@{SECRET}@host/api, see https://mlflow.org/x", "GET http://***@host/api, see https://mlflow.org/x"),
    ],
)
def test_what_mlflow_says(said: str, masked: str) -> None:
    assert without_credentials(said) == masked


FAILING = {
    "server away": f"postgresql://ann:{SECRET}@127.0.0.1:1/results?connect_timeout=2&options={SECRET}",
    "odd option": f"postgresql://ann:x{SECRET}@127.0.0.1:1/results?token={SECRET}",
    "no driver": f"mysql://ann:{SECRET}@host/results",
    "no URL": f"ann:{SECRET}@host",
    "no port": f"postgresql://ann:{SECRET}@host:port/results",
    "a directory": f"sqlite:////tmp?key={SECRET}",
    "no backend": f"nonsense://ann:{SECRET}@host/db",
    "an @ in it": f"postgresql://ann:x@{SECRET}@127.0.0.1:1/db",
    "an @ and a / in it": f"postgresql://ann:x@y/{SECRET}@127.0.0.1:1/db",
    "a / in it": f"postgresql://ann:x/{SECRET}@127.0.0.1:1/db?connect_timeout=2",
}


@pytest.mark.parametrize("what", FAILING)
@pytest.mark.parametrize("command", [("status",), ("db", "upgrade"), ("mlflow", "sync"), ("show", "abcd")], ids=" ".join)
def test_a_database_that_fails(
    what: str, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("SWEEPER_HOME", str(tmp_path))
    monkeypatch.setenv("SWEEPER_DATABASE_URL", FAILING[what])
    for debug in (False, True):
        assert run_command(list(command), debug=debug) == 2
        said = capsys.readouterr()
        assert SECRET not in said.out + said.err
        assert ("Traceback" in said.err) == debug


@pytest.mark.parametrize("password", ["corr@horse", "ab@cd", "ab@cd/ef"])
def test_a_database_password_with_an_at_sign_is_refused_whole(
    password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also pieces that are too short to be masked where they stand: what was taken for the host would be printed."""
    monkeypatch.setenv("SWEEPER_HOME", str(tmp_path))
    monkeypatch.setenv("SWEEPER_DATABASE_URL", f"postgresql://ann:{password}@127.0.0.1:1/db")
    assert run_command(["status"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: the database URL has an @ in its password; write @ in a password as %40, / as %2F; set SWEEPER_DATABASE")
    assert not any(f"{piece}@" in said or f"@{piece}" in said for piece in password.replace("/", "@").split("@"))


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD", "sweeper_mlflow_uri"])
def test_other_secrets_of_the_environment(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """MLflow's own variables, and ours in any case, as pydantic reads them."""

    def faulty(*_: object) -> None:
        raise RuntimeError(f"401 for {SECRET}")

    monkeypatch.setenv("SWEEPER_HOME", str(tmp_path))
    monkeypatch.setenv("SWEEPER_DATABASE_URL", "sqlite:////tmp/x.db")
    monkeypatch.delenv("SWEEPER_MLFLOW_URI", raising=False)
    monkeypatch.setenv(name, SECRET if name.startswith("MLFLOW") else f"http://ann:{SECRET}@host")
    monkeypatch.setattr(ResultsReader, "look", faulty)
    assert run_command(["status"], debug=True) == 1
    said = capsys.readouterr().err
    assert "401 for ***" in said
    assert SECRET not in said
    assert Settings().concealed(f"{SECRET}!") == "***!"


def test_what_looks_like_a_secret_of_a_tracker_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, the longest first; of a URL with a password, that alone; and nothing so short that words would be eaten."""
    secrets = {
        "WANDB_API_KEY": "0123456789abcdef",
        "OTHER_TOKEN": "0123456789abcdef-and-more",
        "SLACK_WEBHOOK": "https://hooks.example/T0/B0/xyz",
        "PIP_INDEX_URL": "https://ann:long-password@index.example",
        "TEST_DATABASE_URL": "sqlite:////data/results.db",
        "SORT_KEY": "variant",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    said = " | ".join([*secrets.values(), "key=0123456789abcdef&"])
    shown = "*** | *** | *** | https://ann:***@index.example | sqlite:////data/results.db | variant | key=***&"
    assert (concealed(said), Settings().concealed(said)) == (shown, shown)
    monkeypatch.setenv("SWEEPER_DATABASE_URL", "postgresql://ann:0123@host/results")
    assert Settings().concealed("0123 0123456789abcdef-and-more") == "*** ***", "the longest first, wherever they are from"


def test_a_fault_of_our_own_with_debug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever quotes the URL, in the message or in a cause of a cause."""

    def faulty(*_: object) -> None:
        try:
            raise ValueError(f"cannot use {Settings().store_url}")
        except ValueError as error:
            raise RuntimeError(f"no: {Settings().tracking_uri}") from error

    monkeypatch.setenv("SWEEPER_HOME", str(tmp_path))
    monkeypatch.setenv("SWEEPER_DATABASE_URL", f"postgresql://ann:{SECRET}@host/results")
    monkeypatch.setenv("SWEEPER_MLFLOW_URI", f"https://host/?token={SECRET}")
    monkeypatch.setattr(ResultsReader, "look", faulty)
    assert run_command(["status"], debug=True) == 1
    said = capsys.readouterr().err
    assert "cannot use postgresql://ann:***@host/results" in said
    assert "no: https://host/?token=***" in said
    assert SECRET not in said


def test_the_log_of_the_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its standard error, which `run` sends to mirror.log."""

    def faulty(url: str) -> None:
        raise RuntimeError(f"cannot open {url}")

    monkeypatch.setenv("SWEEPER_DATABASE_URL", f"postgresql://ann:{SECRET}@host/results")
    monkeypatch.setattr(ResultsStore, "open", faulty)
    monkeypatch.setattr(tracker_process.os, "nice", lambda _: 0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(SystemExit) as ended:
        tracker_process.main()
    assert "RuntimeError: cannot open postgresql://ann:***@host/results" in str(ended.value.code)
    assert SECRET not in str(ended.value.code)


def _shown(settings: Settings) -> str:
    return f"{settings!r} {settings!s} {settings.model_dump()}"


@pytest.mark.parametrize("show", [_shown, lambda settings: settings.model_dump_json()])
def test_settings_do_not_show_them(show: Callable[[Settings], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEPER_DATABASE_URL", f"postgresql://ann:{SECRET}@host/results")
    monkeypatch.setenv("SWEEPER_MLFLOW_URI", f"https://ann:{SECRET}@host")
    assert SECRET not in show(Settings())
