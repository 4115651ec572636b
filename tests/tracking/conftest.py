"""A real MLflow on SQLite for each test: migrated once, then copied."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from real_sweeps import ENDINGS, Look, drained, mirror_of, planned, train
from sync_source_fake import FakeSource

from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from sweeper.tracking.delivery import Delivery
from sweeper.tracking.mlflow_tracker import MlflowTracker


@dataclass
class Setup:
    """A store in memory, the MLflow database it is mirrored to, and a client to look at that."""

    source: FakeSource
    folder: Path
    uri: str
    look: Any

    def sync(self) -> Delivery:
        tracker = MlflowTracker(self.uri, self.folder / "artifacts", self.folder / "trials", self.source)
        return Delivery(tracker, self.source, "MLflow")

    def runs(self, kind: str, sweep: str = "noise") -> list[Any]:
        """Runs of this kind, oldest first."""
        experiment = self.look.get_experiment_by_name(sweep)
        return list(self.look.search_runs([experiment.experiment_id], f"tags.`sweeper.kind` = '{kind}'", order_by=["start_time"]))

    def only(self, kind: str, sweep: str = "noise") -> Any:
        (run,) = self.runs(kind, sweep)
        return run

    def curve(self, run: Any, metric: str) -> list[tuple[int, float, int]]:
        return sorted((m.step, m.value, m.timestamp) for m in self.look.get_metric_history(run.info.run_id, metric))

    def artifact(self, run: Any, path: str) -> bytes:
        return Path(self.look.download_artifacts(run.info.run_id, path)).read_bytes()

    def image(self, step: int, fingerprint: str = "f0", attempt: int = 1, content: bytes = b"\x89PNG") -> None:
        file = self.folder / "trials" / fingerprint / f"attempt-{attempt}" / f"samples-{step:08d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


@pytest.fixture
def setup(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    from mlflow import MlflowClient

    shutil.copy(migrated, tmp_path / "mlflow.db")
    # Nothing may land in the current directory, and nothing may be taken from the environment.
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("MLFLOW_RUN_ID", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "somebody else's")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return Setup(FakeSource(), tmp_path, uri, MlflowClient(tracking_uri=uri))


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """The clock of the mirror's loop, moved only by its sleeps; call it for the seconds passed."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("sweeper.tracking.sync_loop.time.sleep", sleep)
    monkeypatch.setattr("sweeper.tracking.sync_loop.time.monotonic", lambda: now[0])
    return lambda: now[0]


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


@pytest.fixture
def mirrored(settings: Settings) -> ResultsStore:
    """A store whose every event the live mirror delivered as it came: two sweeps that share trials, one with two versions."""
    store = ResultsStore.open(settings.store_url)
    sync = mirror_of(settings, store)
    trials = [planned(*cell) for cell in ENDINGS]
    spec = {"question": "Does it help?"}
    store.record_sweep(name="noise", profile="default", version="v1", spec=spec, trials=trials[:2])
    for trial in trials[:2]:
        for ending in ENDINGS[trial.variant, trial.seed]:
            train(store, trial, ending, settings.trials)
            drained(sync)
    store.record_sweep(name="noise", profile="default", version="v2", spec=spec | {"seeds": [0, 1]}, trials=trials)
    store.record_sweep(name="noise", profile="smoke", version="v3", spec=spec, trials=trials[:1])
    train(store, trials[2], "diverged", settings.trials)
    drained(sync)
    assert sync.refused == 0
    return store
