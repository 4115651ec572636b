"""Taking a whole sweep away: its versions, the trials that are its alone, their results and files."""

from pathlib import Path

from sweeper.liveness import is_dead
from sweeper.removal import size_of
from sweeper.service.open_store import existing_store_to_write, store_with_results
from sweeper.service.prune import Removal, delete_trials
from sweeper.service.sweep_records import forget_sweep
from sweeper.service.tracker_process import TrackerProcesses
from sweeper.service.trackers import waiting
from sweeper.settings import MLFLOW, Settings
from sweeper.store.deleting import SweepParts


def what_goes_with(settings: Settings, name: str, profile: str | None) -> tuple[SweepParts, int]:
    """The sweep, and the bytes of the trials that are its alone; a look. Raises RequestError."""
    with store_with_results(settings) as store:
        parts = store.sweep_parts(name, profile)
    return parts, sum(size_of(settings.trials / use.fingerprint) for use in parts.alone)


def delete_sweep(settings: Settings, name: str, profile: str) -> tuple[list[Removal], list[str], dict[str, int]]:
    """What went, what could not be deleted, and how many events each tracker that the settings name has yet to receive.

    Raises RequestError while one of its trials runs; then nothing went.
    """
    failed: list[str] = []
    with existing_store_to_write(settings) as store:
        removed = delete_trials(settings, store.deleting_sweep(name, profile, is_dead), _names, failed)
        forget_sweep(settings, name, profile)
        is_in_mlflow = settings.mlflow_uri or (settings.root / "mlflow.db").exists()
        names = [name for name in waiting(store, settings) if name != MLFLOW or is_in_mlflow]
        with TrackerProcesses(settings, names, [Path.cwd()]):  # they forget it, too
            pass
        return removed, failed, waiting(store, settings)


def _names(parts: SweepParts) -> list[str]:
    return [use.fingerprint for use in parts.alone]
