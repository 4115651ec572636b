"""Opening the store: a look makes and writes nothing, and waits for nobody who writes; a run makes the database."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from sweeper.errors import RequestError
from sweeper.liveness import is_dead
from sweeper.records import KnownTrial, TrialTiming
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsReader, ResultsStore, Upgrade


def existing_store(settings: Settings) -> ResultsReader | None:
    """The results, to read, or None where nothing was ever run. Raises StoreError."""
    return ResultsReader.look(settings.store_url, is_dead)


def store_with_results(settings: Settings) -> ResultsReader:
    """The results, to read; RequestError where nothing was ever run."""
    store = existing_store(settings)
    if store is None:
        raise _nothing_here(settings)
    return store


def existing_store_to_write(settings: Settings) -> ResultsStore:
    """The store; RequestError where nothing was ever run."""
    if _no_file(settings):
        raise _nothing_here(settings)
    return ResultsStore.open(settings.store_url)


def upgraded_store(settings: Settings) -> Upgrade:
    """Bring the store to the newest schema. Raises RequestError where nothing was ever run, and StoreError."""
    if _no_file(settings):
        raise _nothing_here(settings)
    return ResultsStore.upgrade(settings.store_url)


def _no_file(settings: Settings) -> bool:
    return settings.database_url is None and not os.path.exists(settings.root / "sweeper.db")


def _nothing_here(settings: Settings) -> RequestError:
    place, remedy = (
        (f"under {settings.root}", "SWEEPER_HOME")
        if settings.database_url is None
        else ("in the database that SWEEPER_DATABASE_URL names", "SWEEPER_DATABASE_URL")
    )
    return RequestError(f"nothing has run {place}; run `sweeper run sweeps/noise_aug_vs_interaction.yaml` first, or set {remedy}")


def store_to_write(settings: Settings) -> ResultsStore:
    """The store, made where there is none. Raises RequestError when SWEEPER_HOME cannot be used."""
    try:
        settings.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"SWEEPER_HOME {settings.root} cannot be used ({error.strerror}); set it to a folder of yours") from error
    return ResultsStore.open(settings.store_url)


def look_up_in(settings: Settings) -> Callable[[Collection[str]], Mapping[str, KnownTrial]]:
    """Asks the store what it knows of trials; it is opened when asked, and closed again."""

    def look_up(fingerprints: Collection[str]) -> Mapping[str, KnownTrial]:
        store = existing_store(settings)
        if store is None:
            return {}
        with store:
            return store.known(fingerprints)

    return look_up


def placed_in(settings: Settings) -> Callable[[str, str, str], Sequence[tuple[str, Mapping[str, str], int]]]:
    """Asks the store for the trials of a version, as `look_up_in` does."""

    def look_up(name: str, profile: str, version: str) -> Sequence[tuple[str, Mapping[str, str], int]]:
        store = existing_store(settings)
        if store is None:
            return ()
        with store:
            return store.placed(name, profile, version)

    return look_up


def cache_in(settings: Settings) -> Path | None:
    """Where decoded pictures are kept; None where nothing was ever run, since a look makes no home."""
    return settings.shared if os.path.isdir(settings.root) else None


def timings_in(settings: Settings) -> Callable[[int], Sequence[TrialTiming]]:
    """Asks the store how long its newest trials took, as `look_up_in` does."""

    def look_up(newest: int) -> Sequence[TrialTiming]:
        store = existing_store(settings)
        if store is None:
            return ()
        with store:
            return store.timings(newest)

    return look_up
