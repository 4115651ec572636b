"""Several processes at once on one database: no lock errors, one live attempt, one schema."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import pytest
import sqlalchemy as sa

from sweeper.records import PlannedTrial
from sweeper.store.database import Database
from sweeper.store.results_store import ResultsStore
from sweeper.store.tables import Sweep

MakeTrials = Callable[..., list[PlannedTrial]]
PROCESSES = 8


def open_and_close(url: str) -> bool:
    with ResultsStore.open(url) as store:
        return store.sweeps() == []


def read_then_insert(url: str, process: int, times: int) -> int:
    """Transactions that read before they write: under WAL a deferred one fails as soon as another wrote in between."""
    database = Database.open(url)
    try:
        for number in range(times):
            with database.writing() as session:
                count = session.scalar(sa.select(sa.func.count()).select_from(Sweep))
                session.add(Sweep(name=f"{process}/{number}", profile=str(count)))
    finally:
        database.close()
    return times


def claim_all(url: str, owner: str, fingerprints: list[str]) -> list[tuple[str, int]]:
    """Claims whatever is free, and ends none: each trial can be won once."""
    with ResultsStore.open(url) as store:
        claims = [store.acquire_lease(one, owner=owner, lease_seconds=600, is_dead=lambda _: False) for one in fingerprints]
    return [(lease.fingerprint, lease.number) for lease in claims if lease is not None]


def at_once() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn"))


@pytest.fixture
def fingerprints(trials: MakeTrials) -> list[str]:
    return [one.fingerprint for one in trials(seeds=tuple(range(20)))]


def test_many_processes_open_write_and_claim_at_once(url: str, trials: MakeTrials, fingerprints: list[str]) -> None:
    with at_once() as pool:
        assert all(pool.map(open_and_close, [url] * PROCESSES))  # all of them found no tables, and one made them
        writers = [pool.submit(read_then_insert, url, process, 50) for process in range(PROCESSES)]
        assert sum(writer.result() for writer in writers) == PROCESSES * 50
        with ResultsStore.open(url) as store:
            store.record_sweep(name="noise", profile="default", version="v1", spec={}, trials=trials(seeds=tuple(range(20))))
        claimers = [pool.submit(claim_all, url, f"driver {number}", fingerprints) for number in range(PROCESSES)]
        won = [lease for claimer in claimers for lease in claimer.result()]
    assert sorted(won) == sorted((fingerprint, 1) for fingerprint in fingerprints)
    with ResultsStore.open(url) as store:
        assert {one.state for one in store.snapshot("noise").outcomes} == {"running"}
        assert {one.attempts for one in store.snapshot("noise").outcomes} == {1}
