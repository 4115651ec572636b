"""Results that were made differently share a table, and are not compared unasked."""

from dataclasses import replace
from typing import Any

import pytest
from report_snapshots import COMPARABILITY, FD, MakeSnapshot, factorial_spec, finished, snapshot_of, unfinished

from sweeper.report.build import build_report
from sweeper.report.render.wording import facts
from sweeper.report.results import Report


def mixed(default_sweep: MakeSnapshot) -> Any:
    other = COMPARABILITY | {"device": "NVIDIA H100", "torch": "2.12.0"}
    del other["threads"]
    return default_sweep(replaced={("dual/full", seed): finished("dual/full", seed, 13.0, comparability=other) for seed in range(3)})


def notes_apart(report: Report) -> list[str]:
    return [note for note in report.notes if note.startswith("* ")]


def test_a_difference_is_said_with_field_values_and_remedy(default_sweep: MakeSnapshot) -> None:
    report = build_report(mixed(default_sweep), allow_mixed={"threads"})
    device, torch = notes_apart(report)
    columns = ", ".join(metric.label for metric in report.metrics)
    assert device == (
        "* The finished trials were not made alike: they differ in device: NVIDIA H100 (3 of 12 trials), cpu (9 of 12 trials). Not"
        f" comparable between them: {columns}; contrasts between them have no estimate. Run the sweep again on"
        " one machine, or accept the mix with --allow-mixed device."
    )
    assert "torch: 2.11.0 (9 of 12 trials), 2.12.0 (3 of 12 trials)" in torch
    assert report.notes[:2] == (device, torch)
    assert all(metric.label.endswith("*") for metric in report.metrics)
    assert "allow-mixed device" not in report.command


def test_contrasts_across_a_difference_have_no_estimate_and_others_do(default_sweep: MakeSnapshot) -> None:
    alike, report = build_report(default_sweep()), build_report(mixed(default_sweep))
    for before, row in zip(alike.contrasts, report.contrasts, strict=True):
        if row.weights.get("dual/full"):
            assert (row.estimate, row.interval, row.bootstrap, row.n_pairs) == (None, None, None, 0)
            assert "no estimate, since fd_digits does not compare here: the trials differ in device" in row.sentence
        else:
            assert row == before
    assert any(row.estimate is None for row in report.contrasts)
    assert report.effects
    assert not any(effect.weights.get("dual/full") for effect in report.effects)
    assert [row.cells["fd_digits"].mean for row in report.variants[:3]] == [row.cells["fd_digits"].mean for row in alike.variants[:3]]


def test_an_unrecorded_field_differs_from_a_recorded_one(default_sweep: MakeSnapshot) -> None:
    (note,) = notes_apart(build_report(mixed(default_sweep), allow_mixed=["device", "torch"]))
    assert "threads: 1 (9 of 12 trials), not recorded (3 of 12 trials)" in note


def test_an_allowed_difference_is_a_footnote_and_stays_in_the_command(default_sweep: MakeSnapshot) -> None:
    report = build_report(mixed(default_sweep), allow_mixed=["device", "torch", "threads", "precision"])
    assert report.device == "NVIDIA H100 and cpu"
    assert notes_apart(report) == []
    assert any("differ in device (NVIDIA H100, cpu) are mixed here, as asked" in note for note in report.notes)
    assert not any("precision" in note for note in report.notes)
    assert report.command.endswith("--table --allow-mixed device --allow-mixed threads --allow-mixed torch")


def test_unfinished_trials_do_not_count(default_sweep: MakeSnapshot) -> None:
    snapshot = default_sweep(replaced={("dual/full", 0): unfinished("dual/full", 0, "failed")})
    assert build_report(snapshot).device == "cpu"


def test_structured_values_are_compared_by_content(default_sweep: MakeSnapshot) -> None:
    one = finished("dual/full", 0, 13.0, comparability=COMPARABILITY | {"threads": {"b": 1, "a": [2]}})
    (note,) = notes_apart(build_report(default_sweep(replaced={("dual/full", 0): one})))
    assert 'threads: 1 (11 of 12 trials), {"a": [2], "b": 1} (1 of 12 trials)' in note


