"""A real MLflow on SQLite for each test: migrated once, then copied."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mirror_source_fake import FakeSource

from sweeper.tracking.mlflow_mirror import MlflowMirror


@dataclass
class Setup:
    """A store in memory, the MLflow database it is mirrored to, and a client to look at that."""

    source: FakeSource
    folder: Path
    uri: str
    look: Any

    def mirror(self) -> MlflowMirror:
        return MlflowMirror(self.uri, self.folder / "artifacts", self.folder / "trials", self.source)

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

    monkeypatch.setattr("sweeper.tracking.runner.time.sleep", sleep)
    monkeypatch.setattr("sweeper.tracking.runner.time.monotonic", lambda: now[0])
    return lambda: now[0]
