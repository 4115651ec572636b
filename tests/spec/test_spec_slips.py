"""Usual slips in a sweep file: what is said names what to write instead, and every fault of a file is in one answer."""

from typing import Any

import pytest
from small_sweep import Load, Refused

REST = """
name: small
base: {preset: nano}
design: {kind: factorial, factors: {timesteps: {path: timesteps.kind, levels: [single, dual]}}}
seeds: [0,1]
metric: {primary: held_out_loss, direction: lower}
"""
COLON = "a colon with a blank behind it begins a value; put "
COMMENT = "; put the whole text in quotes if the # belongs to it, or the comment on a line of its own"
ALIAS = "a * or & at the beginning stands for a part of the file; put text that begins so in quotes"
TABLE = "factors: {lr: {path: optimizer.learning_rate, levels: [%s]}}"
POINT = "; write a decimal with a point, %s, and a list with a blank behind each comma"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("question: Does it help: yes or no?", f"{COLON}the whole text in quotes: question: 'Does it help: yes or no?'"),
        ("question: Ann's: yes?", f"{COLON}the whole text in quotes: question: 'Ann''s: yes?'"),
        ("contrasts: [{name: c, question: Does it: help?}]", f"{COLON}text that holds one in quotes"),
        ("question: @Ann asks", "text cannot begin with '@'; put it in quotes: question: '@Ann asks'"),
        ("question: `x` or y", "text cannot begin with '`'; put it in quotes: question: '`x` or y'"),
        ("question: *x* helps?", ALIAS),
        ("question: & what else?", ALIAS),
        (
            "question: 'Ann' asks",
            "text goes on behind its closing quote; put the whole text in quotes, and write a quote inside it twice or as the other kind",
        ),
        ("question: Does trick #3 help?", f"the question ends where a comment begins, behind 'Does trick'{COMMENT}"),
        ("question: #3 helps?", f"the question ends where a comment begins, behind ''{COMMENT}"),
        (
            TABLE % "0,001, 0,01",
            f"0,001 is two entries, 0 and 001{POINT % '0.001'}",
        ),
        (TABLE % "0,5, 0,25", f"0,5 is two entries, 0 and 5{POINT % '0.5'}"),
        (TABLE % "1, 0,5", f"0,5 is two entries, 0 and 5{POINT % '0.5'}"),
        (
            "x: {lr: 0,001, y: 1}",
            f"0,001 is two entries, 0 and 001{POINT % '0.001'}",
        ),
    ],
)
def test_a_slip_is_answered_with_what_to_write(refused: Refused, line: str, message: str) -> None:
    assert refused(f"{line}{REST}") == f"sweep.yaml, line 1: {message}"


def test_the_question_of_a_contrast_is_not_cut_either(refused: Refused) -> None:
    text = f"question: q?{REST}contrasts:\n  - name: c\n    question: is it #3\n    of: dual\n    to: single\n"
    assert refused(text) == f"sweep.yaml, line 9: the question ends where a comment begins, behind 'is it'{COMMENT}"


def test_a_key_that_is_indented_by_mistake(refused: Refused) -> None:
    assert refused("question: q?\n  name: x\n") == (
        "sweep.yaml, line 2: this key is indented deeper than the one above it, which has its value on its own line; indent both alike"
    )


@pytest.mark.parametrize(
    "line",
    [
        "question: Does it help?  # asked by Ann",
        "question: It helps. # is that so",
        "question: Is C#3 better",
        "question: 'Does trick #3 help?'",
        "question: >-\n  Does trick #3 help: yes or no?",
    ],
)
def test_comments_and_quoted_text_stay(load: Load, line: str) -> None:
    assert load(f"{line}{REST}").spec.question == line.split(": ", 1)[1].split("  #")[0].split(" # ")[0].strip("'").removeprefix(">-\n  ")


@pytest.mark.parametrize(("seeds", "read"), [("[0,1,2]", (0, 1, 2)), ("[0,1, 2]", (0, 1, 2)), ("[0, 1]", (0, 1))])
def test_lists_without_blanks_stay(load: Load, seeds: str, read: tuple[int, ...]) -> None:
    assert load(f"question: q?{REST}".replace("[0,1]", seeds)).spec.seeds == read


def test_a_decimal_comma_in_a_value(refused: Refused) -> None:
    said = refused(base={"preset": "nano", "optimizer": {"learning_rate": "0,001"}})
    assert said == "base.optimizer.learning_rate: give a number, not '0,001'; write 0.001, with a point"


def test_every_fault_is_in_one_answer(refused: Refused) -> None:
    changed: dict[str, Any] = {
        "sedes": 2,
        "seeds": None,
        "base": {"preset": "nano", "stepz": 3, "optimizer": {"learning_rate": "0,001"}},
        "metric": {"primary": "heldout_loss", "direction": "lower"},
        "design": {"kind": "factorial", "factors": {"timesteps": {"path": "timesteps.kind", "levels": ["single", "duall", "trippel"]}}},
        "baseline": "singel",
        "contrasts": [{"name": "c", "of": {"timesteps": "dul"}, "to": {"timesteps": "single"}}, {"name": "d", "off": 3}],
    }
    assert refused(**changed).splitlines() == [
        "10 faults",
        "contrasts.1.off: there is no field 'off'; did you mean \"of\"?",
        "sedes: there is no field 'sedes'; did you mean \"seeds\"?",
        "seeds: this field is required; add it",
        "metric: there is no metric 'heldout_loss'; did you mean \"held_out_loss\"?",
        "baseline: there is no variant 'singel'; did you mean \"single\"?",
        "contrasts: 'c' names 'dul', which is no level of timesteps; did you mean \"duall\"?",
        "base.stepz: there is no field 'stepz'; did you mean \"steps\"?",
        "base.optimizer.learning_rate: give a number, not '0,001'; write 0.001, with a point",
        "variant duall: timesteps.kind: give 'single', 'dual' or 'per_token', not 'duall'",
        "variant trippel: timesteps.kind: give 'single', 'dual' or 'per_token', not 'trippel'",
    ]


def test_one_fault_of_many_variants_is_told_once(refused: Refused) -> None:
    levels = {name: {"optimizer.learning_rate": -1} for name in "abcdef"}
    assert refused(design={"kind": "variants", "variants": levels}) == (
        "variants a, b, c and 3 more: optimizer.learning_rate: give a number greater than 0, not -1"
    )


def test_two_faults_of_one_base_are_not_told_for_each_variant(refused: Refused) -> None:
    assert refused(base={"preset": "nano", "steps": 0, "batch_size": 0}).splitlines() == [
        "2 faults",
        "base.batch_size: give a number not below 1, not 0",
        "base.steps: give a number not below 1, not 0",
    ]


def test_faults_of_very_many_variants_end_somewhere(refused: Refused) -> None:
    levels = {f"v{number}": {"optimizer.learning_rate": -number} for number in range(1, 100)}
    assert refused(design={"kind": "variants", "variants": levels}).splitlines()[0] == "20 faults"
