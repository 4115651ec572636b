"""The numbers of a contrast and the sentence that says what came out."""

from typing import Any

import pytest
from report_snapshots import MakeSnapshot, factorial_spec, pair_snapshot, unfinished

from sweeper.errors import SpecError
from sweeper.report.build import Report, build_report


def sentence(report: Report, name: str) -> str:
    return next(row.sentence for row in report.contrasts if row.name == name)


def two_variants(*args: Any, **changes: Any) -> Report:
    return build_report(pair_snapshot(*args, **changes))


def test_contrasts_of_a_factorial_sweep(default_sweep: MakeSnapshot) -> None:
    augmentation, reading, interaction = build_report(default_sweep()).contrasts
    assert dict(augmentation.weights) == {"dual/full": 1.0, "single/full": -1.0}
    assert augmentation.definition == "timesteps=dual minus timesteps=single at separation=full"
    assert dict(reading.summary.by_seed) == pytest.approx({0: 4.2, 1: 4.1, 2: 4.3})
    assert interaction.estimate == pytest.approx(4.2 - (14.566666666666666 - 11.4))
    assert reading.n_pairs == 3
    assert reading.sentence == (
        "separation=full minus separation=none at timesteps=dual: fd_digits differs by 4.20 [3.95, 4.45] "
        "(95% unadjusted, 3 paired seeds; lower is better); the interval excludes 0. The whole interval lies beyond the margin of ±0.5."
    )
    assert augmentation.sentence.startswith("timesteps=dual minus timesteps=single at separation=full: ")
    assert augmentation.sentence.endswith("the interval holds 0.")
    assert interaction.sentence.startswith("The weighted sum of fd_digits, +1*dual/full -1*dual/none")
    assert "is 1.03 [-0.97, 3.04] (95% unadjusted" in interaction.sentence


def test_factors_that_nobody_names_are_said_to_be_averaged_over(default_sweep: MakeSnapshot) -> None:
    spec = factorial_spec(3) | {"contrasts": [{"name": "main", "of": {"timesteps": "dual"}, "to": {"timesteps": "single"}}]}
    (row,) = build_report(default_sweep(spec=spec)).contrasts
    assert row.sentence.startswith("timesteps=dual minus timesteps=single (averaged over separation): fd_digits differs by -1.28 [")


@pytest.mark.parametrize(
    ("metric", "of", "to", "start"),
    [
        ("fd_digits", [1.0, 2.0, 3.0], [3.0, 4.1, 4.9], "new minus old: fd_digits differs by -2.00 ["),
        ("fd_digits", [3.0, 4.1, 4.9], [1.0, 2.0, 3.0], "new minus old: fd_digits differs by 2.00 ["),
        ("class_accuracy", [0.5, 0.6, 0.7], [0.1, 0.2, 0.31], "new minus old: class_accuracy differs by 0.397 ["),
        ("class_accuracy", [0.1, 0.2, 0.31], [0.5, 0.6, 0.7], "new minus old: class_accuracy differs by -0.397 ["),
        ("fd_digits", [1.0, 2.0, 3.0], [3.0, 2.0, 1.0], "new minus old: fd_digits differs by 0.00 ["),
    ],
)
def test_a_contrast_gives_a_number_and_no_verdict_of_its_own(metric: str, of: list[float], to: list[float], start: str) -> None:
    report = two_variants(3, of, to, metric=metric)
    assert sentence(report, "change").startswith(start)
    assert f"{report.primary.direction} is better" in sentence(report, "change")
    assert "unadjusted" in sentence(report, "change")
    assert not any(word in sentence(report, "change") for word in ("better than", "worse than", "No difference"))


def test_no_sentence_speaks_of_significance(default_sweep: MakeSnapshot) -> None:
    report = build_report(default_sweep())
    assert "significan" not in " ".join([*report.notes, *(row.sentence for row in report.contrasts)]).lower()


@pytest.mark.parametrize(
    ("differences", "expected"),
    [([2.0, 2.1, 1.9], "excludes"), ([-2.0, -2.1, -1.9], "excludes"), ([1.0, -1.0, 0.0], "holds")],
)
def test_a_weighted_sum_is_neither_better_nor_worse(differences: list[float], expected: str) -> None:
    contrast = {"of": None, "to": None, "weights": {"new": 1, "old": -1}}
    text = sentence(two_variants(3, [5 + d for d in differences], [5.0, 5.0, 5.0], contrast), "change")
    assert text.startswith("The weighted sum of fd_digits, +1*new -1*old, is ")
    assert text.endswith(f"; the interval {expected} 0.")
    assert "better" not in text


@pytest.mark.parametrize(
    ("margin", "expected"),
    [
        (3.0, "The whole interval lies within the margin of ±3."),
        (1.0, "The whole interval lies beyond the margin of ±1."),
        (2.0, "The interval lies neither wholly within nor wholly beyond the margin of ±2."),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_margin(margin: float, expected: str, sign: int) -> None:
    of = [5 + sign * d for d in (1.9, 2.0, 2.1)]
    assert sentence(two_variants(3, of, [5.0, 5.0, 5.0], {"margin": margin}), "change").endswith(expected)


def test_an_interval_that_excludes_0_is_not_printed_as_if_it_held_it() -> None:
    (row,) = two_variants(3, [1.0041, 1.0040, 1.0042], [1.0, 1.0, 1.0]).contrasts
    assert row.decimals == 3
    assert "fd_digits differs by 0.004 [0.004, 0.004]" in row.sentence


def test_an_interval_without_width_is_said_to_be_no_certainty() -> None:
    assert "Every seed gave the same value" in sentence(two_variants(3, [3.0, 3.0, 3.0], [1.0, 1.0, 1.0]), "change")


def test_two_seeds_give_no_interval(default_sweep: MakeSnapshot) -> None:
    report = build_report(default_sweep(seeds=2))
    assert all(cell.half_width is None for row in report.variants for cell in row.cells.values())
    assert report.contrasts[1].interval is None
    assert report.contrasts[1].sentence == (
        "separation=full minus separation=none at timesteps=dual: fd_digits 4.15; 2 paired seeds: no interval, 3 are needed. "
        "Without an interval nothing is said about the margin of ±0.5."
    )
    assert "With fewer than 3 seeds there is no interval." in report.notes


def test_a_missing_pair_is_left_out_and_named(default_sweep: MakeSnapshot) -> None:
    snapshot = default_sweep(seeds=3, replaced={("dual/full", 1): None, ("dual/none", 0): unfinished("dual/none", 0, "running")})
    report = build_report(snapshot)
    reading = report.contrasts[1]
    assert dict(reading.summary.by_seed) == pytest.approx({2: 4.3})
    assert dict(reading.dropped) == {0: "dual/none is running", 1: "dual/full is pending"}
    assert "1 paired seed: no interval, 3 are needed." in reading.sentence
    assert reading.sentence.endswith("Left out 2 of 3 seeds (seed 0: dual/none is running; seed 1: dual/full is pending).")
    assert (report.variants[3].finished, report.variants[3].states["pending"], report.variants[2].states["running"]) == (2, 1, 1)
    assert "Without a result yet: 2 of 12 trials, 1 of them running." in report.notes


def test_a_contrast_of_an_unknown_variant_is_refused(default_sweep: MakeSnapshot) -> None:
    spec = factorial_spec(3) | {"contrasts": [{"name": "x", "of": "dual/ful", "to": "dual/none"}]}
    with pytest.raises(SpecError, match='did you mean "dual/full"'):
        build_report(default_sweep(spec=spec))
