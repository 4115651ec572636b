"""How long finished attempts took, for planning others of their shape: on every database."""

from collections.abc import Callable

from sweeper.records import PlannedTrial
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]


def test_finished_attempts_say_how_long_they_took_the_newest_first(store: ResultsStore, trials: MakeTrials) -> None:
    planned = trials(steps=10)
    store.record_sweep(name="noise", profile="default", version="v1", spec={"question": "?"}, trials=planned)
    assert store.timings(10) == []
    for number, (trial, ending) in enumerate(zip(planned, ("finished", "failed", "finished", "finished"), strict=True), start=1):
        held = store.acquire_lease(trial.fingerprint, owner="me", lease_seconds=60, is_dead=lambda _: False)
        assert held is not None
        store.started(held, start_step=0, comparability={"device": "cpu"}, provenance={})
        details = {"looking": {"by": "network", "seconds_per_sample": 0.5}} if number == 4 else {}
        store.evaluated(held, 10, "eval", {"steps_per_second": 100.0 * number, "held_out_loss": 1.0}, details, 1)
        store.end(held, ending, None)  # type: ignore[arg-type]
    found = store.timings(10)
    assert [(t.config["seed"], t.config["timesteps"]["kind"], round(1 / t.seconds_per_step)) for t in found] == [
        (1, "dual", 400),
        (1, "single", 300),
        (0, "single", 100),
    ]
    assert all(t.other_seconds >= 0 and t.evaluation_fingerprint == "eval" and t.comparability == {"device": "cpu"} for t in found)
    assert [(t.looked_at_by, t.seconds_per_sample) for t in found] == [("network", 0.5), ("", None), ("", None)]
    assert [t.config["seed"] for t in store.timings(2)] == [1, 1]
