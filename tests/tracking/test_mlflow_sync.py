"""`sweeper mlflow sync`, on a real store and real MLflow databases: what it builds is what the live mirror built, and twice is once."""

import shutil
from pathlib import Path

import pytest
from real_sweeps import ENDINGS, Look, drained, mirror_of, planned, train

from sweeper.cli.app import run_command
from sweeper.errors import RequestError
from sweeper.service import sync_mlflow as service
from sweeper.service.sync_mlflow import sync_mlflow
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore


def test_an_empty_mlflow_becomes_what_the_live_mirror_made(
    settings: Settings,
    mirrored: ResultsStore,
    look: Look,
    migrated: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    live = look(settings)
    assert len(live) == 2 + len(ENDINGS) + 1, "two parents, the trials, and the one that both sweeps share"
    shutil.rmtree(settings.artifacts / "mlflow")
    shutil.copy(migrated, settings.root / "new.db")
    monkeypatch.setenv("SWEEPER_MLFLOW_URI", f"sqlite:///{settings.root / 'new.db'}")
    assert look(Settings()) == {}

    assert run_command(["mlflow", "sync"]) == 0
    assert capsys.readouterr().out == "0 of 7 events told to MLflow\nMLflow has all of it (7 events)\n"
    assert look(Settings()) == live
    assert mirrored.backlog() == 0

    assert run_command(["mlflow", "sync"]) == 0
    assert look(Settings()) == live


def test_an_older_copy_of_mlflow_catches_up(
    settings: Settings, mirrored: ResultsStore, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(settings.root / "mlflow.db", settings.root / "older.db")
    train(mirrored, planned("dual", 1), "finished", settings.trials)
    drained(mirror_of(settings, mirrored))
    live = look(settings)
    monkeypatch.setenv("SWEEPER_MLFLOW_URI", f"sqlite:///{settings.root / 'older.db'}")
    assert look(Settings()) != live
    sync_mlflow(Settings(), say=lambda _: None)
    assert look(Settings()) == live


def test_a_server_that_is_away_is_named_and_its_rows_wait_once(
    settings: Settings, mirrored: ResultsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setenv("SWEEPER_MLFLOW_URI", "http://ann:correct-horse@127.0.0.1:1")
    refusal = r"^MLflow takes nothing \(.*\); 7 events wait in the store: mend SWEEPER_MLFLOW_URI"
    for _ in range(2):
        with pytest.raises(RequestError, match=refusal) as caught:
            sync_mlflow(Settings(), say=lambda _: None)
        assert "correct-horse" not in str(caught.value)
        assert mirrored.backlog() == 7


def test_before_any_run_there_is_nothing_to_tell(settings: Settings) -> None:
    with pytest.raises(RequestError, match="nothing has run under"):
        sync_mlflow(settings, say=lambda _: None)
