"""Every event waits for each registered tracker by itself: on every database."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from sweeper.records import PlannedTrial
from sweeper.store import sweeps
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]
OWN = "my_module:JsonLines"
SPEC = {"question": "?"}


def alive(_owner: str) -> bool:
    return False


def kinds(store: ResultsStore, tracker: str) -> list[str]:
    return [row.kind for row in store.source_of(tracker).pending(100)]


def recorded(store: ResultsStore, trials: list[PlannedTrial], name: str = "noise") -> None:
    store.record_sweep(name=name, profile="default", version="v1", spec=SPEC, trials=trials)


def test_what_one_has_received_waits_for_the_other(store: ResultsStore, trials: MakeTrials) -> None:
    store.register_tracker(OWN)
    recorded(store, trials(seeds=(0,)))
    assert store.backlogs() == {"mlflow": 3, OWN: 3}
    own = store.source_of(OWN)
    assert [(row.kind, row.payload) for row in own.pending(10)] == [(row.kind, row.payload) for row in store.pending(10)]
    store.delivered([row.id for row in (*store.pending(10), *own.pending(10))], mark=("", "a:1"))
    assert store.backlogs() == {OWN: 3}, "an id of another tracker's row does nothing"
    assert (store.mark(), own.mark()) == ("a:1", "")
    assert store.acquire_sync_lease("a", 60, alive)
    assert own.acquire_sync_lease("b", 60, alive), "each has a lease of its own"
    own.release_sync_lease("b")
    assert not store.acquire_sync_lease("b", 60, alive)


def test_a_tracker_that_comes_later_gets_all_that_was_before(store: ResultsStore, trials: MakeTrials) -> None:
    recorded(store, trials(seeds=(0,)))
    store.delivered([row.id for row in store.pending(10)])
    store.register_tracker(OWN)
    assert (kinds(store, OWN), store.backlog()) == (["sweep", "link", "link"], 0)
    store.register_tracker(OWN)
    assert len(kinds(store, OWN)) == 3, "once"


def test_one_that_is_not_named_is_dropped_with_its_rows_unless_it_is_served(store: ResultsStore, trials: MakeTrials) -> None:
    assert store.register_only([OWN], alive) == ["mlflow"]
    recorded(store, trials(seeds=(0,)))
    assert store.backlogs() == {OWN: 3}
    assert store.source_of(OWN).acquire_sync_lease("host:7", 60, alive)
    assert store.register_only(["mlflow"], alive) == [], "another run serves it"
    assert store.backlogs() == {"mlflow": 3, OWN: 3}
    assert store.register_only(["mlflow"], lambda owner: owner == "host:7") == [OWN]
    assert store.register_only(["mlflow", OWN], alive) == []
    assert kinds(store, OWN) == ["sweep", "link", "link"], "named again it gets everything"
    assert store.register_only([], alive) == ["mlflow", OWN]
    recorded(store, trials(seeds=(1,)), "other")
    assert store.backlogs() == {}


def test_one_that_was_dropped_while_nobody_served_it_is_registered_by_who_serves_it_next(store: ResultsStore, trials: MakeTrials) -> None:
    """A run names it and trains, its process is between two lives; another run does not name it."""
    recorded(store, trials(seeds=(0,)))
    rows = store.pending(100)
    assert store.register_only([], alive) == ["mlflow"]
    recorded(store, trials(seeds=(1,)), "while nobody serves it")
    assert store.acquire_sync_lease("host:1", 60, alive)
    assert kinds(store, "mlflow") == ["sweep", "sweep", *["link"] * 4], "all that happened"
    assert not store.acquire_sync_lease("host:2", 60, alive)
    assert store.register_only([], alive) == [], "it is served now"
    store.delivered([row.id for row in store.pending(100)])
    assert store.acquire_sync_lease("host:1", 60, alive)
    assert (len(rows), store.backlogs()) == (3, {}), "once"
    recorded(store, trials(seeds=(2,)), "afterwards")
    assert kinds(store, "mlflow") == ["sweep", "link", "link"]


def test_rows_that_came_for_a_dropped_one_go_with_the_next_registration(store: ResultsStore, trials: MakeTrials) -> None:
    with store._database.writing() as session:
        row = {"kind": "sweep", "payload": "{}", "created": "2026-01-01 00:00:00", "tracker": OWN}
        session.execute(sa.text("INSERT INTO outbox (kind, payload, created, tracker) VALUES (:kind, :payload, :created, :tracker)"), row)
    assert store.backlogs() == {OWN: 1}
    store.register_only(["mlflow"], alive)
    assert store.backlogs() == {}


def test_what_is_being_written_while_one_is_registered_reaches_it(store: ResultsStore, trials: MakeTrials) -> None:
    """Its writer posted before the tracker was there, and commits afterwards."""
    registering = threading.Thread(target=store.register_tracker, args=(OWN,))
    with store._database.writing() as session:
        sweeps.record(session, name="noise", profile="default", version="v1", spec=SPEC, trials=trials(seeds=(0,)))
        registering.start()
        registering.join(0.3)  # long enough to see what is not committed; where it is not, the test only shows less
    registering.join()
    assert kinds(store, OWN) == ["sweep", "link", "link"]


def test_pages_wait_once_for_each(store: ResultsStore) -> None:
    store.register_tracker(OWN)
    for _ in range(2):
        store.post_pages("noise", "default")
    assert store.backlogs() == {"mlflow": 1, OWN: 1}
    store.delivered([row.id for row in store.pending(10)])
    store.post_pages("noise", "default")
    assert store.backlogs() == {"mlflow": 1, OWN: 1}


def test_a_delivery_asks_as_few_questions_as_with_one_tracker(sqlite_url: str, trials: MakeTrials) -> None:
    """A lease row was made, if need be, before each lease and mark: two statements more than now."""
    with ResultsStore.open(sqlite_url) as store:
        recorded(store, trials())
        said: list[str] = []

        def keep(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            said.append(statement.split()[0])

        sa.event.listen(store._database._engine, "before_cursor_execute", keep)
        assert store.acquire_sync_lease("a", 60, alive)
        rows = store.pending(500)
        assert store.mark() == ""
        store.delivered([row.id for row in rows], mark=("", "a:1"))
        assert [word for word in said if word not in ("BEGIN", "COMMIT")] == ["SELECT", "UPDATE", "SELECT", "SELECT", "DELETE", "UPDATE"]
        said.clear()
        recorded(store, trials(seeds=(2,)), "other")
        assert said.count("INSERT") == 6, "sweep, version, trials, their places; and two kinds of events, whoever receives them"


@pytest.mark.parametrize("tracker", ["mlflow", OWN])
def test_a_replay_is_of_one_tracker(store: ResultsStore, trials: MakeTrials, tracker: str) -> None:
    store.register_tracker(OWN)
    recorded(store, trials(seeds=(0,)))
    for name in ("mlflow", OWN):
        source = store.source_of(name)
        source.delivered([row.id for row in source.pending(10)])
    assert store.source_of(tracker).requeue_all(mark="b:0") == 3
    assert store.backlogs() == {tracker: 3}
    assert {name: store.source_of(name).mark() for name in ("mlflow", OWN)} == {"mlflow": "", OWN: ""} | {tracker: "b:0"}
