"""Variants that are one trial stand in two rows, with a note; a contrast between them says that it shows nothing."""

from dataclasses import replace
from typing import Any

from report_snapshots import finished, snapshot_of

from sweeper.report.build import Report, build_report


def report(contrast: dict[str, Any], **evaluation: str) -> Report:
    spec: dict[str, Any] = {
        "question": "Is the view's grouping what counts?",
        "name": "views",
        "base": {},
        "design": {"kind": "variants", "variants": {"full": {"x": 1}, "shuffled": {"x": 2}, "none": {"x": 3}}},
        "seeds": 3,
        "metric": {"primary": "fd_digits", "direction": "lower"},
        "contrasts": [{"name": "c"} | contrast],
    }
    outcomes = []
    for seed in range(3):
        full = finished("full", seed, 10.0 + seed)
        outcomes += [full, replace(full, variant="shuffled", **evaluation), finished("none", seed, 12.0 + seed)]
    return build_report(snapshot_of(spec, outcomes))


NOTE = "full and shuffled are one trial per seed: their configs train alike, so their rows are the same numbers."


def test_both_rows_are_shown_with_a_note() -> None:
    built = report({"of": "none", "to": "shuffled"})
    full, shuffled, _ = built.variants
    assert full.cells == shuffled.cells
    assert NOTE in built.notes
    assert built.contrasts[0].caveats == ()


def test_a_contrast_of_a_trial_with_itself_says_so() -> None:
    (row,) = report({"of": "full", "to": "shuffled"}).contrasts
    said = "Compares a trial with itself: full and shuffled are one trial, so this is zero by construction and shows nothing."
    assert row.estimate == 0
    assert row.caveats == (said,)
    assert row.sentence.endswith(said)


def test_one_training_that_is_judged_in_two_ways_is_not_folded() -> None:
    assert NOTE not in report({"of": "full", "to": "shuffled"}, evaluation_fingerprint="another").notes
