"""A home that was moved or copied: MLflow shows its files, and new ones go there, not to where it was."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache
from real_sweeps import Look, drained, mirror_of, planned, train

from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from sweeper.tracking.artifact_locations import follow_home
from sweeper.tracking.failures import TrackingAway


@pytest.fixture
def away(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the home."""
    return tmp_path_factory.mktemp("away")


def places(settings: Settings) -> set[str]:
    """Where MLflow looks for the files of our experiments and runs."""
    with closing(sqlite3.connect(settings.root / "mlflow.db")) as database:
        ours = "SELECT experiment_id, artifact_location FROM experiments WHERE name != 'Default'"
        experiments = dict(database.execute(ours).fetchall())
        runs = database.execute("SELECT experiment_id, artifact_uri FROM runs").fetchall()
    assert experiments
    assert all(uri.startswith(f"{experiments[experiment]}/") for experiment, uri in runs)
    return {place.rpartition("/")[0] for place in experiments.values()}


def below(settings: Settings) -> set[str]:
    return {(settings.artifacts / "mlflow" / "mlflow").as_uri()}


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree], ids=["moved", "copied"])
def test_files_follow_the_home(mirrored: ResultsStore, settings: Settings, look: Look, away: Path, how: Callable[..., Any]) -> None:
    before = look(settings)
    mirrored.close()
    old, new = settings.root, away / "another place"
    how(old, new)
    _artifact_repos_cache.clear()  # MLflow remembers places for the life of a process; a home moves between two
    here = settings.model_copy(update={"home": new})
    files = {path: path.read_bytes() for path in old.rglob("*") if path.is_file() and "mlruns" not in path.parts}
    with ResultsStore.open(here.store_url) as store:
        store.record_sweep(name="noise", profile="default", version="v9", spec={"question": "q"}, trials=[planned("single", 7)])
        train(store, planned("single", 7), "finished", here.trials)
        drained(mirror_of(here, store))
    assert places(here) == below(here)
    after = look(here)
    shown = {name: run["artifacts"] for name, run in after.items()}
    assert {name: shown[name] for name in before if "parent" not in name} == {
        name: run["artifacts"] for name, run in before.items() if "parent" not in name
    }
    assert any(shown[name] for name in after.keys() - before.keys())
    if old.exists():  # the copy left the original alone
        assert {path: path.read_bytes() for path in files} == files
        assert places(settings) == below(settings)
    else:
        assert not old.exists(), "not made anew"


def test_following_twice_changes_nothing_more(mirrored: ResultsStore, settings: Settings, away: Path) -> None:
    mirrored.close()
    assert follow_home(settings.tracking_uri, settings.artifacts / "mlflow") == 0
    here = settings.model_copy(update={"home": Path(shutil.move(settings.root, away / "new"))})
    assert follow_home(here.tracking_uri, here.artifacts / "mlflow") == 1
    assert follow_home(here.tracking_uri, here.artifacts / "mlflow") == 0


def test_places_of_others_stay(mirrored: ResultsStore, settings: Settings, away: Path) -> None:
    mirrored.close()
    elsewhere = away / "elsewhere"
    shutil.copytree(settings.root, elsewhere)
    shutil.rmtree(elsewhere / "artifacts")
    other = settings.model_copy(update={"home": elsewhere})
    assert follow_home(other.tracking_uri, other.artifacts / "mlflow") == 0, "the files lie in the other home alone"
    assert follow_home(settings.tracking_uri, other.artifacts / "mlflow") == 0, "a database outside the home may be shared"
    assert follow_home("http://127.0.0.1:5000", settings.artifacts / "mlflow") == 0
    assert follow_home(f"sqlite:///{away / 'none.db'}", away / "artifacts" / "mlflow") == 0
    assert not (away / "none.db").exists()
    with closing(sqlite3.connect(settings.root / "mlflow.db")) as database, database:
        database.execute("UPDATE experiments SET artifact_location = 's3://bucket/artifacts/mlflow/mlflow/x' WHERE name = 'noise'")
    shutil.move(settings.root, away / "new")
    new = settings.model_copy(update={"home": away / "new"})
    assert follow_home(new.tracking_uri, new.artifacts / "mlflow") == 0


def test_a_database_that_cannot_be_read_waits(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is not a database, and long enough to be looked at as one\n" * 20)
    with pytest.raises(TrackingAway, match=r"the places of artifacts in .*mlflow\.db cannot be brought up to date: file is not a database"):
        follow_home(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts" / "mlflow")
