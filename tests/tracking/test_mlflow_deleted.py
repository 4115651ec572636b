"""A sweep that was deleted is gone from MLflow too, and what is called by its name later begins with new runs."""

from typing import Any

from mlflow import MlflowClient
from real_sweeps import drained, mirror_of, planned, train

from sweeper.records import OutboxRow
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore


def runs(settings: Settings, stage: int = 1) -> list[tuple[str, str]]:
    """(profile, trial or nothing) of active runs; `stage` 2 is of deleted ones."""
    client = MlflowClient(tracking_uri=settings.tracking_uri)
    found = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()], run_view_type=stage)
    return sorted((run.data.tags["sweeper.profile"], run.data.tags.get("sweeper.trial", "")) for run in found)


def delete(store: ResultsStore, profile: str) -> None:
    with store.deleting_sweep("noise", profile, lambda _: True):
        pass


def test_its_runs_are_deleted_and_those_of_other_profiles_stay(settings: Settings, mirrored: ResultsStore) -> None:
    before = runs(settings)
    assert {profile for profile, _ in before} == {"default", "smoke"}
    delete(mirrored, "default")
    sync = mirror_of(settings, mirrored)
    assert drained(sync) == 1
    assert sync.refused == 0
    assert runs(settings) == [("smoke", ""), ("smoke", "single-0")]
    assert len(runs(settings, stage=2)) == len(before) - 2
    mirrored.close()


def test_one_of_the_same_name_begins_with_new_runs(settings: Settings, mirrored: ResultsStore) -> None:
    delete(mirrored, "default")
    trial = planned("single", 1)
    mirrored.record_sweep(name="noise", profile="default", version="v9", spec={"question": "Again?"}, trials=[trial])
    held = mirrored.acquire_lease(trial.fingerprint, owner="host:1:1", lease_seconds=60, is_dead=lambda _: False)
    assert held is not None
    assert held.number == 1
    mirrored.started(held, start_step=0, comparability={}, provenance={})
    mirrored.points(held, 1, {"train_loss": 7.0}, 9_000)
    assert drained(mirror_of(settings, mirrored))
    assert [run for run in runs(settings) if run[0] == "default"] == [("default", ""), ("default", "single-1")]
    client = MlflowClient(tracking_uri=settings.tracking_uri)
    experiment = client.get_experiment_by_name("noise")
    (shown,) = client.search_runs([experiment.experiment_id], "tags.`sweeper.trial` = 'single-1'")
    assert [(point.step, point.value) for point in client.get_metric_history(shown.info.run_id, "train_loss")] == [(1, 7.0)]
    mirrored.close()


def test_a_run_that_was_deleted_by_hand_does_not_stand_in_the_way(settings: Settings, mirrored: ResultsStore) -> None:
    client = MlflowClient(tracking_uri=settings.tracking_uri)
    experiment = client.get_experiment_by_name("noise")
    for run in client.search_runs([experiment.experiment_id], "tags.`sweeper.profile` = 'default'"):
        client.delete_run(run.info.run_id)
    delete(mirrored, "default")
    sync = mirror_of(settings, mirrored)
    drained(sync)
    assert sync.refused == 0
    assert {profile for profile, _ in runs(settings)} == {"smoke"}
    mirrored.close()


def test_rows_that_the_mirror_had_read_before_the_delete_do_not_stop_it(settings: Settings, mirrored: ResultsStore) -> None:
    """The sweep goes between the reading of its news and their telling."""
    trial = planned("single", 1)
    mirrored.requeue_all()
    train_again = mirrored.acquire_lease(trial.fingerprint, owner="host:1:1", lease_seconds=60, is_dead=lambda _: False)
    assert train_again is not None
    mirrored.points(train_again, 9, {"train_loss": 3.0}, 9_000)

    class ThenDeleted:
        def __init__(self) -> None:
            self.deleted = False

        def pending(self, limit: int) -> list[OutboxRow]:
            rows = mirrored.pending(limit)
            if not self.deleted:
                self.deleted = True
                delete(mirrored, "default")
                delete(mirrored, "smoke")
            return rows

        def __getattr__(self, name: str) -> Any:
            return getattr(mirrored, name)

    sync = mirror_of(settings, ThenDeleted())  # type: ignore[arg-type]
    drained(sync)
    assert mirrored.backlog() == 0
    assert sync.refused == 0
    assert runs(settings) == []
    mirrored.close()


def test_a_trial_that_finishes_in_another_sweep_is_told_there_alone(settings: Settings, mirrored: ResultsStore) -> None:
    delete(mirrored, "default")
    train(mirrored, planned("single", 0), "diverged", settings.trials)
    drained(mirror_of(settings, mirrored))
    assert runs(settings) == [("smoke", ""), ("smoke", "single-0")]
    mirrored.close()
