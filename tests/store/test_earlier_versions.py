"""Which versions judged some of the same trials before, as the store tells them, on every database."""

from collections.abc import Callable
from typing import Any

import pytest

from sweeper.records import PlannedTrial
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]
CLAIMS = {"question": "?", "contrasts": [{"name": "c", "kind": "superior"}]}


@pytest.fixture
def record(store: ResultsStore, trials: MakeTrials) -> Callable[..., None]:
    def record(version: str, seeds: tuple[int, ...], name: str = "noise", spec: Any = CLAIMS, evaluation: str = "eval") -> None:
        store.record_sweep(name=name, profile="default", version=version, spec=spec, trials=trials(seeds=seeds, evaluation=evaluation))

    return record


@pytest.fixture
def finish(store: ResultsStore, trials: MakeTrials) -> Callable[..., None]:
    def finish(*seeds: int, state: str = "finished") -> None:
        for trial in trials(seeds=seeds):
            held = store.acquire_lease(trial.fingerprint, owner="me", lease_seconds=60, is_dead=lambda _: False)
            assert held is not None
            if state == "finished":
                store.evaluated(held, 10, "eval", {"fd_digits": 1.0}, {}, 1)
            store.end(held, state, None if state == "finished" else "RuntimeError: x")  # type: ignore[arg-type]

    return finish


def found(store: ResultsStore, name: str = "noise") -> list[tuple[str, str, int]]:
    return [(one.name, one.version, len(one.fingerprints)) for one in store.snapshot(name).earlier]


def test_a_version_that_was_whole_before_the_next_one_was_run(
    store: ResultsStore, record: Callable[..., None], finish: Callable[..., None]
) -> None:
    record("three", (0, 1, 2))
    finish(0, 1, 2)
    record("four", (0, 1, 2, 3))
    assert found(store) == [("noise", "three", 6)]
    (earlier,) = store.snapshot("noise").earlier
    assert earlier.fingerprints["dual", 2] == "dual-2-fingerprint"
    assert earlier.whole <= store.snapshot("noise").created
    record("four", (0, 1, 2, 3), name="another name")
    assert found(store, "another name") == [("noise", "three", 6)], "the later version is not whole"


def test_seeds_that_were_raised_before_anything_had_ended_are_one_test(
    store: ResultsStore, record: Callable[..., None], finish: Callable[..., None]
) -> None:
    record("three", (0, 1, 2))
    finish(0, 1)
    record("four", (0, 1, 2, 3))
    finish(2, 3)
    assert found(store) == []


def test_diverged_and_failed_trials_have_ended_too(store: ResultsStore, record: Callable[..., None], finish: Callable[..., None]) -> None:
    record("three", (0, 1, 2))
    finish(0)
    finish(1, state="diverged")
    finish(2, state="failed")
    record("four", (0, 1, 2, 3))
    assert found(store) == [("noise", "three", 6)]


def test_what_claims_nothing_or_evaluates_otherwise_judged_nothing(
    store: ResultsStore, record: Callable[..., None], finish: Callable[..., None]
) -> None:
    record("plain", (0, 1), spec={"question": "?"})
    record("other evaluation", (0, 1), evaluation="another")
    finish(0, 1)
    record("claims", (0, 1, 2))
    assert found(store) == []
    record("plain again", (0, 1, 2), spec={"question": "?"})
    assert found(store) == [], "nothing is claimed, so nothing is looked up"
