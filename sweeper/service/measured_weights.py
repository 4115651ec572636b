"""Results of `sweeper evaluate`, wherever they are kept: in the store, and in a folder for each with its picture."""

import contextlib
import math
import re
import shutil
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

from model.evaluate_weights import RESULT, EvaluatedWeights, read_result
from sweeper.errors import RequestError, nearest
from sweeper.records import MeasuredWeights
from sweeper.service.open_store import existing_store, existing_store_to_write
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsReader, ResultsStore

FOLDER = "evaluations"
"""Under SWEEPER_HOME: a folder for each name."""


def folder_of(settings: Settings, name: str) -> Path:
    """Of the result of that name; raises RequestError for one that no folder can have."""
    if name in (".", "..") or not re.fullmatch(r"[^/\x00-\x1f]{1,255}", name) or not name.isprintable():
        raise RequestError(f"--name {name}: it becomes the name of a folder; give letters, digits and dashes")
    return settings.root / FOLDER / name


def measured_in_folders(settings: Settings, known: Collection[str]) -> list[MeasuredWeights]:
    """Results in folders alone, by name: of versions that had no place in the store for them, or of a store that was lost."""
    try:
        folders = sorted(path for path in (settings.root / FOLDER).iterdir() if path.name not in known)
    except OSError:
        return []
    found = ((folder, read_result(folder)) for folder in folders)
    return [result_in(folder, result) for folder, result in found if result is not None and all(map(_is_number, result.metrics.values()))]


def measured_here(store: ResultsReader | None, settings: Settings) -> list[MeasuredWeights]:
    """All results, by name, wherever they are kept."""
    stored = () if store is None else store.measured_weights()
    return sorted([*stored, *measured_in_folders(settings, {one.name for one in stored})], key=lambda one: one.name)


def take_in_folders(store: ResultsStore, settings: Settings) -> None:
    """Puts results that are in folders alone into the store."""
    found = measured_in_folders(settings, {one.name for one in store.measured_weights()})
    for one in found:
        with contextlib.suppress(ValueError):  # a file that somebody wrote by hand may hold what no database does
            store.keep_weights([one])


def forget_weights(settings: Settings, name: str, *, dry_run: bool) -> tuple[MeasuredWeights, Path]:
    """What was measured under the name, and its folder: gone, unless it is a `dry_run`. Raises RequestError for an unknown name."""
    folder = folder_of(settings, name)
    store = existing_store(settings)
    with contextlib.ExitStack() as stack:
        if store is not None:
            stack.enter_context(store)
        found = {one.name: one for one in measured_here(store, settings)}
    if name not in found:
        raise RequestError(f"no weights were measured under the name {name}{nearest(name, found)}")
    if not dry_run:
        shutil.rmtree(folder, ignore_errors=True)  # first: what is left in the store alone is seen, and goes with the same command
        if read_result(folder) is not None:
            raise RequestError(f"{folder} cannot be removed; remove it, then run the same command again")
        if store is not None:
            with existing_store_to_write(settings) as writing:
                writing.forget_weights(name)
    return found[name], folder


def measured_names_in(settings: Settings) -> Callable[[], list[str]]:
    """Asks for the names of all results; the store is opened when asked, and closed again."""

    def look_up() -> list[str]:
        with contextlib.ExitStack() as stack:
            if (store := existing_store(settings)) is not None:
                stack.enter_context(store)
            return [one.name for one in measured_here(store, settings)]

    return look_up


def result_in(folder: Path, result: EvaluatedWeights) -> MeasuredWeights:
    """The result that lies in a folder, with the time when it was written."""
    written = datetime.fromtimestamp((folder / RESULT).stat().st_mtime, UTC)
    return MeasuredWeights(folder.name, result.metrics, result.protocol, result.details, written)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
