"""`sweeper check`: one line for a sweep, one for each fault otherwise; for editors as JSON; nothing is left behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sweeper.cli.check_json import check_schema

Refused = Callable[..., str]


def changed(old: str, new: str) -> None:
    text = Path("sweep.yaml").read_text()
    assert text.count(old) >= 1
    Path("sweep.yaml").write_text(text.replace(old, new, 1))


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(Path("sweep.yaml").read_text().splitlines(), start=1) if text in line)


def test_a_sweep_is_one_line(sweeper: Callable[..., Any], home: Path) -> None:
    said = sweeper("check", "sweep.yaml")
    assert (said.code, said.err) == (0, "")
    assert said.out == "sweep.yaml: noise_aug_vs_interaction (profile default), 4 variants x 3 seeds = 12 trials\n"
    smoke = sweeper("check", "sweep.yaml", "--profile", "smoke", "--set", "seeds=5")
    assert smoke.out == "sweep.yaml: noise_aug_vs_interaction (profile smoke), 4 variants x 5 seeds = 20 trials\n"
    assert not home.exists()


def test_one_fault(refused: Refused) -> None:
    changed("preset: nano", "preset: nanno")
    line = line_of("nanno")
    assert refused("check", "sweep.yaml") == f"sweep.yaml:{line}:11: base.preset: there is no preset 'nanno'; did you mean \"nano\"?"


def test_several_faults(sweeper: Callable[..., Any], home: Path) -> None:
    changed("preset: nano", "preset: nanno")
    changed("seeds: [0, 1, 2]", "sedes: [0, 1, 2]")
    said = sweeper("check", "sweep.yaml", "--set", "base")
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines() == [
        "error: sweep.yaml: 4 faults",
        f"  sweep.yaml:{line_of('nanno')}:11: base.preset: there is no preset 'nanno'; did you mean \"nano\"?",
        f"  sweep.yaml:{line_of('sedes')}:1: sedes: there is no field 'sedes'; did you mean \"seeds\"?",
        "  --set base: write path.to.field=value, such as base.steps=400",
        "  sweep.yaml: seeds: this field is required; add it",
    ]
    assert not home.exists()


def test_what_is_no_sweep_file(refused: Refused) -> None:
    assert refused("check", "sweeep.yaml") == 'there is no file sweeep.yaml; did you mean "sweep.yaml"?'
    Path("sweep.yaml").write_text("# later\n")
    assert refused("check", "sweep.yaml") == "sweep.yaml is empty; start from sweeps/noise_aug_vs_interaction.yaml"


def test_as_json(sweeper: Callable[..., Any], home: Path) -> None:
    fits = jsonschema.Draft202012Validator(check_schema()).validate
    said = sweeper("check", "sweep.yaml", "--json")
    assert (said.code, said.err) == (0, "")
    found = json.loads(said.out)
    fits(found)
    assert found["faults"] == []
    assert {name: found["sweep"][name] for name in ("name", "profile", "variants", "seeds", "trials")} == {
        "name": "noise_aug_vs_interaction",
        "profile": "default",
        "variants": 4,
        "seeds": 3,
        "trials": 12,
    }
    planned = json.loads(sweeper("plan", "sweep.yaml", "--json").out)["sweep"]
    assert {name: found["sweep"][name] for name in planned} == planned
    changed("seeds: [0, 1, 2]", "sedes: 3\nseeds: 3")
    wrong = sweeper("check", "sweep.yaml", "--json")
    assert (wrong.code, wrong.err) == (2, "")
    found = json.loads(wrong.out)
    fits(found)
    message = "sedes: there is no field 'sedes'; did you mean \"seeds\"?"
    assert found == {"file": "sweep.yaml", "sweep": None, "faults": [{"line": line_of("sedes"), "column": 1, "message": message}]}
    assert json.loads(sweeper("schema", "--check").out) == check_schema()
    assert not home.exists()


@pytest.mark.parametrize("name", ["sweep\x1b[2J.yaml", "a b.yaml"])
def test_odd_names_of_files(refused: Refused, name: str) -> None:
    changed("preset: nano", "preset: nanno")
    Path("sweep.yaml").rename(name)
    assert refused("check", name).startswith(f"{name}:".replace("\x1b", "\\x1b"))
