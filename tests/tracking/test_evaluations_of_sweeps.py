"""A trial that two sweeps share, evaluated in another way for each: their runs show their own numbers and pictures."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from real_sweeps import Look, drained, mirror_of, planned

from sweeper.records import PlannedTrial
from sweeper.service.sync_mlflow import sync_mlflow
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore


def evaluate(store: ResultsStore, trial: PlannedTrial, asked: str, loss: float, trials: Path) -> None:
    lease = store.acquire_lease(trial.fingerprint, owner="host:1:1", lease_seconds=60, is_dead=lambda _: False)
    assert lease is not None
    store.started(lease, start_step=0, comparability={}, provenance={})
    picture = trials / trial.fingerprint / f"attempt-{lease.number}" / "samples-00000004.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(asked.encode())
    store.evaluated(lease, 4, asked, {"held_out_loss": loss}, {"samples": asked}, 1_000 * lease.number)
    store.end(lease, "finished")


def test_each_shows_its_own_as_it_happens_and_when_told_again(
    settings: Settings, look: Look, migrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = planned("single", 0)
    with ResultsStore.open(settings.store_url) as store:
        sync = mirror_of(settings, store)
        for name, asked, loss in (("few", "of 10", 0.5), ("many", "of 1000", 0.25)):
            wanted = PlannedTrial(trial.variant, trial.levels, 0, trial.fingerprint, asked, 4, trial.config)
            store.record_sweep(name=name, profile="default", version="v1", spec={"question": "?"}, trials=[wanted])
            evaluate(store, trial, asked, loss, settings.trials)
            drained(sync)
    live = look(settings)
    for name, asked, point in (("few", "of 10", (4, 0.5, 1_000)), ("many", "of 1000", (4, 0.25, 2_000))):
        shown = live[f"{name} / default / single-0"]
        assert shown["metrics"] == {"held_out_loss": [point]}
        assert shown["tags"]["sweeper.detail.samples"] == asked
        assert shown["artifacts"]["samples/step-00000004.png"] == asked.encode()

    shutil.copy(migrated, settings.root / "other.db")
    monkeypatch.setenv("SWEEPER_MLFLOW_URI", f"sqlite:///{settings.root / 'other.db'}")
    sync_mlflow(Settings(), say=lambda _: None)
    assert look(Settings()) == live


def test_a_version_that_asks_for_what_another_sweep_has_made_shows_it(settings: Settings, look: Look) -> None:
    trial = planned("single", 0)

    def record(store: ResultsStore, name: str, version: str, asked: str) -> None:
        wanted = PlannedTrial(trial.variant, trial.levels, 0, trial.fingerprint, asked, 4, trial.config)
        store.record_sweep(name=name, profile="default", version=version, spec={"question": "?"}, trials=[wanted])

    with ResultsStore.open(settings.store_url) as store:
        sync = mirror_of(settings, store)
        record(store, "few", "v1", "of 10")
        record(store, "many", "v1", "of 1000")
        evaluate(store, trial, "of 1000", 0.25, settings.trials)
        drained(sync)
        assert look(settings)["few / default / single-0"]["metrics"] == {}
        record(store, "few", "v2", "of 1000")
        drained(sync)
    assert look(settings)["few / default / single-0"]["metrics"] == {"held_out_loss": [(4, 0.25, 1_000)]}


def test_what_an_older_version_wrote_counts_for_all(setup: Any) -> None:
    for name in ("few", "many"):
        setup.source.link(name=name)
    setup.source.for_others = {("few", "default"): frozenset({("of 1000", 1, 4)})}
    payload = {"fingerprint": "f0", "step": 4, "attempt": 1, "time_ms": 5}
    setup.source.put("evaluation", metrics={"by this version": 0.25}, evaluation="of 1000", **payload)
    setup.source.put("evaluation", metrics={"by an older one": 0.5}, **payload)
    setup.sync().drain()
    assert setup.only("trial", "few").data.metrics == {"by an older one": 0.5}
    assert setup.only("trial", "many").data.metrics == {"by this version": 0.25, "by an older one": 0.5}
