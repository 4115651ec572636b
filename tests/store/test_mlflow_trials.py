"""What each sweep shows of a trial that it shares, and the mark of the last delivery: on every database."""

from collections.abc import Callable

from sweeper.records import PlannedTrial, PointRecord
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]


def recorded(store: ResultsStore, trials: list[PlannedTrial], name: str, version: str = "v1") -> None:
    store.record_sweep(name=name, profile="default", version=version, spec={"question": "?"}, trials=trials)


def evaluated(store: ResultsStore, trial: PlannedTrial, evaluation: str, loss: float) -> None:
    lease = store.acquire_lease(trial.fingerprint, owner="host:1:1", lease_seconds=60, is_dead=lambda _: False)
    assert lease is not None
    store.started(lease, start_step=0, comparability={}, provenance={})
    store.evaluated(lease, trial.steps, evaluation, {"held_out_loss": loss}, {"asked": evaluation}, 1_000)
    store.end(lease, "finished")


def test_a_sweep_shows_the_evaluations_that_a_version_of_it_asks_for(store: ResultsStore, trials: MakeTrials) -> None:
    few, many = ([trials(evaluation=asked)[0]] for asked in ("few", "many"))
    recorded(store, few, "first")
    recorded(store, many, "second")
    (trial,) = few
    evaluated(store, trial, "few", 0.5)
    evaluated(store, trial, "many", 0.25)
    (event, other) = (row.payload for row in store.pending(100) if row.kind == "evaluation")
    assert [event["evaluation"], other["evaluation"]] == ["few", "many"]

    def shown(name: str) -> tuple[object, ...]:
        history = store.shown(trial.fingerprint, name, "default")
        return history.evaluations, history.details, store.unasked(trial.fingerprint, name, "default")

    step = trial.steps
    few_point, many_point = (PointRecord(step, "held_out_loss", loss, 1_000) for loss in (0.5, 0.25))
    assert shown("first") == ((few_point,), {"asked": "few"}, frozenset({("many", 2, step)}))
    assert shown("second") == ((many_point,), {"asked": "many"}, frozenset({("few", 1, step)}))
    assert len(store.shown(trial.fingerprint, "first", "default").attempts) == 2
    assert store.history(trial.fingerprint).evaluations == (many_point, few_point)

    recorded(store, many, "first", "v2")
    assert shown("first") == ((many_point, few_point), {"asked": "many"}, frozenset())


def test_the_mark_is_no_news_and_changes_with_a_delivery(store: ResultsStore, trials: MakeTrials) -> None:
    assert store.mark() == ""
    assert store.requeue_all(mark="a:0") == 0
    assert (store.mark(), store.backlog(), store.pending(10)) == ("a:0", 0, [])
    recorded(store, trials(), "noise")
    assert [row.kind for row in store.pending(2)] == ["sweep", "link"]
    store.delivered([row.id for row in store.pending(2)], mark=("a:0", "a:1"))
    assert (store.mark(), store.backlog()) == ("a:1", 3)
    store.delivered([row.id for row in store.pending(1)], mark=("a:0", "a:1000"))
    assert (store.mark(), store.backlog()) == ("a:1", 2), "another mirror was here: its mark stands, the rows are gone"
    store.delivered([row.id for row in store.pending(1)])
    assert (store.mark(), store.backlog()) == ("a:1", 1)
    assert store.requeue_all() == 4, "but for the one that waits"
    assert store.mark() == "a:1"
