"""What the mirror does with rows that MLflow refuses, runs that are gone, hostile names, and a store that fails."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.records import OutboxRow
from sweeper.tracking.failures import Refused, TrackingAway
from sweeper.tracking.outbox_events import read_row


def test_runs_deleted_by_hand_come_back(setup: Any) -> None:
    setup.source.whole_trial()
    sync = setup.sync()
    sync.drain()
    child = setup.only("trial")
    setup.look.delete_run(child.info.run_id)
    setup.source.points(4, {"train_loss": 0.25})
    sync.drain()
    assert len(setup.curve(child, "train_loss")) == 4
    setup.look.delete_experiment(child.info.experiment_id)
    setup.source.points(5, {"train_loss": 0.2})
    sync.drain()
    assert setup.only("trial").info.run_id == child.info.run_id
    assert len(setup.curve(child, "train_loss")) == 5
    assert sync.refused == 0


def test_a_database_that_lost_the_runs_gets_them_back(setup: Any) -> None:
    setup.source.whole_trial()
    sync = setup.sync()
    sync.drain()
    setup.look.delete_run(setup.only("trial").info.run_id)
    setup.look.delete_run(setup.only("sweep").info.run_id)
    # What `mlflow gc` does, without a second process.
    with sqlite3.connect(setup.folder / "mlflow.db") as database:
        for table in ("metrics", "latest_metrics", "params", "tags", "runs"):
            database.execute(f"delete from {table}")
    database.close()
    setup.source.points(4, {"train_loss": 0.25})
    sync.drain()
    child = setup.only("trial")
    assert [step for step, _, _ in setup.curve(child, "train_loss")] == [1, 2, 3, 4]
    assert child.info.status == "FINISHED"
    assert child.info.run_name == "dual/none · seed 0"
    assert setup.only("sweep").info.status == "FINISHED"
    assert sync.refused == 0


def test_a_child_that_was_left_half_built_is_completed(setup: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.source.whole_trial()
    # As after a restart with an empty database: the links were told to the old one.
    setup.source.rows.clear()
    setup.source.points(4, {"train_loss": 0.25})
    with monkeypatch.context() as patch:
        patch.setattr("sweeper.tracking.mlflow_client.QuietClient.record", away)
        with pytest.raises(TrackingAway):
            setup.sync().drain()
    assert setup.only("trial").data.metrics == {}
    assert setup.sync().drain() == 1
    child = setup.only("trial")
    assert [step for step, _, _ in setup.curve(child, "train_loss")] == [1, 2, 3, 4]
    assert child.info.status == "FINISHED"


def away(*_arguments: Any, **_named: Any) -> Any:
    raise TrackingAway("gone")


def test_a_history_with_a_point_that_mlflow_refuses_is_copied_without_it(setup: Any) -> None:
    setup.source.whole_trial()
    setup.source.points(2**70, {"train_loss": 1.0})
    setup.source.rows.clear()
    setup.source.points(4, {"train_loss": 0.25})
    sync = setup.sync()
    assert sync.drain() == 1
    assert sync.refused == 0
    assert [step for step, _, _ in setup.curve(setup.only("trial"), "train_loss")] == [1, 2, 3, 4]


HOSTILE = "'; DROP TABLE runs; --\"`<script>\n../../x\0\ud800\u202e $(x) {y}"


def test_hostile_strings_are_kept_and_hurt_nothing(setup: Any) -> None:
    source = setup.source
    source.sweep(HOSTILE, HOSTILE, HOSTILE)
    source.link("../../evil", HOSTILE, HOSTILE)
    source.put(
        "link",
        name=HOSTILE,
        profile=HOSTILE,
        fingerprint="../../evil",
        variant=HOSTILE,
        levels={HOSTILE: HOSTILE},
        seed=1,
        config={HOSTILE: {"../../a": HOSTILE, "": 1}},
    )
    source.points(1, {HOSTILE: 1.0, "..": 2.0, "": 3.0}, "../../evil")
    source.evaluation(1, {"fd_digits": 1.0}, {HOSTILE: HOSTILE}, "../../evil")
    source.attempt("failed", "../../evil", error=HOSTILE)
    rows = source.pending(100)
    sync = setup.sync()
    sync.drain()
    source.put_again(rows)
    setup.sync().drain()
    assert sync.refused == 0
    (experiment,) = [found for found in setup.look.search_experiments() if found.name != "Default"]
    assert Path(experiment.artifact_location.removeprefix("file://")).parent == setup.folder / "artifacts" / "mlflow"
    parent, child = setup.look.search_runs([experiment.experiment_id], order_by=["start_time"])
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert "DROP TABLE" in parent.data.tags["mlflow.note.content"]
    assert yaml.safe_load(setup.artifact(parent, "spec.yaml"))["seeds"] == [0, 1]


def test_a_sweep_called_default_is_not_put_in_the_current_directory(setup: Any) -> None:
    setup.source.sweep("Default")
    setup.sync().drain()
    assert not any((setup.folder / "cwd").iterdir())
    assert any((setup.folder / "artifacts" / "mlflow").iterdir())


POISON: list[tuple[Any, dict[str, Any]]] = [
    ("points", {"fingerprint": "f0", "step": 1, "metrics": {"a": 1.0}, "time_ms": -5}),
    ("points", {"fingerprint": "f0", "step": 1, "metrics": {"a": "x"}, "time_ms": 5}),
    ("points", {"fingerprint": "f0"}),
    ("attempt", {"fingerprint": "f0", "attempt": 1, "state": "happy", "time_ms": 1}),
    ("link", {"name": "noise"}),
    ("sweep", {"name": 3}),
    ("gossip", {}),
]


@pytest.mark.parametrize(("kind", "payload"), POISON)
def test_a_row_that_mlflow_refuses_does_not_hold_up_the_others(
    setup: Any, kind: Any, payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    setup.source.link()
    setup.source.points(1, {"train_loss": 1.0})
    bad = setup.source.put(kind, **payload)
    setup.source.points(2, {"train_loss": 0.5})
    sync = setup.sync()
    assert sync.drain() == 4
    assert (setup.source.backlog(), sync.refused) == (0, 1)
    assert [step for step, _, _ in setup.curve(setup.only("trial"), "train_loss")] == [1, 2]
    (warning,) = [record.getMessage() for record in caplog.records if record.name.startswith("sweeper.")]
    assert f"row {bad.id} ({kind})" in warning


def test_a_row_that_breaks_mlflow_is_given_up_after_a_few_tries(setup: Any) -> None:
    setup.source.link()
    sync = setup.sync()
    sync.drain()
    setup.source.points(2**70, {"train_loss": 1.0})
    setup.source.points(2, {"train_loss": 0.5})
    for _ in range(2):
        with pytest.raises(TrackingAway, match="int too large"):
            sync.drain()
        assert setup.source.backlog() == 2
    assert sync.drain() == 2
    assert sync.refused == 1
    assert [step for step, _, _ in setup.curve(setup.only("trial"), "train_loss")] == [2]


def test_a_deadline_ends_a_drain_between_rows(setup: Any) -> None:
    for number in range(3):
        setup.source.link(f"f{number}")
    assert setup.sync().drain(deadline=0.0) == 1
    assert setup.source.backlog() == 2


def test_what_the_store_raises_passes_through_and_keeps_the_rows(setup: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.source.link()

    def lost(*_: str) -> Any:
        raise LookupError("the store is gone")

    monkeypatch.setattr(setup.source, "shown", lost)
    with pytest.raises(LookupError, match="the store is gone"):
        setup.sync().drain()
    assert setup.source.backlog() == 1


def test_nothing_is_imported_before_it_is_needed_and_nothing_is_printed(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from sync_source_fake import FakeSource
from sweeper.tracking import sync_loop, ui
from sweeper.tracking.delivery import Delivery
from sweeper.tracking.mlflow_tracker import MlflowTracker
source = FakeSource()
mirror = Delivery(MlflowTracker("sqlite:///mlflow.db", Path("artifacts"), Path("trials"), source), source, "MLflow")
assert mirror.drain() == 0
assert "mlflow" not in sys.modules
source.sweep(); source.link(); source.attempt("finished")
source.put("points", fingerprint="f0", step=1, metrics={{"a": 1.0}}, time_ms=-1)
assert mirror.drain() == 4
assert mirror.refused == 1
import threading
assert threading.active_count() == 1, threading.enumerate()
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artifacts", "mlflow.db"]


def test_reading_a_row_never_fails_otherwise() -> None:
    for kind, payload in POISON[1:]:
        with pytest.raises(Refused, match="outbox row 7"):
            read_row(OutboxRow(7, kind, payload))
