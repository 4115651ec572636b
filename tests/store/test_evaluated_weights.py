"""What `sweeper evaluate` measured, in a store of either kind: the first result of a name stands, until it is forgotten; it travels."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from sweeper.errors import RequestError
from sweeper.records import MeasuredWeights
from sweeper.service.export_sweep import ExportRequest, export_sweep
from sweeper.service.import_sweep import import_sweep
from sweeper.service.rebuild_store import rebuild_store
from sweeper.service.sweep_records import write_sweep_record
from sweeper.settings import Settings
from sweeper.spec.load import load_sweep
from sweeper.store.results_store import ResultsReader, ResultsStore
from tests.store.test_exchange import SWEEP

WHEN = datetime(2026, 11, 28, 12, 0, 0, 250_000, UTC)
EVALUATION = {
    "samples": 50_000,
    "labels": "random",
    "sampler": {"kind": "euler_maruyama", "steps": 250},
    "guidance": {"scale": 1.5, "interval": [0.0, 1.0], "channels": "all"},
    "extractor": {"kind": "inception", "weights_hash": "6726825d"},
    "reference_hash": "0123",
    "autoencoder": None,
}
PROTOCOL = {"weights": "abcd", "evaluation": EVALUATION, "precision": "fp32", "device": "cpu (one)", "torch": "2.13.0"}


def of(name: str, fid: float = 2.15) -> MeasuredWeights:
    return MeasuredWeights(name, {"fid": fid, "recall": 0.1 + 0.2}, PROTOCOL, {"reference": "adm.npz (0123)"}, WHEN)


def test_the_first_result_of_a_name_stands_until_it_is_forgotten(store: ResultsStore) -> None:
    assert store.measured_weights() == ()
    assert store.keep_weights([of("b"), of("a")]) == 2
    assert store.keep_weights([of("a", 9.0), of("c")]) == 1
    assert store.measured_weights() == (of("a"), of("b"), of("c")), "to the last digit, by name"
    assert store.measured_weights(["b", "no such"]) == (of("b"),)
    assert (store.forget_weights("b"), store.forget_weights("b")) == (True, False)
    assert [one.name for one in store.measured_weights()] == ["a", "c"]
    with pytest.raises(ValueError, match="only finite values are stored"):
        store.keep_weights([of("nan", float("nan"))])
    assert store.backlog() == 0, "MLflow hears nothing of them"


def record(url: str, *published: str) -> None:
    spec = load_sweep(SWEEP, profile=None, overrides=()).spec.model_dump(mode="json") | {"report": {"published": list(published)}}
    with ResultsStore.open(url) as store:
        store.record_sweep(name="moved", profile="default", version="v1", spec=spec, trials=[])


def test_what_a_report_shows_of_them_travels_with_the_sweep(tmp_path: Path) -> None:
    there, here = Settings(home=tmp_path / "there"), Settings(home=tmp_path / "here")
    there.root.mkdir()
    record(there.store_url, "mine", "2607.02508-cells", "other")
    with ResultsStore.open(there.store_url) as store:
        store.keep_weights([of("mine"), of("other"), of("unnamed")])
    assert export_sweep(there, ExportRequest("moved", None, tmp_path / "moved.zip")).weights == 2
    here.root.mkdir()
    with ResultsStore.open(here.store_url) as store:
        store.keep_weights([of("other", 3.0)])
    taken = import_sweep(here, tmp_path / "moved.zip").taken
    assert (taken.weights, taken.other_weights) == (["mine"], ["other"])
    again = import_sweep(here, tmp_path / "moved.zip").taken
    assert (again.weights, again.other_weights) == ([], ["other"])
    found = ResultsReader.look(here.store_url)
    assert found is not None
    with found:
        assert found.measured_weights() == (of("mine"), of("other", 3.0)), "what is here stays"
        assert found.snapshot("moved").weights == found.measured_weights()


def test_an_archive_whose_protocol_means_nothing_is_refused(tmp_path: Path) -> None:
    there, here = Settings(home=tmp_path / "there"), Settings(home=tmp_path / "here")
    there.root.mkdir()
    record(there.store_url, "odd")
    with ResultsStore.open(there.store_url) as store:
        store.keep_weights([MeasuredWeights("odd", {"fid": 1.0}, {"evaluation": {}}, {}, WHEN)])
    export_sweep(there, ExportRequest("moved", None, tmp_path / "moved.zip"))
    with pytest.raises(RequestError, match="the protocol or the details of weights odd mean nothing to this sweeper"):
        import_sweep(here, tmp_path / "moved.zip")
    assert not here.root.exists()


def test_their_order_is_that_of_no_database(store: ResultsStore) -> None:
    """A database that sorts as people do has dit before SiT, and the archive would be refused elsewhere."""
    store.keep_weights([of("dit"), of("SiT")])
    assert [one.name for one in store.measured_weights()] == ["SiT", "dit"]
    asked: list[str] = []
    sa.event.listen(store._database._engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    store.measured_weights()
    assert not any("ORDER BY" in statement for statement in asked if "evaluated_weights" in statement)


def test_a_store_that_is_made_again_has_them(tmp_path: Path) -> None:
    settings, one = Settings(home=tmp_path / "home"), of("mine")
    folder = settings.root / "evaluations" / "mine"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"metrics": one.metrics, "protocol": one.protocol, "details": one.details}))
    record(settings.store_url, "mine")
    with ResultsStore.open(settings.store_url) as store:
        store.keep_weights([one])
        write_sweep_record(store, settings, "moved", "default", "v1")
    for file in settings.root.glob("sweeper.db*"):
        file.unlink()
    rebuild_store(settings)
    assert export_sweep(settings, ExportRequest("moved", None, tmp_path / "moved.zip")).weights == 1
