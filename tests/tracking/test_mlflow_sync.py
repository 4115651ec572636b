"""`sweeper mlflow sync`, on a real store and real MLflow databases: what it builds is what the live mirror built, and twice is once."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.cli.app import run_command
from sweeper.errors import RequestError
from sweeper.records import AttemptState, PlannedTrial
from sweeper.service import sync_mlflow as service
from sweeper.service.sync_mlflow import sync_mlflow
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from sweeper.tracking.mlflow_mirror import MlflowMirror

Look = Callable[[Settings], dict[str, Any]]
ENDINGS: dict[tuple[str, int], list[AttemptState]] = {
    ("single", 0): ["finished"],
    ("single", 1): ["failed", "finished"],
    ("dual", 0): ["diverged"],
    ("dual", 1): [],
}


@pytest.fixture
def settings(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("SWEEPER_DATABASE_URL", "SWEEPER_MLFLOW_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SWEEPER_HOME", str(tmp_path))
    monkeypatch.setenv("SWEEPER_MLFLOW_PAGES", "false")  # these sweeps are no real ones; tests/cli draws the pages of one
    shutil.copy(migrated, tmp_path / "mlflow.db")
    return Settings()


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Look:
    """All that people see in the MLflow of these settings, by what it is about; ids, places and the time of a run's creation left out."""
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

    def artifacts(client: Any, run_id: str, below: str | None = None) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for entry in client.list_artifacts(run_id, below):
            inner = artifacts(client, run_id, entry.path) if entry.is_dir else {}
            found |= inner or {entry.path: Path(client.download_artifacts(run_id, entry.path)).read_bytes()}
        return found

    def dump(settings: Settings) -> dict[str, Any]:
        client = MlflowClient(tracking_uri=settings.tracking_uri)
        seen: dict[str, Any] = {}
        for experiment in client.search_experiments():
            for run in client.search_runs([experiment.experiment_id], run_view_type=3):
                tags = {name: value for name, value in run.data.tags.items() if name != "mlflow.parentRunId"}
                name = " / ".join([experiment.name, tags["sweeper.profile"], tags.get("sweeper.trial", "parent")])
                assert name not in seen, "one run each"
                parent = run.data.tags.get("mlflow.parentRunId")
                seen[name] = {
                    "title": run.info.run_name,
                    "status": run.info.status,
                    "ended": run.info.end_time if run.info.status in ("FINISHED", "FAILED", "KILLED") else None,
                    "tags": tags,
                    "params": run.data.params,
                    "metrics": {
                        metric: sorted((m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, metric))
                        for metric in run.data.metrics
                    },
                    "artifacts": artifacts(client, run.info.run_id),
                    "parent": parent and client.get_run(parent).info.run_name,
                }
        return seen

    return dump


def planned(variant: str, seed: int) -> PlannedTrial:
    config = {"seed": seed, "timesteps": {"kind": variant}}
    return PlannedTrial(variant, {"timesteps": variant}, seed, f"{variant}-{seed}", "eval", 4, config)


def run(store: ResultsStore, trial: PlannedTrial, ending: AttemptState, folder: Path) -> None:
    claim = store.claim(trial.fingerprint, owner="host:1:1", lease_seconds=60, is_dead=lambda _: False)
    assert claim is not None
    store.started(claim, start_step=0, comparability={"device": "cpu (A)"}, provenance={"packages": {"torch": "2.13.0"}, "host": "host"})
    for step in (1, 2, 3, 4) if ending == "finished" else ():
        store.points(claim, step, {"train_loss": 1 / step, "steps_per_second": 3.0}, 1_000 + step)
    if ending == "finished":
        picture = folder / trial.fingerprint / f"attempt-{claim.number}" / "samples-00000004.png"
        picture.parent.mkdir(parents=True)
        picture.write_bytes(b"\x89PNG" + trial.fingerprint.encode())
        store.evaluated(claim, 4, "eval", {"held_out_loss": 0.1 * trial.seed + 0.4}, {"samples": 20, "fd_floor": 0.5}, 2_000)
    store.end(claim, ending, None if ending == "finished" else f"RuntimeError: it {ending}\nTraceback ...")


@pytest.fixture
def mirrored(settings: Settings) -> ResultsStore:
    """A store whose every event the live mirror delivered as it came: two sweeps that share trials, one with two versions."""
    store = ResultsStore.open(settings.store_url)
    mirror = MlflowMirror(settings.tracking_uri, settings.artifacts / "mlflow", settings.trials, store)
    trials = [planned(*cell) for cell in ENDINGS]
    spec = {"question": "Does it help?"}
    store.record_sweep(name="noise", profile="default", version="v1", spec=spec, trials=trials[:2])
    for trial in trials[:2]:
        for ending in ENDINGS[trial.variant, trial.seed]:
            run(store, trial, ending, settings.trials)
            while mirror.drain():
                pass
    store.record_sweep(name="noise", profile="default", version="v2", spec=spec | {"seeds": [0, 1]}, trials=trials)
    store.record_sweep(name="noise", profile="smoke", version="v3", spec=spec, trials=trials[:1])
    run(store, trials[2], "diverged", settings.trials)
    while mirror.drain():
        pass
    assert mirror.refused == 0
    return store


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
    run(mirrored, planned("dual", 1), "finished", settings.trials)
    mirror = MlflowMirror(settings.tracking_uri, settings.artifacts / "mlflow", settings.trials, mirrored)
    while mirror.drain():
        pass
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
