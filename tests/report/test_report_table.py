"""What a report says of a snapshot."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from report_snapshots import DETAILS, MakeSnapshot, factorial_spec, finished, pair_snapshot, snapshot_of, unfinished

from sweeper.errors import RequestError
from sweeper.metrics import columns
from sweeper.report.build import build_report


def test_variants_columns_and_cells(default_sweep: MakeSnapshot) -> None:
    report = build_report(default_sweep())
    assert [row.name for row in report.variants] == ["single/none", "single/full", "dual/none", "dual/full"]
    assert [row.is_baseline for row in report.variants] == [True, False, False, False]
    assert dict(report.variants[2].levels) == {"timesteps": "dual", "separation": "none"}
    names = [metric.name for metric in report.metrics]
    assert names == ["fd_digits", "held_out_loss", "class_accuracy", "train_loss", "steps_per_second", "peak_memory_mib"]
    cell = report.variants[0].cells["fd_digits"]
    assert dict(cell.by_seed) == {0: 11.3, 1: 11.1, 2: 11.8}
    assert cell.mean == pytest.approx(11.4)
    assert cell.half_width == pytest.approx(4.302652729749464 * 0.36055512754639935 / math.sqrt(3))


def test_header(default_sweep: MakeSnapshot) -> None:
    report = build_report(default_sweep())
    assert (report.name, report.profile, report.device) == ("noise_aug_vs_interaction", "default", "cpu")
    assert report.newest_result == datetime(2026, 1, 5, 12, 34, tzinfo=UTC)
    assert report.command == "sweeper report noise_aug_vs_interaction --table"
    spec = factorial_spec(2)
    other = build_report(snapshot_of(spec, [], profile="a profile; rm", name="s"))
    assert other.command == "sweeper report s --table --profile 'a profile; rm'"


def test_the_order_of_the_snapshot_does_not_matter(default_sweep: MakeSnapshot) -> None:
    snapshot = default_sweep(replaced={(name, 1): finished(name, 1, math.nan) for name in ("single/none", "dual/full")})
    turned = snapshot_of(factorial_spec(3), list(reversed(snapshot.outcomes)))
    assert repr(build_report(turned)) == repr(build_report(snapshot))


def test_diverged_and_failed_trials_are_counted_and_named(default_sweep: MakeSnapshot) -> None:
    replaced = {("dual/full", seed): unfinished("dual/full", seed, "diverged") for seed in (0, 2)}
    replaced["single/full", 1] = unfinished("single/full", 1, "failed")
    report = build_report(default_sweep(replaced=replaced))
    row = report.variants[3]
    assert (row.planned, row.states) == (3, {"finished": 1, "diverged": 2})
    assert "dual/full: 2 of 3 diverged (seeds 0, 2); its means are over finished trials only." in report.notes
    assert "single/full: 1 of 3 failed (seed 1); its means are over finished trials only." in report.notes
    assert report.contrasts[1].sentence.endswith("Left out 2 of 3 seeds (seeds 0, 2: dual/full diverged).")


def test_passes_and_the_gap_are_explained_where_trials_recorded_them(default_sweep: MakeSnapshot) -> None:
    def trained_on(images: int, variant: str, seed: int) -> Any:
        about = DETAILS | {"training_images": images, "passes": 51_200 / images, "gap_images": min(images, 360)}
        return finished(variant, seed, 11.0, metrics={"fd_digits": 11.0, "overfitting_gap": 0.1}, details=about)

    cells = [(name, seed) for name in ("single/none", "single/full", "dual/none", "dual/full") for seed in range(3)]
    alike = build_report(default_sweep(replaced={cell: trained_on(1438, *cell) for cell in cells}))
    assert "Passes over the training images (steps x batch size / images): 36, over 1,438 images." in alike.notes
    images = {"single/none": 8192, "single/full": 1438, "dual/none": 1438, "dual/full": 100}
    report = build_report(default_sweep(replaced={cell: trained_on(images[cell[0]], *cell) for cell in cells}))
    assert "Passes over the training images (steps x batch size / images): 6.2 to 512, over 100 to 8,192 images." in report.notes
    gap = "overfitting gap: the loss on held-out images minus that on 100 to 360 training images, at the same noise; above 0 it overfits."
    assert gap in report.notes
    assert [metric.label for metric in report.metrics] == ["FD (digits classifier)", "overfitting gap"]
    assert not [note for note in build_report(default_sweep()).notes if "asses over" in note or "overfit" in note]


def test_a_value_that_is_no_number_is_left_out_and_named(default_sweep: MakeSnapshot) -> None:
    bad = finished("dual/full", 1, math.nan)
    report = build_report(default_sweep(replaced={("dual/full", 1): bad}))
    assert report.variants[3].cells["fd_digits"].n == 2
    assert report.variants[3].cells["train_loss"].n == 3
    assert "dual/full, seed 1: fd_digits is nan, left out of the mean." in report.notes
    assert dict(report.contrasts[1].dropped) == {1: "no usable fd_digits in a finished trial"}


@pytest.mark.parametrize("outcomes", [[], [unfinished("dual/full", 0, "running")]])
def test_no_results_at_all(outcomes: list[Any]) -> None:
    report = build_report(snapshot_of(factorial_spec(3), outcomes))
    assert [metric.name for metric in report.metrics] == ["fd_digits"]
    assert report.notes[0] == "No trial has finished: there is no number yet."
    assert report.device is None
    assert report.contrasts[2].sentence.startswith(
        "+1*dual/full -1*dual/none -1*single/full +1*single/none: 0 paired seeds, no estimate and no interval, 3 are needed."
    )


def test_one_variant() -> None:
    spec = {
        "question": "How good is it?",
        "name": "one",
        "base": {},
        "design": {"kind": "variants", "variants": {"only": {}}},
        "seeds": [7],
        "metric": {"primary": "held_out_loss", "direction": "lower"},
    }
    report = build_report(snapshot_of(spec, [finished("only", 7, 10.0)]))
    assert [row.cells["held_out_loss"].mean for row in report.variants] == [0.6]
    assert report.contrasts == ()
    assert not any("contrast" in note for note in report.notes)


def test_a_sweep_without_contrasts_says_that_it_compares_nothing(default_sweep: MakeSnapshot) -> None:
    report = build_report(default_sweep(spec=factorial_spec(3) | {"contrasts": []}))
    assert "The sweep declares no contrast, so this table shows variants and compares none." in report.notes


def test_a_stored_spec_of_another_release_is_refused() -> None:
    with pytest.raises(RequestError, match=r"version 3f9c.*\(metric: Value error, there is no metric 'lpips'.*run the sweep again"):
        build_report(snapshot_of(factorial_spec(3) | {"metric": {"primary": "lpips", "direction": "lower"}}, []))


def test_equal_details_are_one_footnote(default_sweep: MakeSnapshot) -> None:
    notes = build_report(default_sweep()).notes
    assert "FD (digits classifier): 1,000 generated samples per trial; floor (real against real images) 1.23 at n = 360." in notes
    assert "FD (digits classifier) and class accuracy: the classifier's own accuracy on real held-out images is 0.986." in notes
    assert "held-out loss: over 360 held-out images." in notes


def test_a_distance_in_other_features_has_its_own_column_and_footnotes() -> None:
    """Precision and recall are of the same features, so the classifier's accuracy says nothing of them."""
    values = {"fid": 3.21, "fd_vit_tiny": 0.5, "inception_score": 2.0, "class_accuracy": 0.9, "precision": 0.5, "held_out_loss": 0.6}
    details = DETAILS | {"fd_reference_n": 1_438, "fd_note": "1,000 images in 2,048 features have a singular covariance"}
    spec = factorial_spec(1) | {"metric": {"primary": "fd_vit_tiny", "direction": "lower"}, "contrasts": []}
    report = build_report(snapshot_of(spec, [finished("dual/full", 0, 0, metrics=values, details=details)]))
    shown = [(metric.name, metric.label, metric.direction, metric.decimals) for metric in report.metrics]
    assert shown == [
        ("fd_vit_tiny", "FD (vit_tiny)", "lower", 3),
        ("held_out_loss", "held-out loss", "lower", 4),
        ("fid", "FID", "lower", 2),
        ("inception_score", "Inception Score", "higher", 2),
        ("class_accuracy", "class accuracy", "higher", 3),
        ("precision", "precision", "higher", 3),
    ]
    assert report.notes[-3:] == (
        "FD (vit_tiny) and FID: 1,000 generated samples per trial against 1,438 training images; floor (real against real images) 1.234"
        " at n = 360; 1,000 images in 2,048 features have a singular covariance.",
        "class accuracy: the classifier's own accuracy on real held-out images is 0.986.",
        "held-out loss: over 360 held-out images.",
    )


