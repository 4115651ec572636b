"""`sweeper report`: the table of a sweep that seems to have run, in every format, to the terminal or a file."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored_sweep import store_sweep

Sweeper = Callable[..., Any]
FORMATS = ("terminal", "markdown", "csv", "json", "latex")


def test_json_has_variants_and_contrasts(sweeper: Sweeper, home: Path) -> None:
    store_sweep(profile=None)
    said = sweeper("report", "--format", "json")
    assert (said.code, said.err) == (0, "")
    report = json.loads(said.out)
    assert [v["name"] for v in report["variants"]] == ["single/none", "single/full", "dual/none", "dual/full"]
    assert [v["finished"] for v in report["variants"]] == [3, 3, 3, 3]
    assert report["variants"][0]["metrics"]["held_out_loss"]["mean"] == pytest.approx(0.51)
    estimates = {c["name"]: (c["estimate"], c["n_pairs"]) for c in report["contrasts"]}
    assert estimates == {
        "augmentation effect": (pytest.approx(-0.01), 3),
        "token-interaction effect": (pytest.approx(0.04), 3),
        "factor interaction": (pytest.approx(0.01), 3),
    }


def test_the_table_has_a_row_per_variant_and_says_when_there_is_no_interval(sweeper: Sweeper, home: Path) -> None:
    store_sweep()
    said = sweeper("report", "--table")
    assert said.code == 0
    assert sweeper("report").out == said.out, "--table is the default"
    for name in ("single/none", "single/full", "dual/none", "dual/full", "token-interaction effect"):
        assert name in said.out
    assert "fewer than 3" in said.out
    assert not said.out.endswith("\n\n")


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_holds_what_the_terminal_would_show(sweeper: Sweeper, home: Path, format_: str) -> None:
    store_sweep()
    shown = sweeper("report", "--format", format_)
    written = sweeper("report", "--format", format_, "--output", "table.out")
    assert (shown.code, written.code, written.out) == (0, 0, "")
    content = Path("table.out").read_bytes().decode()
    assert content == shown.out
    assert content.endswith("\n")
    assert "\x1b" not in content


def test_csv_is_one(sweeper: Sweeper, home: Path) -> None:
    store_sweep()
    rows = list(csv.reader(io.StringIO(sweeper("report", "--format", "csv").out)))
    assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize("file", ["nowhere/table.md", "."])
def test_a_file_that_cannot_be_written_is_named(sweeper: Sweeper, home: Path, file: str) -> None:
    store_sweep()
    said = sweeper("report", "--output", file)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: --output {file} cannot be written (")
    assert said.err.endswith("); give a file in an existing folder\n")


def test_a_sweep_is_chosen_by_name_by_file_or_as_the_one_that_ran_last(sweeper: Sweeper, home: Path) -> None:
    store_sweep(profile=None)
    Path("other.yaml").write_text(Path("sweep.yaml").read_text().replace("name: noise_aug_vs_interaction", "name: other"))
    store_sweep(spec="other.yaml")

    def chosen(*words: str) -> tuple[str, str]:
        found = json.loads(sweeper("report", *words, "--format", "json").out)["sweep"]
        return found["name"], found["profile"]

    assert chosen() == ("other", "smoke")
    assert chosen("other") == ("other", "smoke")
    assert chosen("noise_aug_vs_interaction") == ("noise_aug_vs_interaction", "default")
    assert chosen("sweep.yaml") == ("noise_aug_vs_interaction", "default")
    assert chosen("--profile", "default") == ("noise_aug_vs_interaction", "default")


@pytest.mark.parametrize("command", ["report", "status"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("noise_aug_vs_interactoin",),
            "no sweep named 'noise_aug_vs_interactoin' has run here; did you mean \"noise_aug_vs_interaction\"?",
        ),
        (("--profile", "smok"), "no sweep has run with profile 'smok'; did you mean \"smoke\"?"),
        (
            ("noise_aug_vs_interaction", "--profile", "default"),
            "sweep 'noise_aug_vs_interaction' has not run with profile 'default'; valid here: smoke",
        ),
        (("sweeep.yaml",), 'there is no file sweeep.yaml; did you mean "sweep.yaml"?'),
        (("nameless.yaml",), "nameless.yaml: name: this field is required; add it"),
    ],
)
def test_a_sweep_that_never_ran_is_answered_with_the_nearest(
    sweeper: Sweeper, home: Path, command: str, words: tuple[str, ...], message: str
) -> None:
    store_sweep()
    Path("nameless.yaml" if "nameless.yaml" in words else "unused.txt").write_text("question: q\n")
    said = sweeper(command, *words)
    assert (said.code, said.out, said.err) == (2, "", f"error: {message}\n")


def test_unfinished_trials_are_counted_not_hidden(sweeper: Sweeper, home: Path) -> None:
    store_sweep(profile=None, endings={("dual/none", 1): "failed", ("dual/full", 2): "diverged"})
    rows = {v["name"]: v for v in json.loads(sweeper("report", "--format", "json").out)["variants"]}
    assert (rows["dual/none"]["finished"], rows["dual/none"]["failed"]) == (2, 1)
    assert (rows["dual/full"]["finished"], rows["dual/full"]["diverged"]) == (2, 1)