def test_a_null_is_a_value_of_its_own_and_not_shown_when_it_is_the_only_one(default_sweep: MakeSnapshot) -> None:
    on_gpu = COMPARABILITY | {"threads": None}
    outcomes = [finished(name, seed, 10.0 + seed, comparability=on_gpu) for name in FD for seed in range(3)]
    shown = dict(facts(build_report(snapshot_of(factorial_spec(3), outcomes)), "terminal"))
    assert shown["Made with"] == "precision float32; torch 2.11.0"
    (note,) = notes_apart(build_report(default_sweep(replaced={("dual/full", 0): finished("dual/full", 0, 13.0, comparability=on_gpu)})))
    assert "threads: 1 (11 of 12 trials), none (1 of 12 trials)" in note


def batch_sweep(micro_batches: dict[tuple[str, int], int], path: str = "batch_size") -> Any:
    spec = factorial_spec(2) | {
        "design": {"kind": "factorial", "factors": {"batch": {"path": path, "levels": [32, 64]}}},
        "baseline": "32",
        "contrasts": [],
    }
    return snapshot_of(
        spec,
        [finished(name, seed, 10.0, comparability=COMPARABILITY | {"micro_batch": size}) for (name, seed), size in micro_batches.items()],
    )


def test_a_field_that_the_variants_set_may_differ_between_them() -> None:
    made = {("32", 0): 32, ("32", 1): 32, ("64", 0): 64, ("64", 1): 64}
    report = build_report(batch_sweep(made))
    assert "micro_batch" not in report.comparability
    assert "allow-mixed" not in report.command
    assert notes_apart(report) == []
    (note,) = notes_apart(build_report(batch_sweep(made, path="depth")))
    assert note.endswith("--allow-mixed micro_batch.")


def test_such_a_field_may_not_differ_within_a_variant() -> None:
    (note,) = notes_apart(build_report(batch_sweep({("32", 0): 32, ("32", 1): 16, ("64", 0): 64, ("64", 1): 64})))
    assert note.endswith("--allow-mixed micro_batch.")


@pytest.mark.parametrize("out_of_memory", [True, False])
def test_smaller_micro_batches_after_running_out_of_memory_are_no_difference_of_choice(
    default_sweep: MakeSnapshot, out_of_memory: bool
) -> None:
    smaller = {"comparability": COMPARABILITY | {"micro_batch": 16}, "out_of_memory": out_of_memory}
    outcomes = {
        (name, seed): finished(name, seed, 10.0, comparability=COMPARABILITY | {"micro_batch": 32}) for name in FD for seed in range(3)
    }
    snapshot = default_sweep(replaced=outcomes | {("dual/full", 0): finished("dual/full", 0, 13.0, **smaller)})
    if out_of_memory:
        assert notes_apart(build_report(snapshot)) == []
        assert build_report(snapshot).comparability["micro_batch"] == ("16", "32")
        return
    (note,) = notes_apart(build_report(snapshot))
    assert "micro_batch: 16 (1 of 12 trials), 32 (11 of 12 trials)" in note


def test_having_run_out_of_memory_excuses_no_other_difference(default_sweep: MakeSnapshot) -> None:
    other = finished("dual/full", 0, 13.0, comparability=COMPARABILITY | {"precision": "bfloat16"}, out_of_memory=True)
    (note,) = notes_apart(build_report(default_sweep(replaced={("dual/full", 0): other})))
    assert note.endswith("--allow-mixed precision.")


HALVES = "float16 of NVIDIA H100"


