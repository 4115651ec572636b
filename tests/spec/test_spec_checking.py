"""`check_file`: every fault of a file at once, each at its line and column; none of a file that is a sweep."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sweeper.spec.checking import Checked, check_file
from sweeper.spec.load import MOST_FAULTS, load_sweep
from sweeper.spec.sweep_size import size_of

SHIPPED = Path(__file__).parents[2] / "sweeps"
GOOD = """\
question: Does it help?
name: small
base:
  preset: nano
  alignment: {weight: 0.5, kind: self}
design:
  kind: factorial
  factors:
    timesteps: {path: timesteps.kind, levels: [single, dual]}
    separation:
      levels:
        none: {attention.separation: none}
        full: {attention.separation: full, alignment.teacher.layer: 2}
seeds: 2
metric: {primary: held_out_loss}
baseline: single/none
contrasts:
  - {name: one, of: {timesteps: dual}, to: {timesteps: single}}
  - name: two
    of: {separation: full}
    to: {separation: none}
profiles:
  smoke:
    base:
      steps: 40
"""
Check = Callable[..., Checked]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Checks GOOD with texts replaced, `old` by `new`."""
    monkeypatch.chdir(tmp_path)

    def make(*changes: tuple[str, str], profile: str | None = None, overrides: Sequence[str] = ()) -> Checked:
        text = GOOD
        for old, new in changes:
            assert text.count(old) >= 1, old
            text = text.replace(old, new, 1)
        Path("sweep.yaml").write_text(text)
        return check_file(Path("sweep.yaml"), profile=profile, overrides=overrides)

    return make


def said(checked: Checked) -> list[tuple[int | None, int | None, str]]:
    return [(fault.line, fault.column, fault.message) for fault in checked.faults]


def test_a_sweep_has_no_fault(check: Check) -> None:
    checked = check()
    assert checked.faults == ()
    assert checked.sweep == load_sweep(Path("sweep.yaml"))


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_sweep_has_none(file: Path) -> None:
    checked = check_file(file)
    assert said(checked) == []
    assert checked.sweep is not None
    assert f"({size_of(checked.sweep).trials} trials" in file.read_text() or "search" in file.stem


def test_sizes_in_words() -> None:
    def words(stem: str) -> str:
        return size_of(load_sweep(SHIPPED / f"{stem}.yaml")).in_words

    assert words("noise_aug_vs_interaction") == "4 variants x 5 seeds = 20 trials"
    assert words("search_alignment") == "24 variants x 1 seed + 3 confirmed x 5 seeds = 39 trials"


