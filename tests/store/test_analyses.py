"""Analyses of trials' weights in a store of either kind: the first telling stands, they go with their trial, and travel with a sweep."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.analysis_result import AnalysisArray, Axis
from sweeper.errors import RequestError
from sweeper.records import PlannedTrial, TrialAnalysis
from sweeper.service.export_sweep import ExportRequest, export_sweep
from sweeper.service.import_sweep import import_sweep
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsReader, ResultsStore
from tests.cli.exchanged import Members, edited, made_over, members_of
from tests.store.test_exchange import fill

MakeTrials = Callable[..., list[PlannedTrial]]
WHEN = datetime(2026, 11, 28, 12, 0, 0, 250_000, UTC)
ARRAY = AnalysisArray(
    "mass", "attention, over chance", (Axis("layer", (1.0, 2.0)), Axis("direction", ("noisy->clean", "clean->noisy"))),
    np.array([[0.1 + 0.2, np.nan], [1e-300, 2.0]]),
)  # fmt: skip


def of(trial: PlannedTrial, analysis: str = "attention_mass", **changes: Any) -> TrialAnalysis:
    plain = (ARRAY.to_json(),)
    return dataclasses.replace(
        TrialAnalysis(trial.fingerprint, analysis, 1, trial.steps, "ab" * 32, "asked", plain, {"images": 359, "seen": "\u00e9"}, WHEN),
        **changes,
    )


def record(store: ResultsStore, trials: list[PlannedTrial], name: str = "noise") -> None:
    store.record_sweep(name=name, profile="default", version="v1", spec={"question": "?"}, trials=trials)


def test_the_first_telling_stands(store: ResultsStore, trials: MakeTrials) -> None:
    one, other = trials()[:2]
    record(store, [one, other])
    backlog = store.backlog()
    assert store.keep_analyses([of(one), of(one, "probe", arrays=(), details={"not_applicable": "no classes"})]) == 2
    others = [of(one, weights="cd"), of(one, version=2), of(one, step=4), of(one, asked="otherwise")]
    assert store.keep_analyses([of(one, arrays=()), of(other), *others]) == 5
    names = [one.fingerprint, other.fingerprint]
    found = store.analyses(names)
    assert len(found) == 7
    assert of(one) in found, "to the last digit"
    assert [row.not_applicable for row in store.analyses(names, ["probe"])] == ["no classes"]
    assert store.analyses([other.fingerprint]) == [of(other)]
    (array,) = found[0].arrays
    np.testing.assert_array_equal(AnalysisArray.from_json(array).values, ARRAY.values)
    assert store.backlog() == backlog, "trackers hear nothing of them"


def test_of_a_trial_that_is_gone_nothing_is_kept(store: ResultsStore, trials: MakeTrials) -> None:
    here, gone = trials()[:2]
    record(store, [here])
    assert store.keep_analyses([of(here), of(gone)]) == 1
    assert store.analyses([gone.fingerprint]) == []


def test_a_number_that_no_store_holds_is_refused_and_nothing_is_kept(store: ResultsStore, trials: MakeTrials) -> None:
    trial = trials()[0]
    record(store, [trial])
    with pytest.raises(ValueError, match="holds a number that no store holds"):
        store.keep_analyses([of(trial), of(trial, "probe", details={"x": float("inf")})])
    assert store.analyses([trial.fingerprint]) == []


def test_they_go_with_their_trial(store: ResultsStore, trials: MakeTrials) -> None:
    mine, shared = trials(variants=("single",)), trials(variants=("dual",))
    record(store, mine + shared)
    record(store, shared, "other")
    store.keep_analyses(map(of, mine + shared))
    with store.deleting_sweep("noise", "default", lambda _: False):
        pass
    assert {one.fingerprint for one in store.analyses([trial.fingerprint for trial in mine + shared])} == {t.fingerprint for t in shared}


@pytest.fixture
def there(tmp_path: Path, trials: MakeTrials) -> Settings:
    """A store with a sweep, two analyses of one of its trials, and one of a trial of another sweep."""
    settings = Settings(home=tmp_path / "there")
    settings.root.mkdir()
    fill(settings.store_url, trials)
    stranger = trials(seeds=(9,))[0]
    with ResultsStore.open(settings.store_url) as store:
        record(store, [stranger], "others")
        assert store.keep_analyses([of(trials()[0]), of(trials()[0], "probe", arrays=()), of(stranger)]) == 3
    return settings


def test_they_travel_with_the_sweep(there: Settings, tmp_path: Path, trials: MakeTrials) -> None:
    here, trial = Settings(home=tmp_path / "here"), trials()[0]
    assert export_sweep(there, ExportRequest("moved", None, tmp_path / "one.zip")).analyses == 2
    assert import_sweep(here, tmp_path / "one.zip", dry_run=True).taken.analyses == 2
    assert import_sweep(here, tmp_path / "one.zip").taken.analyses == 2
    found = ResultsReader.look(here.store_url)
    assert found is not None
    with found:
        assert found.analyses([trial.fingerprint]) == [of(trial), of(trial, "probe", arrays=())]
    assert import_sweep(here, tmp_path / "one.zip").taken.analyses == 0
    export_sweep(here, ExportRequest("moved", None, tmp_path / "two.zip"))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_an_archive_without_any_is_what_older_versions_read(tmp_path: Path, trials: MakeTrials) -> None:
    settings = Settings(home=tmp_path / "there")
    settings.root.mkdir()
    fill(settings.store_url, trials)
    export_sweep(settings, ExportRequest("moved", None, tmp_path / "one.zip"))
    assert json.loads(members_of(tmp_path / "one.zip")["sweep.json"])["format"] == 1


def twice(members: Members) -> None:
    first = members["analyses.jsonl"].splitlines(keepends=True)[0]
    members["analyses.jsonl"] = first + first


LIES: dict[str, tuple[Callable[[Members], None], str]] = {
    "more values": (edited("analyses.jsonl", lambda one: one["arrays"][0]["values"].append(1.0)), "another number of values than its axes"),
    "a text for a number": (edited("analyses.jsonl", lambda one: one["arrays"][0]["values"].__setitem__(0, "x")), "valid number"),
    "another trial": (edited("analyses.jsonl", lambda one: one.update(fingerprint="abcd1234")), "of trial abcd1234, which is not there"),
    "asked nothing": (edited("analyses.jsonl", lambda one: one.pop("asked")), "asked: Field required"),
    "twice": (twice, "is there twice, or not in its place"),
    "out of order": (edited("analyses.jsonl", lambda one: one.update(analysis="zzz")), "is there twice, or not in its place"),
    "of the future": (edited("analyses.jsonl", lambda one: one.update(created="2999-01-01T00:00:00Z")), "it speaks of 2999"),
    "two axes of one name": (
        edited("analyses.jsonl", lambda one: one["arrays"][0]["axes"][1].update(name="layer")), "two axes of one name",
    ),
    "none of them": (lambda members: members.pop("analyses.jsonl") and None, "it does not begin with"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_an_archive_that_lies_about_them_is_refused(there: Settings, tmp_path: Path, lie: str) -> None:
    change, why = LIES[lie]
    export_sweep(there, ExportRequest("moved", None, tmp_path / "good.zip"))
    made_over(tmp_path / "good.zip", tmp_path / "bad.zip", change, lambda info: None)
    here = Settings(home=tmp_path / "here")
    with pytest.raises(RequestError, match=why):
        import_sweep(here, tmp_path / "bad.zip")
    assert not here.root.exists()
