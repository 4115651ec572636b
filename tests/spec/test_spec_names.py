"""A level or variant has one name, and wherever it is named, whatever YAML reads as the same value will do."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
import yaml
from small_sweep import SWEEP, Load, Refused

from sweeper.records import SweepSnapshot
from sweeper.report.build import build_report
from sweeper.spec.factors import level_name, written_as
from sweeper.spec.schema import sweep_schema

RATES: dict[str, Any] = {
    "base": {"preset": "nano", "timesteps": {"kind": "dual"}},
    "design": {
        "kind": "factorial",
        "factors": {
            "lr": {"path": "optimizer.learning_rate", "levels": [1e-3, 0.25]},
            "gap": {"path": "timesteps.gap", "levels": ["independent", {"fixed": 0.1}]},
            "every": {"path": "evaluation.every", "levels": [1, None]},
        },
    },
}
NAME, OTHER = "0.001/fixed=0.1/null", "0.001/fixed=0.1/1"


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        (0.001, ["0.001", "0.25"], "0.001"),
        ("1e-3", ["0.001", "0.25"], "0.001"),
        ("1E-03", ["0.001", "0.25"], "0.001"),
        (".25", ["0.001", "0.25"], "0.25"),
        (0.001, ["1e-3"], "1e-3"),
        ("1.0", ["1", "1.0"], "1.0"),
        (1.0, ["1", "2"], "1"),
        ("1e0", ["1", "1.0"], None),
        (True, ["true", "false"], "true"),
        ("True", ["true", "false"], "true"),
        (1, ["true", "false"], None),
        (None, ["null", "1"], "null"),
        ("~", ["null", "1"], "null"),
        ({"fixed": 0.1}, ["independent", "fixed=0.1"], "fixed=0.1"),
        ("fixed=1e-1", ["independent", "fixed=0.1"], "fixed=0.1"),
        ("1e-3/dual", ["0.001/dual", "0.001/single"], "0.001/dual"),
        ("[.5, 5e-1]", ["[0.5, 0.5]"], "[0.5, 0.5]"),
        ("dual", ["Dual"], None),
        ("0.0011", ["0.001"], None),
    ],
)
def test_a_name_is_itself_or_the_one_of_the_same_values(name: Any, known: list[str], found: str | None) -> None:
    assert written_as(name, known) == found


@pytest.mark.parametrize("written", ["1e-3", "'1e-3'", "0.001", "'0.001'", "1.0e-3"])
def test_every_place_takes_every_spelling(load: Load, written: str) -> None:
    text = yaml.safe_dump(SWEEP | RATES | {"design": RATES["design"] | {"factors": {"lr": RATES["design"]["factors"]["lr"]}}})
    text += f"""
baseline: {written}
contrasts:
  - {{name: a, of: {{lr: 0.25}}, to: {{lr: {written}}}}}
  - {{name: b, of: 0.25, to: {written}, kind: superior, alpha: 0.05, margin: 2%}}
  - {{name: c, weights: {{{written}: 1, 0.25: -1}}, kind: non_inferior, alpha: 0.05, margin: 2%, relative_to: {written}}}
report: {{order: [0.25, {written}], names: {{{written}: slow}}}}
"""
    spec = load(text).spec
    assert spec.baseline == "0.001"
    a, b, c = spec.contrasts
    assert isinstance(a.to, dict)
    assert level_name(a.to["lr"]) == "0.001"
    assert (b.of, b.to) == ("0.25", "0.001")
    assert (c.weights, c.relative_to) == ({"0.001": 1, "0.25": -1}, "0.001")


def test_where_unless_and_cells_of_several_factors(load: Load) -> None:
    def names(**design: Any) -> list[str]:
        return [variant.name for variant, _ in load(**(RATES | {"design": RATES["design"] | design})).configs]

    assert names(where={"lr": "1e-3", "gap": {"fixed": 0.1}, "every": None}) == [NAME]
    assert names(where={"lr": ["1E-3", 0.25], "gap": "fixed=.1", "every": ["~"]}) == [NAME, "0.25/fixed=0.1/null"]
    assert NAME not in names(unless={"lr": ".001", "every": None, "gap": "fixed=0.1"})


def test_a_variant_of_several_factors_and_its_levels(load: Load) -> None:
    cell = {"lr": "1e-3", "gap": {"fixed": 0.1}, "every": None}
    contrast = {"name": "c", "of": cell, "to": {**cell, "every": 1.0}}
    spec = load(
        **RATES, baseline="1e-3/fixed=.1/~", contrasts=[contrast, {"name": "d", "of": "1e-3/fixed=.1/~", "to": NAME[:-4] + "1"}]
    ).spec
    assert spec.baseline == NAME
    of, to = (spec.contrasts[0].of, spec.contrasts[0].to)
    assert isinstance(of, dict)
    assert isinstance(to, dict)
    assert ["/".join(map(level_name, cell.values())) for cell in (of, to)] == [NAME, OTHER]
    assert spec.contrasts[1].of == NAME


def test_spellings_make_no_other_version(load: Load) -> None:
    contrast = {"name": "c", "of": "0.25", "to": "0.001"}
    versions = {
        load(**ONE, baseline=baseline, contrasts=[contrast | {"to": baseline}]).version for baseline in ("0.001", 0.001, "1e-3", ".001")
    }
    assert len(versions) == 1


ONE: dict[str, Any] = {"design": {"kind": "factorial", "factors": {"lr": RATES["design"]["factors"]["lr"]}}}


def test_a_name_that_is_none_is_refused_as_before(refused: Refused) -> None:
    assert refused(**ONE, baseline=0.002) == "baseline: there is no variant '0.002'; did you mean \"0.001\"?"
    said = refused(**ONE, contrasts=[{"name": "c", "of": {"lr": "1e-2"}, "to": {"lr": 0.25}}])
    assert said == "contrasts: 'c' names '0.01', which is no level of lr; did you mean \"0.001\"?"


def test_a_report_by_another_spelling_of_its_template(load: Load) -> None:
    sweep = load(**ONE, report={"order": [".25"], "names": {"1e-3": "slow"}})
    assert sweep.spec.report is not None
    whole, now = sweep.spec.model_dump(mode="json"), datetime.now(UTC)
    snapshot = SweepSnapshot(name="small", profile="default", version="v", spec=whole, created=now, outcomes=(), newest_result=None)
    report = build_report(snapshot)
    assert report.template.order == ("0.25",)
    assert report.template.names == {"0.001": "slow"}


def test_editors_take_a_name_without_quotes() -> None:
    raw = SWEEP | ONE | {"baseline": 0.001, "contrasts": [{"name": "c", "of": 0.25, "to": 0.001}]}
    jsonschema.validate(json.loads(json.dumps(raw)), sweep_schema())
