"""Results that were made differently do not share a table unasked."""

from typing import Any

import pytest
from report_snapshots import COMPARABILITY, FD, MakeSnapshot, factorial_spec, finished, snapshot_of, unfinished

from sweeper.errors import RequestError
from sweeper.report.layout import facts
from sweeper.report.table import build_report


def mixed(default_sweep: MakeSnapshot) -> Any:
    other = COMPARABILITY | {"device": "NVIDIA H100", "torch": "2.12.0"}
    del other["threads"]
    return default_sweep(replaced={("dual/full", seed): finished("dual/full", seed, 13.0, comparability=other) for seed in range(3)})


def test_a_difference_is_refused_with_field_values_and_remedy(default_sweep: MakeSnapshot) -> None:
    with pytest.raises(RequestError) as refusal:
        build_report(mixed(default_sweep), allow_mixed={"threads"})
    message = str(refusal.value)
    assert "device: NVIDIA H100 (3 of 12 trials), cpu (9 of 12 trials)" in message
    assert "torch: 2.11.0 (9 of 12 trials), 2.12.0 (3 of 12 trials)" in message
    assert message.endswith("--allow-mixed device --allow-mixed torch")
    assert "threads" not in message


def test_an_unrecorded_field_differs_from_a_recorded_one(default_sweep: MakeSnapshot) -> None:
    with pytest.raises(RequestError, match=r"threads: 1 \(9 of 12 trials\), not recorded \(3 of 12 trials\)"):
        build_report(mixed(default_sweep), allow_mixed=["device", "torch"])


def test_an_allowed_difference_is_a_footnote_and_stays_in_the_command(default_sweep: MakeSnapshot) -> None:
    report = build_report(mixed(default_sweep), allow_mixed=["device", "torch", "threads", "precision"])
    assert report.device == "NVIDIA H100 and cpu"
    assert any("differ in device (NVIDIA H100, cpu) are mixed here, as asked" in note for note in report.notes)
    assert not any("precision" in note for note in report.notes)
    assert report.command.endswith("--table --allow-mixed device --allow-mixed threads --allow-mixed torch")


def test_unfinished_trials_do_not_count(default_sweep: MakeSnapshot) -> None:
    snapshot = default_sweep(replaced={("dual/full", 0): unfinished("dual/full", 0, "failed")})
    assert build_report(snapshot).device == "cpu"


def test_structured_values_are_compared_by_content(default_sweep: MakeSnapshot) -> None:
    one = finished("dual/full", 0, 13.0, comparability=COMPARABILITY | {"threads": {"b": 1, "a": [2]}})
    with pytest.raises(RequestError, match=r'threads: 1 \(11 of 12 trials\), \{"a": \[2\], "b": 1\} \(1 of 12 trials\)'):
        build_report(default_sweep(replaced={("dual/full", 0): one}))


def test_a_null_is_a_value_of_its_own_and_not_shown_when_it_is_the_only_one(default_sweep: MakeSnapshot) -> None:
    on_gpu = COMPARABILITY | {"threads": None}
    outcomes = [finished(name, seed, 10.0 + seed, comparability=on_gpu) for name in FD for seed in range(3)]
    shown = dict(facts(build_report(snapshot_of(factorial_spec(3), outcomes)), "terminal"))
    assert shown["Made with"] == "precision float32; torch 2.11.0"
    with pytest.raises(RequestError, match=r"threads: 1 .*, none "):
        build_report(default_sweep(replaced={("dual/full", 0): finished("dual/full", 0, 13.0, comparability=on_gpu)}))


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
    with pytest.raises(RequestError, match="--allow-mixed micro_batch"):
        build_report(batch_sweep(made, path="depth"))


def test_such_a_field_may_not_differ_within_a_variant() -> None:
    with pytest.raises(RequestError, match="--allow-mixed micro_batch"):
        build_report(batch_sweep({("32", 0): 32, ("32", 1): 16, ("64", 0): 64, ("64", 1): 64}))
