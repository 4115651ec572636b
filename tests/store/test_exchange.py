"""A sweep goes from a store of either kind to one of either kind, and comes back the same bytes."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from sweeper.records import PlannedTrial
from sweeper.service.export_sweep import ExportRequest, export_sweep
from sweeper.service.import_sweep import import_sweep
from sweeper.settings import Settings
from sweeper.spec.load import load_sweep
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]
SWEEP = Path(__file__).parents[1] / "three_seeds.yaml"


def fill(url: str, trials: MakeTrials) -> None:
    """Two versions of a sweep; of its trials some finished, some failed or were lost, and one never began."""
    spec = load_sweep(SWEEP, profile=None, overrides=()).spec.model_dump(mode="json")
    planned = trials(seeds=(0, 1, 2))
    with ResultsStore.open(url) as store:
        for version, some in (("v1", planned[:4]), ("v2", planned)):
            store.record_sweep(name="moved", profile="default", version=version, spec=spec, trials=some, command="sweeper run it")
        ends = iter(("finished", "failed", "lost", "finished", "diverged"))
        for number, trial, end in zip(count(), planned, ends, strict=False):
            lease = store.acquire_lease(trial.fingerprint, owner="there:1:1", lease_seconds=60, is_dead=lambda _: False)
            assert lease is not None
            store.started(lease, start_step=0, comparability={"device": "cpu", "threads": 1}, provenance={"git": None, "1": [0.1, 1e-300]})
            for step in (2, 4):
                store.points(lease, step, {"train_loss": 1 / (step + number), "grad_norm": 1e-17}, 1_700_000_000_000 + step)
            store.checkpointed(lease, 4)
            if end == "finished":
                metrics = {"held_out_loss": 0.1 + number / 3, "class_accuracy": 1.0}
                store.evaluated(lease, 10, "eval", metrics, {"samples": 5, "note": "\u00e9\U0001f600"}, 1_700_000_000_010)
            error = "RuntimeError: no\nTraceback: here" if end in ("failed", "diverged") else None
            store.end(lease, end, error, failure="fault" if end == "failed" else None, policy="said")  # type: ignore[arg-type]
        store.delivered(row.id for row in store.pending(1000))


@pytest.mark.parametrize(("first", "second"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_from_one_kind_of_database_to_the_other_and_back(
    request: pytest.FixtureRequest, trials: MakeTrials, tmp_path: Path, first: str, second: str
) -> None:
    urls = {"sqlite": f"sqlite:///{tmp_path / 'one.db'}", "postgresql": request.getfixturevalue("postgres_url")}
    fill(urls[first], trials)
    there = Settings(home=tmp_path / "there", database_url=urls[first])
    here = Settings(home=tmp_path / "here", database_url=urls[second])
    done = export_sweep(there, ExportRequest("moved", None, tmp_path / "there.zip"))
    assert (done.versions, done.trials, done.attempts, done.unnamed) == (2, 6, 5, 6), "names of made-up trials are made of nothing"
    looked = import_sweep(here, tmp_path / "there.zip", dry_run=True)
    with ResultsStore.open(urls[second]) as store:
        assert store.sweeps() == []
    done_here = import_sweep(here, tmp_path / "there.zip")
    taken = done_here.taken
    assert (taken.versions, taken.trials, len(taken.attempts), taken.here) == (2, 6, 5, 0)
    assert looked.taken.attempts == taken.attempts
    with ResultsStore.open(urls[second]) as store, ResultsStore.open(urls[first]) as other:
        assert store.snapshot() == other.snapshot()
        assert [row.kind for row in store.pending(1000)] == ["sweep", "sweep", *["link"] * 6], "so that MLflow hears of all of it"
        before = store.attempt_history(trials()[0].fingerprint, 1)
        assert before is not None
        assert before.attempt.started < datetime.now(UTC)
    assert (looked.backlogs, done_here.backlogs) == ({}, {"mlflow": 8})
    nobody = import_sweep(here.model_copy(update={"trackers": "none"}), tmp_path / "there.zip")
    assert nobody.backlogs == {}, "no run sends these: the next one drops them"
    again = nobody.taken
    assert (again.versions, again.trials, again.attempts, again.here, again.touched) == (0, 0, {}, 5, set())
    export_sweep(here, ExportRequest("moved", None, tmp_path / "here.zip"))
    assert (tmp_path / "here.zip").read_bytes() == (tmp_path / "there.zip").read_bytes()