def test_the_distances_besides_have_their_own_footnotes() -> None:
    values = {"fd_digits": 3.21, "fd_infinity_digits": 2.5, "kid_digits": 0.0123, "kid_vit": -0.0001}
    beside = {"fd_at_floor_n": 3.5, "kid_subset": 1000, "kid_subsets": 100, "kid_reference_n": 1438, "fd_infinity_note": "few"}
    spec = factorial_spec(1) | {"metric": {"primary": "kid_digits", "direction": "lower"}, "contrasts": []}
    report = build_report(snapshot_of(spec, [finished("dual/full", 0, 0, metrics=values, details=DETAILS | beside)]))
    assert [(metric.name, metric.label, metric.decimals) for metric in report.metrics] == [
        ("kid_digits", "KID (digits classifier)", 4),
        ("fd_digits", "FD (digits classifier)", 2),
        ("fd_infinity_digits", "FD-infinity (digits classifier)", 2),
        ("kid_vit", "KID (vit)", 4),
    ]
    assert report.notes[-3:-1] == (
        "FD-infinity (digits classifier): a line in 1 / n through the distance at 15 sizes, from half of the samples to all, at 1 / n = 0;"
        " at the floor's own n = 360, samples are at 3.50 and real images at 1.23; few.",
        "KID (digits classifier) and KID (vit): subsets of 1,000: 100; training images: 1,438; unbiased, so two sets of real images are"
        " at 0 on average.",
    )
    assert report.notes[-1].startswith(
        "FD (digits classifier), FD-infinity (digits classifier) and KID (digits classifier): the classifier's own accuracy"
    )


