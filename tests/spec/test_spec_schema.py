"""The JSON Schema that editors complete sweeps by: valid itself, true of every shipped file, false of a typo."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from model.config import TrainConfig
from model.presets import METHODS, PRESETS
from sweeper.spec.schema import sweep_schema
from sweeper.spec.schema_file import SCHEMA_FILE, schema_text
from sweeper.spec.sweep_spec import SweepSpec

FILES = sorted((Path(__file__).parents[2] / "sweeps").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = sweep_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def raw() -> dict[str, Any]:
    text = next(file for file in FILES if file.stem == "noise_aug_vs_interaction").read_text()
    whole: dict[str, Any] = yaml.safe_load(text)
    return whole


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_shipped_files_are_valid(validator: jsonschema.Draft202012Validator, file: Path) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(file.read_text()))] == []


def test_the_file_in_the_repository_is_what_the_command_prints() -> None:
    """Renewed by `sweeper schema > sweeps/sweep.schema.json`."""
    file = FILES[0].with_name(SCHEMA_FILE)
    assert json.loads(file.read_text()) == sweep_schema()
    assert file.read_text() == schema_text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_first_line_of_a_shipped_file_leads_editors_to_the_schema(file: Path) -> None:
    found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", file.read_text().splitlines()[0])
    assert found is not None
    assert file.with_name(SCHEMA_FILE).samefile(file.parent / found[1])


def test_every_field_is_in_it_with_its_help() -> None:
    schema = sweep_schema()
    assert set(schema["properties"]) == set(SweepSpec.model_fields) | {"profiles"}
    base = schema["$defs"]["base"]["properties"]
    assert set(base) == (set(TrainConfig.model_fields) | {"preset", "method"}) - {"seed"}
    assert base["preset"]["enum"] == list(PRESETS)
    assert base["method"]["enum"] == list(METHODS)
    assert base["batch_size"]["description"] == "Images per optimizer step."
    assert schema["properties"]["contrasts"]["items"] == {"$ref": "#/$defs/Contrast"}


def test_every_number_that_counts_something_has_an_end() -> None:
    """Else some number is too long for what is reckoned from it."""

    def counted(tree: Any, path: str = "") -> Iterator[tuple[str, bool]]:
        if isinstance(tree, dict):
            if tree.get("type") == "integer" and "enum" not in tree:
                yield path, "maximum" in tree
            for key, value in tree.items():
                yield from counted(value, f"{path}.{key}")
        elif isinstance(tree, list):
            for value in tree:
                yield from counted(value, path)

    found = dict(counted(TrainConfig.model_json_schema()))
    assert len(found) > 20
    assert [path for path, ended in found.items() if not ended] == []


def test_a_profile_needs_no_field_and_a_sweep_does(validator: jsonschema.Draft202012Validator, raw: dict[str, Any]) -> None:
    raw["profiles"] = {"none": {}, "some": {"seeds": 1}}
    assert validator.is_valid(raw)
    del raw["metric"]
    assert not validator.is_valid(raw)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("sedes",), 3),
        (("seeds",), []),
        (("seeds",), "three"),
        (("base", "stepz"), 5),
        (("base", "seed"), 5),
        (("base", "steps"), "many"),
        (("base", "preset"), "nanno"),
        (("base", "method"), "sraa"),
        (("base", "data"), {"kind": "digts"}),
        (("base", "timesteps"), {"gap": {"fixd": 0.1}}),
        (("base", "partition"), {"assignment": "learned", "score": {"bye": "loss"}}),
        (("metric", "direction"), "down"),
        (("design", "kind"), "factoral"),
        (("resources", "cpus"), 0),
        (("profiles", "smoke", "base", "stepz"), 5),
        (("profiles", "smoke", "sedes"), 5),
    ],
)
def test_a_typo_is_refused(validator: jsonschema.Draft202012Validator, raw: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    wrong = copy.deepcopy(raw)
    inner = wrong
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert validator.is_valid(raw)
    assert not validator.is_valid(wrong)
