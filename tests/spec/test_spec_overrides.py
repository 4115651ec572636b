"""`--set path.to.field=value`: typed as YAML, laid over the profile, refused with the nearest valid name."""

from typing import Any

import pytest
from small_sweep import Load, Refused

from sweeper.spec.reading import set_path
from sweeper.spec.yaml_text import parse_yaml

TOP = "question, name, base, design, seeds, metric, baseline, contrasts, sequential, analysis, resources, keep, report"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("400", 400),
        ("1_000", 1000),
        ("-3", -3),
        ("0.25", 0.25),
        ("1e-4", 0.0001),
        ("2.5E+3", 2500.0),
        (".5", 0.5),
        ("[0, 1]", [0, 1]),
        ("{kind: npz, path: a.npz}", {"kind": "npz", "path": "a.npz"}),
        ("null", None),
        ("", None),
        ("true", True),
        ("false", False),
        ("no", "no"),
        ("off", "off"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("2026-01-01", "2026-01-01"),
        ("'3'", "3"),
        ("dual/none", "dual/none"),
    ],
)
def test_a_value_is_typed_as_in_yaml_1_2(text: str, value: object) -> None:
    found = parse_yaml(text, "--set x")
    assert (found, type(found)) == (value, type(value))


def test_overrides_reach_every_part_of_the_sweep(load: Load) -> None:
    overrides = [
        "base.steps=5",
        "base.optimizer.learning_rate=1e-4",
        "seeds=3",
        "metric={primary: class_accuracy, direction: higher}",
        "resources.gpus=0.5",
        "base.data={kind: npz, path: images.npz}",
        "baseline=dual/none",
        "question=a = b?",
    ]
    sweep = load(overrides=overrides)
    config = sweep.configs[0][1]
    assert (config.steps, config.optimizer.learning_rate, config.data.kind) == (5, 0.0001, "npz")
    assert (sweep.spec.seeds, sweep.spec.metric.primary, sweep.spec.resources.gpus) == ((0, 1, 2), "class_accuracy", 0.5)
    assert (sweep.spec.baseline, sweep.spec.question) == ("dual/none", "a = b?")
    assert sweep.spec.base["optimizer"] == {"learning_rate": 0.0001}, "a number, so that 1e-4 and 0.0001 are one version"


def test_overrides_come_after_the_profile_and_the_last_one_stands(load: Load) -> None:
    sweep = load(profiles={"p": {"base": {"steps": 7}}}, profile="p", overrides=["base.steps=8", "base.steps=9"])
    assert sweep.configs[0][1].steps == 9


def test_null_takes_a_field_back_to_none(load: Load) -> None:
    assert load(overrides=["base.held_out_every=null"]).configs[0][1].held_out_every is None
    assert load(baseline="dual/none", overrides=["baseline=null"]).spec.baseline is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("base.steps", "--set base.steps: write path.to.field=value, such as base.steps=400"),
        ("=3", "--set =3: write path.to.field=value, such as base.steps=400"),
        ("steps=3", "--set steps=3: the sweep has no field 'steps'; did you mean \"base.steps\"?"),
        ("preset=B/2", "--set preset=B/2: the sweep has no field 'preset'; did you mean \"base.preset\"?"),
        ("timesteps.kind=dual", "--set timesteps.kind=dual: the sweep has no field 'timesteps'; did you mean \"base.timesteps.kind\"?"),
        ("sedes=3", "--set sedes=3: the sweep has no field 'sedes'; did you mean \"seeds\"?"),
        ("xyz=3", f"--set xyz=3: the sweep has no field 'xyz'; valid here: {TOP}"),
        ("profiles.p.seeds=3", f"--set profiles.p.seeds=3: the sweep has no field 'profiles'; valid here: {TOP}"),
        ("base..steps=3", "--set base..steps=3: 'base..steps' is no dotted path; write names joined by single dots"),
        ("base.=3", "--set base.=3: 'base.' is no dotted path; write names joined by single dots"),
        ("name.x=3", "--set name.x=3: name is 'small', which has no field 'x'; shorten the path"),
        ("design.kind.x=3", "--set design.kind.x=3: kind is 'factorial', which has no field 'x'; shorten the path"),
        ("contrasts.0.margin=3", "--set contrasts.0.margin=3: contrasts is [], which has no field '0.margin'; set contrasts as a whole"),
        ("base.steps=[1", "--set base.steps=[1, line 1: not YAML (expected ',' or ']', but got '<stream end>'); fix the line"),
        ("base.stepz=3", "base.stepz: there is no field 'stepz'; did you mean \"steps\"?"),
        ("base.steps=many", "base.steps: give a whole number, not 'many'"),
        ("base.steps.x=3", "base.steps: give a whole number, not {'x': 3}"),
        ("base.seed=3", "base.seed: a sweep sets the seed of each trial; remove it and list `seeds`"),
        ("question=", "question: give text in quotes, not null"),
    ],
)
def test_overrides_that_mean_nothing_are_refused(refused: Refused, override: str, message: str) -> None:
    assert refused(contrasts=[], overrides=[override]) == message


@pytest.mark.parametrize(
    ("mapping", "path", "expected"),
    [
        ({}, "a", {"a": 1}),
        ({"a": {"b": 2, "c": 3}}, "a.b", {"a": {"b": 1, "c": 3}}),
        ({"a": None}, "a.b.c", {"a": {"b": {"c": 1}}}),
        ({"a": {"b": {"c": 2}}}, "a.b", {"a": {"b": 1}}),
    ],
)
def test_setting_a_path_copies(mapping: dict[str, Any], path: str, expected: dict[str, Any]) -> None:
    before = repr(mapping)
    assert set_path(mapping, path, 1, "here") == expected
    assert repr(mapping) == before