def test_cmmd_and_dinov2s_distance_say_what_they_are_of() -> None:
    names = ["cmmd", "cmmd_clip_other", "fd_clip", "fd_dinov2", "inception_score", "kid_dinov2"]
    assert [(info.name, info.label, info.decimals) for info in columns(names)] == [
        ("cmmd_clip_other", "CMMD (clip_other)", 3),
        ("kid_dinov2", "KID (dinov2)", 4),
        ("fd_dinov2", "FD (DINOv2 ViT-L/14)", 2),
        ("fd_clip", "FD (CLIP ViT-L/14)", 4),
        ("cmmd", "CMMD", 3),
        ("inception_score", "Inception Score", 2),
    ]
    spec = factorial_spec(1) | {"metric": {"primary": "cmmd", "direction": "lower"}, "contrasts": []}
    details = DETAILS | {"cmmd_reference_n": 50_000}
    notes = build_report(snapshot_of(spec, [finished("dual/full", 0, 0, metrics={"cmmd": 0.812}, details=details)])).notes
    assert "CMMD: 1,000 generated samples per trial against 50,000 training images, pairs of one with itself counted." in notes


@pytest.mark.parametrize(("accuracy", "warned"), [(0.799, True), (0.8, False)])
def test_what_rests_on_a_weak_classifier_is_warned_of(accuracy: float, warned: bool) -> None:
    spec = factorial_spec(2) | {"contrasts": []}
    values = {"fd_digits": 3.2, "class_accuracy": 0.5, "held_out_loss": 0.4}
    weak = finished("dual/full", 0, 0, metrics=values, details=DETAILS | {"classifier_accuracy": accuracy})
    strong = finished("dual/full", 1, 0, metrics=values, details=DETAILS)
    notes = build_report(snapshot_of(spec, [weak, strong])).notes
    said = (
        "WARNING: FD (digits classifier) and class accuracy rest on a classifier that is right on fewer than 80% of real held-out images,"
        " in 1 of 2 trials: what it cannot tell apart, they cannot."
    )
    assert any(note.startswith(said) for note in notes) == warned


def test_a_models_distance_follows_the_classifiers() -> None:
    assert [info.name for info in columns(["fid", "fd_b", "nothing", "fd_a", "fd_digits", "fd_classifier", "class_accuracy"])] == [
        "fd_digits",
        "fd_classifier",
        "fd_a",
        "fd_b",
        "fid",
        "class_accuracy",
    ]


def test_unequal_details_are_a_range_and_missing_ones_are_counted(default_sweep: MakeSnapshot) -> None:
    replaced = {
        ("dual/full", 0): finished("dual/full", 0, 13.4, details={}),
        ("dual/full", 1): finished("dual/full", 1, 13.5, details=DETAILS | {"samples": 500, "fd_floor": math.nan}),
    }
    notes = build_report(default_sweep(replaced=replaced)).notes
    line = next(note for note in notes if note.startswith("FD (digits classifier): "))
    assert "500 to 1,000 (recorded by 11 of 12 trials) generated samples per trial" in line
    assert "1.23 (recorded by 10 of 12 trials) at n = 360 (recorded by 11 of 12 trials)" in line


def test_no_details_no_footnote() -> None:
    report = build_report(pair_snapshot(3, [1.0, 2.0, 3.0], [1.0, 2.0, 4.0], metric="held_out_loss"))
    assert not any("generated samples" in note or "classifier" in note for note in report.notes)
