"""What waited in the outbox of an older version, when MLflow was its only tracker, still reaches MLflow: that, once, and nothing more."""

import sqlite3
from contextlib import closing
from pathlib import Path

from real_sweeps import drained, mirror_of

from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore

KEPT = Path(__file__).parents[1] / "store" / "kept" / "0006.sql"
"""Two trials were delivered, five times in all, before MLflow was away for two more."""


def test_it_is_delivered_under_the_mark_that_was_left(settings: Settings) -> None:
    from mlflow import MlflowClient

    with closing(sqlite3.connect(settings.root / "sweeper.db")) as database:
        database.executescript(KEPT.read_text(encoding="utf-8"))
        waited = database.execute("SELECT id, kind FROM outbox ORDER BY id").fetchall()
        (mark,) = database.execute("SELECT mark FROM mirror_lease").fetchone()
    assert len(waited) == 17
    name, _, count = mark.partition(":")
    client = MlflowClient(tracking_uri=settings.tracking_uri)
    place = (settings.artifacts / "mlflow" / "tiny").as_uri()
    experiment = client.create_experiment("tiny", place, {f"sweeper.told.{name}": count})

    ResultsStore.upgrade(settings.store_url)
    with ResultsStore.open(settings.store_url) as store:
        assert [(row.id, row.kind) for row in store.pending(100)] == waited
        delivery = mirror_of(settings, store)
        assert drained(delivery) == len(waited), "MLflow has what was delivered: nothing is sent again"
        assert (delivery.refused, store.mark()) == (0, f"{name}:{int(count) + 1}")
    assert client.get_experiment(experiment).tags[f"sweeper.told.{name}"] == str(int(count) + 1)
    runs = client.search_runs([experiment], "tags.`sweeper.kind` = 'trial'")
    assert sorted((run.data.tags["sweeper.variant"], run.data.tags["sweeper.seed"], run.info.status) for run in runs) == [
        ("dual", "1", "FINISHED"),
        ("single", "1", "FINISHED"),
    ]
    for run in runs:
        assert {point.step for point in client.get_metric_history(run.info.run_id, "train_loss")} == {10, 20}
        assert "fd_digits" in run.data.metrics
