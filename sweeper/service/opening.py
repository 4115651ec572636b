"""Opening the store: a look never makes a database, a run does."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence

from sweeper.errors import RequestError
from sweeper.records import KnownTrial, TrialTiming
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore, Upgrade


def existing_store(settings: Settings) -> ResultsStore | None:
    """The store, or None where nothing was ever run. Raises StoreError."""
    if settings.database_url is None and not os.path.exists(settings.root / "sweeper.db"):
        return None
    return ResultsStore.open(settings.store_url)


def store_with_results(settings: Settings) -> ResultsStore:
    """The store; RequestError where nothing was ever run."""
    store = existing_store(settings)
    if store is None:
        raise _nothing_here(settings)
    return store


def upgraded_store(settings: Settings) -> Upgrade:
    """Bring the store to the newest schema. Raises RequestError where nothing was ever run, and StoreError."""
    if settings.database_url is None and not os.path.exists(settings.root / "sweeper.db"):
        raise _nothing_here(settings)
    return ResultsStore.upgrade(settings.store_url)


def _nothing_here(settings: Settings) -> RequestError:
    return RequestError(
        f"nothing has run under {settings.root}; run `sweeper run sweeps/noise_aug_vs_interaction.yaml` first, or set SWEEPER_HOME"
    )


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


def timings_in(settings: Settings) -> Callable[[int], Sequence[TrialTiming]]:
    """Asks the store how long its newest trials took, as `look_up_in` does."""

    def look_up(newest: int) -> Sequence[TrialTiming]:
        store = existing_store(settings)
        if store is None:
            return ()
        with store:
            return store.timings(newest)

    return look_up
