"""Sweeps and trials taken out of the store: whole, and nothing that a live attempt or another sweep uses; on every database."""

from collections.abc import Callable
from typing import Any

import pytest

from sweeper.errors import RequestError
from sweeper.records import Lease, PlannedTrial
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]


def alive(_: str) -> bool:
    return False


def record(store: ResultsStore, name: str, trials: list[PlannedTrial], version: str = "v1", **spec: Any) -> None:
    store.record_sweep(name=name, profile="default", version=version, spec={"question": "?", **spec}, trials=trials)


def train(store: ResultsStore, trial: PlannedTrial, end: bool = True) -> Lease:
    held = store.acquire_lease(trial.fingerprint, owner="me", lease_seconds=60, is_dead=alive)
    assert held is not None
    store.started(held, start_step=0, comparability={"device": "cpu"}, provenance={})
    store.points(held, 5, {"train_loss": 1.0}, 1)
    store.checkpointed(held, trial.steps)
    store.evaluated(held, trial.steps, trial.evaluation_fingerprint, {"fd_digits": 2.0}, {"samples": 5}, 2)
    if end:
        store.end(held, "finished")
    return held


def delete(store: ResultsStore, name: str) -> None:
    with store.deleting_sweep(name, "default", alive):
        pass


def test_a_deleted_sweep_is_gone_with_its_trials_and_their_numbers(store: ResultsStore, trials: MakeTrials) -> None:
    mine, shared = trials(variants=("single",)), trials(variants=("dual",))
    record(store, "noise", mine + shared)
    record(store, "noise", mine, "v2")
    record(store, "other", shared)
    for trial in mine + shared:
        train(store, trial)
    with store.deleting_sweep("noise", "default", alive) as parts:
        assert (parts.versions, len(parts.alone), len(parts.shared)) == (2, 2, 2)
    assert [sweep.name for sweep in store.sweeps()] == ["other"]
    assert store.known([trial.fingerprint for trial in mine]) == {}
    assert {outcome.state for outcome in store.snapshot("other").outcomes} == {"finished"}
    with pytest.raises(RequestError, match="no sweep named 'noise'"):
        store.snapshot("noise")
    told = store.pending(1000)
    gone = {trial.fingerprint for trial in mine}
    assert not [row for row in told if row.payload.get("fingerprint") in gone], "MLflow is told of none of it any more"
    assert [row.payload for row in told if row.payload.get("name") == "noise"] == [{"name": "noise", "profile": "default"}]
    assert told[-1].kind == "deleted"
    record(store, "noise", mine)
    assert {outcome.state for outcome in store.snapshot("noise").outcomes} == {"pending"}
    assert train(store, mine[0]).number == 1


def test_nothing_goes_when_the_block_ends_in_an_exception(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, "noise", trials())
    train(store, trials()[0])
    before = (store.snapshot("noise"), store.pending(100), store.history(trials()[0].fingerprint))
    with pytest.raises(OSError, match="disk"), store.deleting_sweep("noise", "default", alive):
        raise OSError("disk")
    assert (store.snapshot("noise"), store.pending(100), store.history(trials()[0].fingerprint)) == before


def test_a_sweep_of_which_a_trial_runs_is_not_deleted_unless_its_driver_is_dead(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, "noise", trials())
    train(store, trials()[0], end=False)
    with pytest.raises(RequestError, match=r"1 trial runs of sweep noise .profile default., such as single-0; stop its run first"):
        delete(store, "noise")
    assert len(store.snapshot("noise").outcomes) == 4
    with store.deleting_sweep("noise", "default", lambda owner: owner == "me"):
        pass
    assert store.sweeps() == []


def test_only_trials_of_nobody_are_deleted(store: ResultsStore, trials: MakeTrials) -> None:
    old, new = trials(variants=("single",)), trials(variants=("dual",))
    record(store, "noise", old)
    for trial in old:
        train(store, trial)
    record(store, "noise", new)  # the same version planned anew
    record(store, "other", old[:1])
    running = train(store, old[1], end=False)
    asked = [trial.fingerprint for trial in old + new]
    for expected in ([], [old[1].fingerprint]):
        with store.deleting_trials(asked, alive) as gone:
            assert gone == expected
        if not expected:
            store.end(running, "stopped")
    assert set(store.known(asked)) == {trial.fingerprint for trial in [old[0], *new]}


def test_nobody_begins_an_attempt_while_files_are_put_aside(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, "noise", trials())
    name = trials()[0].fingerprint
    with store.idle(name, alive) as use:
        assert use is not None
        assert use.fingerprint == name
    held = train(store, trials()[0], end=False)
    with store.idle(name, alive) as use:
        assert use is None
    with store.idle(name, lambda owner: owner == "me") as use:
        assert use is not None, "of a dead driver"
    store.end(held, "lost")
    with store.idle("no such trial", alive) as use:
        assert use is None


def test_who_needs_what(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, "noise", trials(), keep="average")
    record(store, "noise", trials(steps=20), "v2", keep="average")
    record(store, "other", trials(variants=("dual",)))
    train(store, trials()[0])
    (use,) = store.uses([trials()[0].fingerprint])
    assert [(wish.sweep, wish.newest, wish.steps, wish.keep) for wish in use.wishes] == [
        ("noise", False, 10, "average"),
        ("noise", True, 20, "average"),
    ]
    assert (use.evaluated, use.settled, use.live) == (frozenset({(10, "eval")}), False, False)
    assert [(one.number, one.state, one.checkpoint_step, one.comparability) for one in use.attempts] == [
        (1, "finished", 10, {"device": "cpu"})
    ]
    shared = store.uses()[0]
    assert shared.fingerprint == "dual-0-fingerprint"
    assert [(wish.sweep, wish.keep) for wish in shared.wishes] == [("noise", "average"), ("noise", "average"), ("other", "resumable")]
    assert shared.attempts == ()


def test_a_cancelled_trial_is_given_to_nobody(store: ResultsStore, trials: MakeTrials) -> None:
    record(store, "noise", trials())
    name, other = trials()[0].fingerprint, trials()[1].fingerprint
    held = train(store, trials()[0], end=False)
    assert store.cancel(name) == held.number
    assert store.cancelled([name, other, "unknown"]) == {name}
    store.end(held, "stopped")
    assert store.acquire_lease(name, owner="you", lease_seconds=60, is_dead=alive) is None
    assert store.known([name, other])[name].cancelled
    assert store.history(name).cancelled is not None
    assert [outcome.state for outcome in store.snapshot("noise").outcomes][:2] == ["cancelled", "pending"]
    assert store.cancel(name, undo=True) is None
    assert store.acquire_lease(name, owner="you", lease_seconds=60, is_dead=alive) is not None
