"""An MLflow that knows less than it was told, or more, while the mirror goes on: told all again, once, by the mirror itself."""

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from real_sweeps import Look, drained, mirror_of, planned, train

from sweeper.errors import StoreUnavailable
from sweeper.service.sync_mlflow import sync_mlflow
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from sweeper.tracking.failures import TrackingAway


def put_in_place(copy: Path, settings: Settings) -> None:
    """As a restore does, under whoever has the database open."""
    with contextlib.closing(sqlite3.connect(copy)) as old, contextlib.closing(sqlite3.connect(settings.root / "mlflow.db")) as live:
        old.backup(live)


def rebuilt(settings: Settings, look: Look, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What an MLflow that never knew anything is made to show."""
    shutil.copy(migrated, settings.root / "other.db")
    with monkeypatch.context() as patch:
        patch.setenv("SWEEPER_MLFLOW_URI", f"sqlite:///{settings.root / 'other.db'}")
        sync_mlflow(Settings(), say=lambda _: None)
        return look(Settings())


def down(_uri: str) -> Any:
    raise ConnectionError("down")


@pytest.mark.parametrize("copy", ["empty", "older"])
@pytest.mark.parametrize("mirror_is", ["the same", "a new one"])
def test_a_database_put_back_catches_up(
    copy: str, mirror_is: str, settings: Settings, mirrored: ResultsStore, look: Look, migrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = settings.root / "older.db"
    shutil.copy(settings.root / "mlflow.db" if copy == "older" else migrated, older)
    sync = mirror_of(settings, mirrored)
    train(mirrored, planned("dual", 1), "finished", settings.trials)
    drained(sync)
    known = look(settings)
    put_in_place(older, settings)
    assert look(settings) != known
    if mirror_is == "a new one":
        sync = mirror_of(settings, mirrored)
    mirrored.post_pages("noise", "default")  # news that adds nothing where no pages are drawn
    drained(sync)
    assert look(settings) == known

    train(mirrored, planned("dual", 0), "finished", settings.trials)
    event = mirrored.backlog()
    assert drained(sync) == event, "all again is told once"
    assert look(settings) == rebuilt(settings, look, migrated, monkeypatch)


def test_one_put_back_while_mlflow_was_away_catches_up(
    settings: Settings, mirrored: ResultsStore, look: Look, migrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, sync = look(settings), mirror_of(settings, mirrored)
    mirrored.post_pages("noise", "default")
    with monkeypatch.context() as patch:
        patch.setattr("sweeper.tracking.mlflow_client._load", down)
        with pytest.raises(TrackingAway, match="down"):
            sync.drain()
    put_in_place(migrated, settings)
    drained(sync)
    assert look(settings) == known


def test_an_older_store_beside_a_newer_mlflow_is_told_whole(settings: Settings, mirrored: ResultsStore) -> None:
    sync = mirror_of(settings, mirrored)
    older = settings.root / "older.db"
    with contextlib.closing(sqlite3.connect(settings.root / "sweeper.db")) as store, contextlib.closing(sqlite3.connect(older)) as copy:
        store.backup(copy)
    for seed in (0, 1):
        train(mirrored, planned("dual", seed), "finished", settings.trials)
        drained(sync)
    with ResultsStore.open(f"sqlite:///{older}") as store:
        store.post_pages("noise", "default")
        assert drained(mirror_of(settings, store)) == 1 + 7, "two sweeps, five links"
        store.post_pages("noise", "default")
        assert drained(mirror_of(settings, store)) == 1


def test_what_an_older_version_delivered_is_told_again_once(settings: Settings, mirrored: ResultsStore, look: Look) -> None:
    known = look(settings)
    mirrored.delivered([], mark=(mirrored.mark(), ""))  # as older versions left it, which keep none
    assert mirrored.mark() == ""
    for rows in (1 + 7, 1):
        mirrored.post_pages("noise", "default")
        assert drained(mirror_of(settings, mirrored)) == rows
        assert look(settings) == known


def test_mirrors_in_turn_and_a_second_store_tell_nothing_again(settings: Settings, mirrored: ResultsStore) -> None:
    mirrors = [mirror_of(settings, mirrored), mirror_of(settings, mirrored)]
    with ResultsStore.open(f"sqlite:///{settings.root / 'second.db'}") as second:
        second.record_sweep(name="noise", profile="other", version="v1", spec={"question": "?"}, trials=[planned("single", 0)])
        assert drained(mirror_of(settings, second)) == 2
        for _ in range(2):
            for sync in mirrors:
                mirrored.post_pages("noise", "default")
                assert drained(sync) == 1
                second.post_pages("noise", "other")
                assert drained(mirror_of(settings, second)) == 1


def test_a_crash_between_the_two_marks_tells_nothing_again(
    settings: Settings, mirrored: ResultsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(mirrored, planned("dual", 1), "finished", settings.trials)
    event = mirrored.backlog()

    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(mirrored, "delivered", away)
        with pytest.raises(StoreUnavailable):
            mirror_of(settings, mirrored).drain()
    assert drained(mirror_of(settings, mirrored)) == event


def test_an_id_that_means_another_experiment_now_is_not_written_to(
    settings: Settings, mirrored: ResultsStore, look: Look, migrated: Path
) -> None:
    from mlflow import MlflowClient

    sync = mirror_of(settings, mirrored)
    train(mirrored, planned("dual", 1), "finished", settings.trials)
    drained(sync)
    other = shutil.copy(migrated, settings.root / "other.db")
    theirs = MlflowClient(tracking_uri=f"sqlite:///{other}")
    for name in ("theirs", "theirs too"):
        theirs.create_experiment(name, artifact_location=str(settings.root / "theirs"))
    put_in_place(other, settings)
    trials = [planned("single", 0), planned("new", 0)]
    mirrored.record_sweep(name="noise", profile="default", version="v4", spec={"question": "?"}, trials=trials)
    drained(sync)
    assert {name.partition(" / ")[0] for name in look(settings)} == {"noise"}