def features_sweep(features: dict[tuple[str, int], str], deep: str = "repa") -> Any:
    """A baseline without an encoder, and two variants with one; trials recorded how their features differ."""
    variants = {"plain": {}, "repa": {"method": "repa"}, "deep": {"method": deep, "alignment.student_layer": 3}}
    spec = factorial_spec(2) | {"design": {"kind": "variants", "variants": variants}, "baseline": "plain", "contrasts": []}
    spec["contrasts"] = [{"name": f"{of} or {to}", "of": of, "to": to} for of, to in (("repa", "plain"), ("deep", "repa"))]

    def key(cell: tuple[str, int]) -> dict[str, Any]:
        return COMPARABILITY | ({"features": features[cell]} if cell in features else {})

    cells = [(name, seed) for name in variants for seed in range(2)]
    return snapshot_of(spec, [finished(*cell, 10.0 + cell[1], comparability=key(cell)) for cell in cells])


def test_features_of_an_encoder_are_no_condition_of_trials_without_one() -> None:
    report = build_report(features_sweep({(name, seed): HALVES for name in ("repa", "deep") for seed in range(2)}))
    assert notes_apart(report) == []
    assert report.comparability["features"] == (HALVES,)
    assert all(row.estimate is not None for row in report.contrasts)


def test_features_that_differ_between_trials_with_an_encoder_do() -> None:
    snapshot = features_sweep({("repa", seed): HALVES for seed in range(2)})
    report = build_report(snapshot)
    (note,) = notes_apart(report)
    assert note.startswith(
        "* Features of an encoder were not made alike: float16 of NVIDIA H100 (2 of 4 trials), not recorded (2 of 4 trials). Not comparable"
        " between trials with them and others with an encoder: "
    )
    assert note.endswith(
        "; contrasts between such have no estimate. Write the features in float32 on the device that trains, or move them away, and run the"
        " sweep again with --fresh; or accept the mix with --allow-mixed features."
    )
    assert [row.estimate is None for row in report.contrasts] == [False, True]
    assert all(row.estimate is not None for row in build_report(snapshot, allow_mixed=["features"]).contrasts)


def test_where_a_config_cannot_be_read_all_trials_may_have_an_encoder() -> None:
    snapshot = features_sweep({("repa", seed): HALVES for seed in range(2)}, deep="of a later release")
    (note,) = notes_apart(build_report(snapshot))
    assert "not recorded (4 of 6 trials)" in note


def data_sweep(evaluators: dict[str, str], primary: str = "held_out_loss", path: str = "data.path") -> Any:
    """Three variants, the last of which has other data, and a claim across the data sets as well as within one."""
    variants = {"a": {}, "wide": {"backbone.width": 96}, "b": {path: "other.npz"}}
    claim = {"of": "wide", "kind": "superior", "alpha": 0.05}
    spec = factorial_spec(3) | {
        "design": {"kind": "variants", "variants": variants},
        "baseline": "a",
        "metric": {"primary": primary, "direction": "higher" if primary == "steps_per_second" else "lower"},
        "contrasts": [claim | {"name": "within", "to": "a"}, claim | {"name": "across", "to": "b"}],
    }
    outcomes = [
        finished(name, seed, 10.0 + seed, comparability=COMPARABILITY | {"evaluator": evaluators[name]})
        for seed in range(3)
        for name in variants
    ]
    values = {"held_out_loss": 0.5, "steps_per_second": 20.0}
    worse = {"a": 1.1, "wide": 1.0, "b": 1.3}
    outcomes = [
        replace(one, metrics=dict(one.metrics) | {name: v * worse[one.variant] * (1 + 0.01 * one.seed) for name, v in values.items()})
        for one in outcomes
    ]
    return snapshot_of(spec, outcomes)


def test_what_is_measured_against_the_data_does_not_compare_between_data_sets() -> None:
    report = build_report(data_sweep({"a": "one", "wide": "one", "b": "other"}))
    (note,) = notes_apart(report)
    assert note.startswith("* Not comparable between variants with different data (a, wide | b): held-out loss*, FD")
    assert "contrasts across data sets have no estimate" in note
    marked = {metric.name for metric in report.metrics if metric.label.endswith("*")}
    assert {"held_out_loss", "fd_digits"} <= marked
    assert marked.isdisjoint({"steps_per_second", "peak_memory_mib"})
    assert report.not_comparable == {"evaluator": tuple(metric.name for metric in report.metrics if metric.name in marked)}
    within, across = report.contrasts
    assert within.interval is not None
    assert across.estimate is None
    claimed, open_ = report.claims
    assert (claimed.estimate is None, claimed.not_comparable) == (False, None)
    assert (open_.verdict, open_.estimate, open_.p, open_.more_if_zero) == ("inconclusive", None, None, None)
    assert open_.not_comparable == "the variants have different data sets"
    assert [effect.name for effect in report.effects] == ["wide - a"]


