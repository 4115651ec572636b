"""The trackers that the settings name: checked before anything starts, registered in the store, opened to deliver to them."""

import functools
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from sweeper.errors import RequestError
from sweeper.liveness import is_dead
from sweeper.settings import MLFLOW, Settings
from sweeper.store.results_store import ResultsStore
from sweeper.store.sync_store import SyncStore
from sweeper.tracking.delivery import Delivery
from sweeper.tracking.registry import open_tracker, title_of
from sweeper.tracking.tracker import TrackerContext

LOAD_SECONDS = 60.0
"""Longest import of a user's tracker."""

_LOAD = """
import sys
from pathlib import Path
from model.config import modules_also_in
from sweeper.errors import RequestError
from sweeper.tracking.registry import load_class
with modules_also_in(map(Path, sys.argv[2:])):
    try:
        load_class(sys.argv[1])
    except RequestError as error:
        sys.exit("\\n" + " ".join(str(error).split()))  # a line of its own, whatever the module wrote before
"""


def ensure_trackers(settings: Settings, folders: Iterable[Path]) -> None:
    """Import users' own trackers, in a process of its own: what their modules load or start is not the driver's.

    Args:
        settings: They name the trackers.
        folders: Where their modules may be, beside PYTHONPATH.

    Raises:
        RequestError: One cannot be imported, or is no tracker.
    """
    for name in settings.tracker_names:
        if name == MLFLOW:
            continue
        path = name.partition(":")[0]
        command = [sys.executable, "-P", "-c", _LOAD, name, *map(str, folders)]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=LOAD_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise RequestError(
                f"SWEEPER_TRACKERS: {name}: module {path} was not imported within {LOAD_SECONDS:.0f} s; fix {path}, or leave it out"
            ) from error
        if done.returncode != 0:
            # Not the last line: what a module registered to be done at the end may write, too.
            ours = [line for line in done.stderr.splitlines() if line.startswith("SWEEPER_TRACKERS: ")]
            ended = f"the import of module {path} ended with exit code {done.returncode}; fix {path}, or leave it out"
            raise RequestError(settings.concealed(ours[-1] if ours else f"SWEEPER_TRACKERS: {name}: {ended}"))


def register_trackers(store: ResultsStore, settings: Settings, say: Callable[[str], None]) -> None:
    """Have every event posted for the trackers that the settings name, and for no other that nobody serves."""
    for name in store.register_only(settings.tracker_names, is_dead):
        title = title_of(name)
        say(f"no events are kept for {title}, which SWEEPER_TRACKERS does not name; a run that names it sends it everything")


def waiting(store: ResultsStore, settings: Settings) -> dict[str, int]:
    """By name, how many events wait for each tracker that the settings name; what waits for others, the next run drops."""
    return {name: rows for name, rows in store.backlogs().items() if name in settings.tracker_names}


def open_delivery(store: ResultsStore, settings: Settings, name: str) -> tuple[Delivery, SyncStore]:
    """What delivers to a tracker, and the outbox that it delivers from. Raises RequestError where there is no such tracker."""
    from sweeper.service.page import write_pages

    source = store.source_of(name)
    pages = functools.partial(write_pages, store, settings) if settings.mlflow_pages else None
    return Delivery(open_tracker(name, TrackerContext(source, settings, pages)), source, title_of(name)), source
