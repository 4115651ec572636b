"""Every sweep in the store: how it stands, how old it is, and what it takes on disk."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sweeper.removal import size_of
from sweeper.service.open_store import store_with_results
from sweeper.settings import Settings
from sweeper.states import TrialState


@dataclass(frozen=True)
class ListedSweep:
    """One sweep, by its newest version."""

    name: str
    profile: str
    version: str
    question: str
    states: Counter[TrialState]
    """Of its trials; one that serves several variants counts for each."""
    last_run: datetime
    age: timedelta
    """Since it was last run."""
    size: int
    """Bytes of the folders of all trials that a version of it names."""
    alone: int
    """Of these, bytes of the trials that no other sweep names: what deleting it would free."""


def list_sweeps(settings: Settings) -> list[ListedSweep]:
    """The one that ran last first. Raises RequestError where nothing was ever run."""
    with store_with_results(settings) as store:
        sizes: dict[str, int] = {}
        owners: dict[str, set[tuple[str, str]]] = {}
        for use in store.uses():
            owners[use.fingerprint] = {(wish.sweep, wish.profile) for wish in use.wishes}
            sizes[use.fingerprint] = size_of(settings.trials / use.fingerprint)
        found = []
        now = datetime.now(UTC)
        for summary in store.sweeps():
            key = (summary.name, summary.profile)
            mine = [name for name, sweeps in owners.items() if key in sweeps]
            snapshot = store.snapshot(*key)
            found.append(
                ListedSweep(
                    *key,
                    version=snapshot.version,
                    question=str(snapshot.spec.get("question", "")),
                    states=Counter(outcome.state for outcome in snapshot.outcomes),
                    last_run=summary.last_run,
                    age=max(now - summary.last_run, timedelta()),
                    size=sum(sizes[name] for name in mine),
                    alone=sum(sizes[name] for name in mine if owners[name] == {key}),
                )
            )
    return found