def test_times_compare_whatever_the_data() -> None:
    report = build_report(data_sweep({"a": "one", "wide": "one", "b": "other"}, "steps_per_second"))
    assert all(row.estimate is not None for row in (*report.contrasts, *report.claims))
    assert len(report.effects) == 2


def test_two_places_of_one_data_set_compare() -> None:
    report = build_report(data_sweep({"a": "one", "wide": "one", "b": "one"}))
    assert notes_apart(report) == []
    assert all(row.estimate is not None for row in report.contrasts)


def test_another_evaluator_on_the_same_data_leaves_the_losses_comparable() -> None:
    report = build_report(data_sweep({"a": "one", "wide": "one", "b": "other"}, path="backbone.depth"))
    (note,) = notes_apart(report)
    assert "they differ in evaluator: one (6 of 9 trials), other (3 of 9 trials)" in note
    assert "held-out loss" not in note
    assert "FD (digits classifier)" in note
    assert all(row.estimate is not None for row in report.contrasts)


def test_a_mix_of_evaluators_that_is_asked_for_counts_as_one() -> None:
    report = build_report(data_sweep({"a": "one", "wide": "one", "b": "other"}), allow_mixed={"evaluator"})
    assert notes_apart(report) == []
    assert all(row.estimate is not None for row in report.contrasts)
    assert report.command.endswith("--allow-mixed evaluator")


def with_encoders(default_sweep: MakeSnapshot, encoders: dict[tuple[str, int], str]) -> Any:
    """A sweep whose trials recorded these pretrained weights; the others have none."""
    made = {cell: finished(*cell, 13.0 + cell[1], comparability=COMPARABILITY | {"encoder": encoder}) for cell, encoder in encoders.items()}
    return default_sweep(replaced=made)


def test_pretrained_weights_that_were_replaced_between_trials_do_not_compare(default_sweep: MakeSnapshot) -> None:
    encoders = {("dual/full", seed): "vit_a 0123" for seed in range(3)} | {("single/full", seed): "vit_a 4567" for seed in range(3)}
    snapshot = with_encoders(default_sweep, encoders)
    report = build_report(snapshot)
    (note,) = notes_apart(report)
    assert note.startswith("* Pretrained weights of an encoder were replaced between trials: vit_a 0123 (3 of 6 trials), vit_a 4567 (3 of")
    assert note.endswith("name one file with alignment.encoder.weights, or accept the mix with --allow-mixed encoder.")
    crossing = [row for row in report.contrasts if row.weights.get("dual/full") and row.weights.get("single/full")]
    assert crossing
    assert all(row.estimate is None for row in crossing)
    allowed = build_report(snapshot, allow_mixed=["encoder"])
    assert notes_apart(allowed) == []
    assert all(row.estimate is not None for row in allowed.contrasts)
    assert any("differ in encoder (vit_a 0123, vit_a 4567) are mixed here, as asked" in note for note in allowed.notes)


def test_encoders_of_two_names_and_trials_without_any_are_compared(default_sweep: MakeSnapshot) -> None:
    """They are methods, not conditions."""
    encoders = {("dual/full", seed): "vit_a 0123" for seed in range(3)} | {("single/full", seed): "vit_b 4567" for seed in range(3)}
    report = build_report(with_encoders(default_sweep, encoders))
    assert notes_apart(report) == []
    assert "encoder" not in report.comparability
    assert all(row.estimate is not None for row in report.contrasts)
    alone = build_report(with_encoders(default_sweep, {("dual/full", 0): "vit_a 0123"}))
    assert dict(facts(alone, "terminal"))["Made with"].endswith("encoder vit_a 0123")
