"""`method` in a base and in a level."""

from typing import Any

import pytest
from small_sweep import Load, Refused

from model.presets import config_from


def levels(**variants: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "variants", "variants": variants}


def test_a_base_names_a_method(load: Load) -> None:
    sweep = load(base={"preset": "nano", "method": "sra_2505"}, design=levels(plain={}, dual={"timesteps.kind": "dual"}))
    plain, dual = (config for _, config in sweep.configs)
    assert plain == config_from({"preset": "nano", "method": "sra_2505"})
    assert (dual.timesteps.kind, dual.alignment.loss) == ("dual", "smooth_l1")
    assert load(overrides=["base.method=sit"]).configs[0][1].alignment.kind == "none"


def test_a_level_names_a_method_and_goes_over_the_base(load: Load) -> None:
    base = {"preset": "L/2", "timesteps": {"kind": "dual", "gap": {"fixed": 0.1}}, "alignment": {"weight": 0.9}, "batch_size": 8}
    design = {"kind": "factorial", "factors": {"method": {"path": "method", "levels": ["sit", "sra", "sra_dts", "repa"]}}}
    sweep = load(base=base, design=design)
    assert [variant.name for variant, _ in sweep.configs] == ["sit", "sra", "sra_dts", "repa"]
    for variant, config in sweep.configs:
        assert config == config_from(
            {"preset": "L/2", "method": variant.name, "batch_size": 8, "alignment": {"weight": config.alignment.weight}}
        )
        assert config.alignment.weight == (0.9 if variant.name == "sit" else 0.5)


def test_other_fields_of_a_level_go_over_its_method_whatever_their_order(load: Load) -> None:
    fields = {"alignment.axis": "width", "method": "sra"}
    sweep = load(base={"preset": "nano"}, design=levels(one=fields, two=dict(reversed(fields.items()))))
    assert [config.alignment.axis for _, config in sweep.configs] == ["width", "width"]


def test_a_levels_method_takes_the_place_of_the_bases(load: Load) -> None:
    sweep = load(base={"preset": "nano", "method": "sra_2505"}, design=levels(sra={"method": "sra"}, sit={"method": "sit"}))
    assert [config for _, config in sweep.configs] == [config_from({"preset": "nano", "method": name}) for name in ("sra", "sit")]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"base": {"preset": "nano", "method": "sraa"}}, "base.method: there is no method 'sraa'; did you mean \"sra\"?"),
        ({"base": {"preset": "nano", "method": 3}}, "base: there is no method 3; choose one of sit, dit, sra, sra_2505, self_flow, "),
        ({"design": levels(a={"method": "sra_dst"})}, "variant a: there is no method 'sra_dst'; did you mean \"sra_dts\"?"),
        ({"design": levels(a={"method": ["sra"]})}, "variant a: there is no method ['sra']"),
        ({"design": levels(a={"method.weight": 0.2})}, "variant a: method: there is no field 'method'"),
        (
            {"design": levels(a={"method": "sra", "alignment.teacher.separated": True})},
            "variant a: alignment.teacher.separated needs a separated student",
        ),
    ],
)
def test_a_method_that_means_nothing_is_refused(refused: Refused, changed: dict[str, Any], message: str) -> None:
    assert refused(**changed).startswith(message)
