"""Measures published weights against a published reference, and keeps the result under a name: in the store, with a picture in a folder."""

from collections.abc import Callable
from pathlib import Path

from model.errors import ModelError
from model.evaluate_weights import RESULT, EvaluatedWeights, Machine, evaluate_weights
from model.sample_trial import Subject
from sweeper.errors import RequestError
from sweeper.records import MeasuredWeights
from sweeper.report.published import published_names
from sweeper.service.measured_weights import folder_of, result_in
from sweeper.service.open_store import existing_store, store_to_write
from sweeper.settings import Settings


def evaluate_checkpoint(
    name: str, subject: Subject, checkpoint: Path, machine: Machine, settings: Settings, say: Callable[[str], None]
) -> tuple[EvaluatedWeights, Path]:
    """The result, and its folder. Raises RequestError with a message for the user; StoreError before anything is drawn, where it can."""
    folder = folder_of(settings, name)
    if name in published_names():
        raise RequestError(f"--name {name}: a set of published figures is called so; give another name")
    kept = _kept(settings, name)
    known = None if kept is None else EvaluatedWeights(dict(kept.metrics), dict(kept.protocol), dict(kept.details))
    try:
        result = evaluate_weights(subject, checkpoint, folder, settings.shared, machine, say, known)
    except (ModelError, OSError) as error:
        raise RequestError(str(error)) from error
    if kept is None:
        _keep(settings, result, folder)
    return result, folder


def _kept(settings: Settings, name: str) -> MeasuredWeights | None:
    store = existing_store(settings)
    if store is None:
        return None
    with store:
        return next(iter(store.measured_weights([name])), None)


def _keep(settings: Settings, result: EvaluatedWeights, folder: Path) -> None:
    with store_to_write(settings) as store:
        try:
            store.keep_weights([result_in(folder, result)])
        except ValueError as error:
            raise RequestError(f"{folder / RESULT} stays, but the store cannot hold it: {error}") from error
