"""Weights measured here, beside a sweep's own rows: under their protocol, what differs from the sweep's said, and in no number of it."""

import csv
import dataclasses
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from report_snapshots import MakeSnapshot, finished

from sweeper.errors import RequestError
from sweeper.metrics import BUILT_IN
from sweeper.records import MeasuredWeights, SweepSnapshot
from sweeper.report.build import build_report
from sweeper.report.guidance_notes import guidance_notes
from sweeper.report.protocol_words import badge_of, guidance_words, sampler_words
from sweeper.report.render.formats import FORMATS, render
from sweeper.report.render.report_tables import tables_of
from sweeper.report.results import Report
from sweeper.report.weights_beside import _references_of

CELLS = "2607.02508-cells"
ALIKE = {
    "samples": 1000,
    "labels": "balanced",
    "sampler": {"kind": "euler", "steps": 50},
    "guidance": {"scale": 1.0, "interval": [0.0, 1.0], "channels": "all"},
    "extractor": {"kind": "classifier"},
    "reference_hash": "",
    "autoencoder": None,
}
"""The evaluation of the sweep of these tests."""


def weights(name: str = "SiT-XL", **asked: Any) -> MeasuredWeights:
    protocol = {
        "weights": "abcd",
        "evaluation": ALIKE | asked,
        "network": {"channels": 4, "resolution": 32, "classes": 1000},
        "precision": "fp32",
        "device": "NVIDIA H100 80GB HBM3",
        "torch": "2.13.0",
    }
    return MeasuredWeights(name, {"fid": 2.151, "recall": 0.62}, protocol, {}, datetime(2026, 11, 28, tzinfo=UTC))


def real(snapshot: SweepSnapshot, **evaluation: Any) -> SweepSnapshot:
    """The same sweep with levels that a config has, so that its evaluation can be read."""
    spec = dict(snapshot.spec)
    factors = spec["design"]["factors"] | {"separation": {"path": "attention.separation", "levels": ["none", "full"]}}
    changed = {"design": spec["design"] | {"factors": factors}, "base": spec["base"] | {"evaluation": evaluation}}
    return dataclasses.replace(snapshot, spec=spec | changed)


def beside(snapshot: SweepSnapshot, *found: MeasuredWeights, names: tuple[str, ...] = ()) -> Report:
    shown = {"published": [*names, *(one.name for one in found)]}
    return build_report(dataclasses.replace(snapshot, spec={**snapshot.spec, "report": shown}, weights=found))


def test_a_row_of_its_own_says_what_differs(default_sweep: MakeSnapshot) -> None:
    report = beside(
        real(default_sweep(), samples=1000), weights(samples=50_000, guidance={"scale": 1.5, "interval": [0.0, 0.7]}), names=(CELLS,)
    )
    assert [table.title for table in tables_of(report) if table.apart] == [
        f"Published figures, not of this sweep: {CELLS}",
        "Weights measured here, not of this sweep",
    ]
    (found,) = report.weights
    assert found.comparable is False
    assert found.differs["samples"] == ("50,000", "1,000")
    assert found.differs["guidance"] == ("1.5 in [0, 0.7]", "none")
    assert "labels" not in found.differs
    assert (
        "Not measured as this sweep's trials are: samples 50,000, here 1,000; sampler euler, 50 steps, here euler, 25 steps;"
        in found.remarks[-1]
    )
    (table,) = (table for table in tables_of(report) if table.title.startswith("Weights"))
    assert [cell.text for cell in table.rows[0].cells[:3]] == ["SiT-XL", "2.15", "0.620"]
    assert table.rows[0].cells[-1].lines[0] == "FID-50K · guidance 1.5 in [0, 0.7]"


def test_the_same_protocol_is_said_to_be_the_same(default_sweep: MakeSnapshot) -> None:
    (found,) = beside(real(default_sweep(), samples=1000, sampler={"steps": 50}), weights()).weights
    assert found.comparable is True
    assert "Measured as this sweep's trials are" in found.remarks[-1]


