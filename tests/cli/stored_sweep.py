"""A sweep that seems to have run: written through the store's own door, in seconds, without training; its checkpoints hold no weights."""

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sweeper.plan.machine import Machine, allot, expected_key
from sweeper.records import PlannedTrial
from sweeper.service.plan_sweep import PlannedSweep, SweepRequest, plan_sweep
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore
from tests.state_files import write_state

Cell = tuple[str, int]
"""(variant, seed)."""
OFFSETS = {"single/none": 0.0, "single/full": 0.03, "dual/none": -0.02, "dual/full": 0.02}
ERROR = "RuntimeError: the images caught fire\nTraceback (most recent call last):\n  File train.py, line 1\nRuntimeError: ..."


def store_sweep(
    profile: str | None = "smoke",
    endings: Mapping[Cell, str | None] | None = None,
    spec: str = "sweep.yaml",
    steps: int = 40,
    pilot: bool = False,
) -> PlannedSweep:
    """Records the sweep; each trial ends as `endings` says (None: never began), or else finished with known metrics."""
    settings = Settings()
    if not settings.root.exists():
        settings.root.mkdir()
        (settings.root / "sweeper.db").write_bytes(_empty_database())
    planned = plan_sweep(SweepRequest(Path(spec), profile, (f"base.steps={steps}",), pilot=pilot), lambda _: {})
    with ResultsStore.open(settings.store_url) as store:
        sweep = planned.sweep
        whole = sweep.spec.model_dump(mode="json")
        store.record_sweep(name=sweep.spec.name, profile=sweep.profile, version=sweep.version, spec=whole, trials=planned.trials)
        for trial in planned.trials:
            ending = (endings or {}).get((trial.variant, trial.seed), "finished")
            if ending is not None:
                _attempt(store, trial, ending, planned)
        store.delivered(row.id for row in store.pending(10_000))
    return planned


@functools.cache
def _empty_database() -> bytes:
    """Made once: its migrations take longer than all the rest."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sweeper.db"
        ResultsStore.open(f"sqlite:///{file}").close()
        return file.read_bytes()


def _attempt(store: ResultsStore, trial: PlannedTrial, ending: str, planned: PlannedSweep) -> None:
    (config,) = [c for variant, c in planned.sweep.configs if variant.name == trial.variant]
    key = dict(expected_key(config, allot(planned.sweep.spec.resources, Machine.here(), None)))
    if len({facts.content_hash for facts in planned.facts.values()}) > 1:
        key["evaluator"] = f"classifier of {planned.facts[trial.variant].content_hash}"
    claim = store.acquire_lease(trial.fingerprint, owner="host:1:1", lease_seconds=60, is_dead=lambda owner: False)
    assert claim is not None
    store.started(claim, start_step=0, comparability=key, provenance={"git": {"sha": "0123abc", "dirty": False}, "host": "host"})
    store.points(claim, 10, {"train_loss": 1.5}, 1_000)
    if ending == "finished":
        store.checkpointed(claim, trial.steps)
        write_state(Settings().trials / trial.fingerprint / f"attempt-{claim.number}", "checkpoint", trial.steps)
        metrics = {
            "held_out_loss": 0.5 + OFFSETS.get(trial.variant, 0.0) + 0.01 * trial.seed,
            "class_accuracy": 0.9,
            "steps_per_second": 60.0,
        }
        details = {"samples": 100, "fd_floor": 1.25}
        store.evaluated(claim, trial.steps, trial.evaluation_fingerprint, metrics, details, 2_000)
    if ending == "running":
        return
    error = {"failed": ERROR, "diverged": "train_loss became nan at step 12; the weights before that step are kept"}.get(ending)
    store.end(claim, ending, error)  # type: ignore[arg-type]