def test_all_faults_are_in_one_answer_each_in_its_place(check: Check) -> None:
    checked = check(
        ("name: small", "name: a b"),
        ("  preset: nano", "  preset: nano\n  stepz: 40"),
        ("weight: 0.5, kind: self", "wieght: .5, kind: selff"),
        ("[single, dual]", "[single, dual, triple]"),
        ("none: {attention.separation: none", "none: {attention.seperation: none"),
        ("seeds: 2", "seeds: 2\nsedes: 5\nseeds: 3"),
        ("primary: held_out_loss", "primary: heldout_loss"),
        ("baseline: single/none", "baseline: single/nun"),
        ("of: {timesteps: dual}", "of: {timestep: dual}"),
        ("    to: {separation: none}", "    to: {separation: none}\n    kind: superior"),
    )
    assert checked.sweep is None
    assert [(line, column, message.split(";")[0]) for line, column, message in said(checked)] == [
        (2, 7, "name: give a name of letters, digits and _ . + = -, the first a letter or digit, not 'a b'"),
        (5, 3, "base.stepz: there is no field 'stepz'"),
        (6, 15, "base.alignment.wieght: there is no field 'wieght'"),
        (6, 33, "base.alignment.kind: give 'none', 'self' or 'external', not 'selff'"),
        (10, 62, "variants triple/none, triple/full: timesteps.kind: give 'single', 'dual' or 'per_token', not 'triple'"),
        (13, 16, "variants single/none, dual/none, triple/none: attention.seperation: there is no field 'seperation'"),
        (16, 1, "sedes: there is no field 'sedes'"),
        (17, 1, "not YAML (key 'seeds' appears twice)"),
        (18, 19, "metric: there is no metric 'heldout_loss'"),
        (19, 11, "baseline: there is no variant 'single/nun'"),
        (21, 22, "contrasts: 'one' names 'timestep', which is no factor of the design"),
        (22, 11, "contrasts.1: contrast 'two' has kind superior and no `alpha`"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message"),
    [
        ("seeds: 2\n", "", None, None, "seeds: this field is required; add it"),
        ("metric: {primary: held_out_loss}", "metric: {}", 15, 1, "metric.primary: this field is required; add it"),
        ("seeds: 2", "seeds: []", 14, 1, "seeds: a sweep has 1 to 1,000 seeds, not 0; give a list such as [0, 1, 2], or how many: 3"),
        ("kind: factorial", "kind: factoral", 7, 9, "design.kind: there is no kind 'factoral'; did you mean \"factorial\"?"),
        ("preset: nano", "preset: nanno", 4, 11, "base.preset: there is no preset 'nanno'; did you mean \"nano\"?"),
        ("question: Does it help?", "question: Does #1 help?", 1, 11, "the question ends where a comment begins, behind 'Does'; put the"),
        (
            "alignment.teacher.layer: 2",
            "alignment.teacher.layer: 99",
            13,
            44,
            "variants single/full, dual/full: alignment.teacher.layer is 99, but backbone.layers is 3; choose a layer from 1 to 3",
        ),
        ("  preset: nano", "  preset: nano\n  backbone: {heads: 5}", 5, 3, "base.backbone: heads must divide width, but"),
        ("levels: [single, dual]", "levels: [single, single]", 9, 48, "design.factors.timesteps: level 'single' appears twice"),
        ("to: {separation: none}", "to: {separation: nun}", 21, 22, "contrasts: 'two' names 'nun', which is no level of separation;"),
        ("name: two", "name: one", 18, 12, "contrasts: contrast 'one' appears twice; every contrast has its own name"),
        ("question", "\tquestion", 1, 1, "a tab cannot indent or part values in YAML; write blanks instead"),
    ],
)
def test_the_place_of_a_fault(check: Check, old: str, new: str, line: int | None, column: int | None, message: str) -> None:
    (fault,) = check((old, new)).faults
    assert fault.message.startswith(message)
    assert (fault.line, fault.column) == (line, column)


def test_a_fault_of_the_design_does_not_hide_those_of_the_base(check: Check) -> None:
    checked = check(("kind: factorial", "kind: factoral"), ("preset: nano", "preset: nano\n  stepz: 1"))
    assert [message.split(":")[0] for _, _, message in said(checked)] == ["base.stepz", "design.kind"]
    rule = check(("kind: factorial", "kind: factoral"), ("preset: nano", "preset: nano\n  backbone: {heads: 5}"))
    assert len(rule.faults) == 1, "a rule between fields may be kept by a level"


def test_every_fault_and_every_variant_is_named(check: Check) -> None:
    many = MOST_FAULTS + 5
    levels = ", ".join(f"bad{number}" for number in range(many))
    checked = check(("[single, dual]", f"[{levels}]"), ("baseline: single/none\n", ""), ("{timesteps: dual}", "{timesteps: bad1}"),
                    ("{timesteps: single}", "{timesteps: bad2}"))  # fmt: skip
    assert len(checked.faults) == many
    assert "more" not in "".join(message for _, _, message in said(checked))
    wrong = check(("[single, dual]", "[single, dual, per_token]"), ("attention.separation: full", "attention.seperation: full"))
    (fault,) = wrong.faults
    assert fault.message.startswith("variants single/full, dual/full, per_token/full: attention.seperation: ")


def test_what_is_read_as_nobody_meant_it_is_read_no_further(check: Check) -> None:
    checked = check(("weight: 0.5", "weight: 0,5"), ("name: small", "name: small\nname: other"), ("seeds: 2", "sedes: 2"))
    assert said(checked) == [
        (3, 1, "not YAML (key 'name' appears twice); fix the line"),
        (6, 23, "0,5 is two entries, 0 and 5; write a decimal with a point, 0.5, and a list with a blank behind each comma"),
    ]
    (broken,) = check(("{weight: 0.5", "{weight: [0.5"), ("seeds: 2", "sedes: 2")).faults
    assert broken.line is not None


def test_what_an_option_says_has_no_line(check: Check) -> None:
    checked = check(("seeds: 2", "sedes: 2"), overrides=["base.steps", "base.batch_size=many", "metric.primary=x", "seeds=2"])
    assert [(line, message.split(";")[0]) for line, _, message in said(checked)] == [
        (14, "sedes: there is no field 'sedes'"),
        (None, "--set base.steps: write path.to.field=value, such as base.steps=400"),
        (None, "--set metric.primary=x: metric: there is no metric 'x'"),
        (None, "--set base.batch_size=many: base.batch_size: give a whole number, not 'many'"),
    ]


def test_a_profile_is_looked_at_where_it_is(check: Check) -> None:
    wrong = ("      steps: 40", "      steps: many")
    assert check(wrong).faults == (), "it is not asked for"
    assert said(check(wrong, profile="smoke")) == [(25, 14, "base.steps: give a whole number, not 'many'")]
    assert [message.split(";")[0] for _, _, message in said(check(("seeds: 2", "sedes: 2"), profile="smok"))] == [
        "sedes: there is no field 'sedes'",
        "sweep.yaml has no profile 'smok'",
        "seeds: this field is required",
    ]
