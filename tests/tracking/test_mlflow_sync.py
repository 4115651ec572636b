"""`sweeper mlflow sync`, on a real store and real MLflow databases: what it builds is what the live mirror built, and twice is once."""

import shutil
from pathlib import Path
from typing import Any

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
    assert capsys.readouterr().out == "0 of 7 events sent to MLflow\nMLflow has all of it (7 events)\n"
    assert look(Settings()) == live
    assert mirrored.backlog() == 0

    assert run_command(["mlflow", "sync"]) == 0
    assert look(Settings()) == live


def test_a_trial_costs_few_requests(setup: Any) -> None:
    """More than half of them were of single tags, params and looks: 18 a trial, 3.4 trials a second."""
    trials = 30
    for number in range(trials):
        name = f"f{number:02}"
        setup.source.link(name, seed=number)
        setup.source.attempt("running", name, time_ms=950_000)
        for step in range(1, 21):
            setup.source.points(step, {"train_loss": 1 / step, "align_loss": -0.5, "steps_per_second": 3.0}, name)
        setup.source.evaluation(20, {"held_out_loss": 0.5}, {"samples": 1000}, name)
        setup.source.attempt("finished", name)
        setup.image(20, name)
    setup.source.rows = {row.id: row for row in setup.source.rows.values() if row.kind == "link"}
    requests: list[None] = []
    sync = setup.sync()
    assert sync.drain(permit=lambda: requests.append(None)) == trials
    # created, status, texts, picture, all numbers, params and tags; and what is asked once for all of them
    assert len(requests) <= 5 * trials + 15
    child = setup.runs("trial")[7]
    assert [step for step, _, _ in setup.curve(child, "train_loss")] == list(range(1, 21))
    assert child.data.params["lr"] == "0.004"
    assert child.data.tags["sweeper.state"] == "finished"
    assert setup.only("sweep").info.status == "FINISHED"


def test_long_texts_are_told_in_several_requests(setup: Any) -> None:
    """MLflow takes 1 MB at once, and 100 params."""
    long = {f"field{number:03}": "x" * 5_000 if number < 60 else str(number) for number in range(250)}
    setup.source.link(**long)
    sync = setup.sync()
    assert sync.drain() == 1
    assert sync.refused == 0
    params = setup.only("trial").data.params
    assert {name: params[name] for name in long} == long


def test_a_run_is_whole_with_its_last_request(setup: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    requests: list[str] = []
    log_batch = MlflowClient.log_batch

    def killed_at_the_last(client: MlflowClient, run_id: str, **batch: Any) -> None:
        requests.append(run_id)
        if len(requests) == 3:
            raise KeyboardInterrupt
        log_batch(client, run_id, **batch)

    setup.source.link(**{f"field{number:03}": str(number) for number in range(250)})
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", killed_at_the_last)
        with pytest.raises(KeyboardInterrupt):
            setup.sync().drain()
    assert "sweeper.whole" not in setup.only("trial").data.tags
    assert setup.sync().drain() == 1
    child = setup.only("trial")
    assert child.data.tags["sweeper.whole"] == "yes"
    assert child.data.params["field249"] == "249"


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
    refusal = r"^MLflow takes nothing \(.*\); 7 events wait in the store: fix SWEEPER_MLFLOW_URI"
    for _ in range(2):
        with pytest.raises(RequestError, match=refusal) as caught:
            sync_mlflow(Settings(), say=lambda _: None)
        assert "correct-horse" not in str(caught.value)
        assert mirrored.backlog() == 7


def test_before_any_run_there_is_nothing_to_tell(settings: Settings) -> None:
    with pytest.raises(RequestError, match="nothing has run under"):
        sync_mlflow(settings, say=lambda _: None)