def test_no_number_of_the_sweep_knows_of_them(default_sweep: MakeSnapshot) -> None:
    alone, with_them = build_report(default_sweep()), beside(default_sweep(), weights())
    for part in ("variants", "contrasts", "effects", "claims", "notes", "metrics", "comparability", "snapshot", "published"):
        assert getattr(with_them, part) == getattr(alone, part), part


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "plots"])
def test_every_format_has_them(format: str, default_sweep: MakeSnapshot) -> None:
    text = render(beside(default_sweep(), weights()), format)
    assert "SiT-XL" in text
    assert "2.15" in text
    if format == "json":
        (found,) = json.loads(text)["measured"]
        assert found["values"] == {"fid": 2.151, "recall": 0.62}
        assert found["protocol"]["device"] == "NVIDIA H100 80GB HBM3"
    if format == "csv":
        rows = [row for row in csv.DictReader(io.StringIO(text)) if row["kind"] == "measured"]
        assert [(row["metric"], row["measured_value"], row["estimate"]) for row in rows] == [("fid", "2.151", ""), ("recall", "0.62", "")]


def test_an_unknown_name_is_answered_with_the_nearest_of_both_kinds(default_sweep: MakeSnapshot) -> None:
    snapshot = dataclasses.replace(default_sweep(), weights=(weights("SiT-XL"),))
    with pytest.raises(RequestError, match=r'report.published SiT-X: there is no such set; did you mean "SiT-XL"\?'):
        build_report(dataclasses.replace(snapshot, spec={**snapshot.spec, "report": {"published": ["SiT-X"]}}))


def test_words() -> None:
    assert guidance_words({"scale": 1, "interval": [0, 1]}) == "none"
    assert guidance_words({"scale": 4, "interval": [0, 1], "channels": "first3"}) == "4 in [0, 1] on the first 3 channels"
    badge = badge_of({"evaluation": ALIKE | {"sampler": {"kind": "dopri5", "steps": 50}}}, "adm.npz (01)")
    assert badge == ("FID-1K · no guidance", "dopri5 · labels balanced", "against adm.npz (01)")


def test_tolerances_and_the_reference_that_trials_were_measured_against_count() -> None:
    loose = {"kind": "dopri5", "relative_tolerance": 1e-3, "absolute_tolerance": 1e-6}
    assert sampler_words(loose) == "dopri5, tolerances 0.001 and 1e-06"
    assert sampler_words({"kind": "dopri5", "steps": 50}) == "dopri5"
    outcome = finished("new", 0, 9.0)
    measured = dataclasses.replace(outcome, comparability=dict(outcome.comparability) | {"evaluator": "inception+against 0123"})
    assert _references_of([measured, measured, outcome]) == "0123"


@pytest.mark.parametrize("said", [{}, [], "x", {"values": {}, "by": "fid", "seed": 1, "chosen": "x"}], ids=str)
def test_a_choice_that_an_imported_trial_makes_up_is_passed_over(said: Any) -> None:
    outcome = finished("new", 0, 9.0)
    assert guidance_notes([dataclasses.replace(outcome, details={"guidance": said})], BUILT_IN) == []


def test_variants_whose_scale_was_not_chosen_are_named() -> None:
    choice = {"chosen": 1.5, "by": "fid", "seed": 7, "values": {"1": 3.0, "1.5": 2.0}}
    chose, fixed = finished("best", 0, 9.0), finished("fixed", 0, 9.0)
    (note,) = guidance_notes([dataclasses.replace(chose, details={"guidance": choice}), fixed], BUILT_IN)
    assert "each trial of the variants below chose its own among 1, 1.5" in note
    assert note.endswith("At one scale that was not chosen: fixed; a difference from them is one of guidance too.")
    many = [finished(f"fixed-{number}", 0, 9.0) for number in range(10)]
    (note,) = guidance_notes([dataclasses.replace(chose, details={"guidance": choice}), *many], BUILT_IN)
    assert "not chosen: fixed-0, fixed-1, " in note
    assert ", fixed-7 and 2 more; a difference" in note
