"""Trials in a real store, and how they go."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweeper.records import AttemptState, PlannedTrial
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from sweeper.tracking.delivery import Delivery
from sweeper.tracking.mlflow_tracker import open_mlflow
from sweeper.tracking.tracker import TrackerContext

Look = Callable[[Settings], dict[str, Any]]
ENDINGS: dict[tuple[str, int], list[AttemptState]] = {
    ("single", 0): ["finished"],
    ("single", 1): ["failed", "finished"],
    ("dual", 0): ["diverged"],
    ("dual", 1): [],
}


def planned(variant: str, seed: int) -> PlannedTrial:
    config = {"seed": seed, "timesteps": {"kind": variant}}
    return PlannedTrial(variant, {"timesteps": variant}, seed, f"{variant}-{seed}", "eval", 4, config)


def train(store: ResultsStore, trial: PlannedTrial, ending: AttemptState, folder: Path) -> None:
    lease = store.acquire_lease(trial.fingerprint, owner="host:1:1", lease_seconds=60, is_dead=lambda _: False)
    assert lease is not None
    store.started(lease, start_step=0, comparability={"device": "cpu (A)"}, provenance={"packages": {"torch": "2.13.0"}, "host": "host"})
    for step in (1, 2, 3, 4) if ending == "finished" else ():
        store.points(lease, step, {"train_loss": 1 / step, "steps_per_second": 3.0}, 1_000 + step)
    if ending == "finished":
        picture = folder / trial.fingerprint / f"attempt-{lease.number}" / "samples-00000004.png"
        picture.parent.mkdir(parents=True)
        picture.write_bytes(b"\x89PNG" + trial.fingerprint.encode())
        store.evaluated(lease, 4, "eval", {"held_out_loss": 0.1 * trial.seed + 0.4}, {"samples": 20, "fd_floor": 0.5}, 2_000)
    store.end(lease, ending, None if ending == "finished" else f"RuntimeError: it {ending}\nTraceback ...")


def mirror_of(settings: Settings, store: ResultsStore) -> Delivery:
    return Delivery(open_mlflow(TrackerContext(store, settings)), store, "MLflow")


def drained(sync: Delivery) -> int:
    """How many rows it delivered until none was left."""
    return sum(iter(sync.drain, 0))
