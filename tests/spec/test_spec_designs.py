"""Every kind of design: which variants it makes, how they are named, and what is refused. All make the same kind of variants."""

from collections import Counter
from typing import Any

import pytest
from small_sweep import Load, Refused

from sweeper.plan.expand import data_facts, expand
from sweeper.spec.design_kinds import FractionalDesign
from sweeper.spec.load import LoadedSweep

TIMES = {"path": "timesteps.kind", "levels": ["single", "dual"]}
CUTS = {"path": "attention.separation", "levels": ["none", "full"]}
RATIOS = {"path": "partition.ratio", "levels": [0.25, 0.35, 0.5]}
THREE = {"timesteps": TIMES, "separation": CUTS, "ratio": RATIOS}
UNALIGNED = {"preset": "nano", "alignment": {"kind": "none"}}
COMPONENTS = {
    "dual": {"timesteps.kind": "dual"},
    "separation": {"attention.separation": "full", "alignment.teacher.separated": True},
    "aligned": {"alignment.kind": "self"},
}


def names(load: Load, **design: Any) -> list[str]:
    return [variant.name for variant, _ in load(design=design).configs]


def fingerprints(sweep: LoadedSweep) -> dict[str, str]:
    return {trial.variant: trial.fingerprint for trial in expand(sweep, data_facts(sweep), gpu=False)}


# -- one at a time ------------------------------------------------------------------------------------------------------------------------


def test_one_at_a_time_is_the_first_levels_and_each_other_level_alone(load: Load) -> None:
    found = names(load, kind="one_at_a_time", factors=THREE)
    assert found == ["single/none/0.25", "dual/none/0.25", "single/full/0.25", "single/none/0.35", "single/none/0.5"]


# -- recipes ------------------------------------------------------------------------------------------------------------------------------


def test_leave_one_out_is_the_full_recipe_minus_each_component(load: Load) -> None:
    sweep = load(base=UNALIGNED, design={"kind": "leave_one_out", "components": COMPONENTS})
    made = [(v.name, c.timesteps.kind, c.attention.separation, c.alignment.kind) for v, c in sweep.configs]
    assert made == [
        ("full", "dual", "full", "self"),
        ("full-dual", "single", "full", "self"),
        ("full-separation", "dual", "none", "self"),
        ("full-aligned", "dual", "full", "none"),
    ]
    assert sweep.configs[1][0].levels == {"dual": "without", "separation": "with", "aligned": "with"}


def test_add_one_in_is_the_base_plus_each_component(load: Load) -> None:
    sweep = load(base=UNALIGNED, design={"kind": "add_one_in", "components": COMPONENTS})
    made = [(v.name, c.timesteps.kind, c.attention.separation, c.alignment.kind) for v, c in sweep.configs]
    assert made == [
        ("base", "single", "none", "none"),
        ("base+dual", "dual", "none", "none"),
        ("base+separation", "single", "full", "none"),
        ("base+aligned", "single", "none", "self"),
    ]


def test_a_path_goes_from_the_base_to_the_full_recipe_in_the_order_given(load: Load) -> None:
    sweep = load(base=UNALIGNED, design={"kind": "path", "components": COMPONENTS})
    made = [(v.name, c.timesteps.kind, c.attention.separation, c.alignment.kind) for v, c in sweep.configs]
    assert made == [
        ("base", "single", "none", "none"),
        ("base+dual", "dual", "none", "none"),
        ("base+dual+separation", "dual", "full", "none"),
        ("base+dual+separation+aligned", "dual", "full", "self"),
    ]


def test_components_that_set_one_field_are_refused(refused: Refused) -> None:
    both = {"a": {"timesteps.kind": "dual"}, "b": {"timesteps": {"kind": "single"}}}
    assert refused(design={"kind": "leave_one_out", "components": both}) == (
        "design.components: components 'a' and 'b' both set timesteps, so one cannot be taken out alone; give the field to one of them,"
        " or list the recipes with kind: variants"
    )
    assert refused(design={"kind": "path", "components": {"a": {}}}) == "design.components.a: give at least 1 entry, not {}"


# -- fractions ----------------------------------------------------------------------------------------------------------------------------

TWO_LEVELS: dict[str, Any] = {
    "timesteps": TIMES,
    "separation": CUTS,
    "width": {"path": "backbone.width", "levels": [24, 48]},
    "decay": {"path": "ema_decay", "levels": [0.9, 0.99]},
}


def fraction(load: Load, **changed: Any) -> FractionalDesign:
    design = load(design={"kind": "fractional", "factors": TWO_LEVELS, **changed}).spec.design
    assert isinstance(design, FractionalDesign)
    return design


def test_a_half_fraction_of_resolution_four(load: Load) -> None:
    """2^(4-1) with d = abc: each main effect is alone but for interactions of three, each pair of factors is aliased with the other."""
    design = fraction(load, resolution=4)
    cells = [tuple(v.levels.values()) for v in design.expand()]
    assert len(cells) == len(set(cells)) == 8
    for i, factor in enumerate(design.factors.values()):
        assert Counter(cell[i] for cell in cells) == {name: 4 for name, _ in factor.named_levels()}
    assert [str(row) for row in design.aliases()] == [
        "timesteps",
        "separation",
        "width",
        "decay",
        "timesteps x separation = width x decay",
        "timesteps x width = separation x decay",
        "timesteps x decay = separation x width",
    ]


def test_generators_say_which_fraction(load: Load) -> None:
    design = fraction(load, generators={"width": ["timesteps", "separation"]})
    assert [v.name for v in design.expand()] == [
        "single/none/48/0.9",
        "single/none/48/0.99",
        "single/full/24/0.9",
        "single/full/24/0.99",
        "dual/none/24/0.9",
        "dual/none/24/0.99",
        "dual/full/48/0.9",
        "dual/full/48/0.99",
    ]
    assert "width = timesteps x separation" in [str(row) for row in design.aliases()]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "a fractional design has either `resolution`, such as 4, or `generators`, such as {d: [a, b, c]}"),
        (
            {"resolution": 3, "factors": THREE},
            "factors.ratio has 3 levels; a fractional design crosses factors of two, take two of them or use kind: factorial with `where`",
        ),
        (
            {"resolution": 3, "factors": {"timesteps": TIMES, "separation": CUTS}},
            "a fractional design has 3 to 15 factors, not 2; use kind: factorial",
        ),
        ({"resolution": 5}, "resolution 5 needs more than 4 factors; ask for at most 4, or use kind: factorial"),
        ({"generators": {"widht": ["timesteps", "separation"]}}, "generators: there is no factor 'widht'; did you mean \"width\"?"),
        (
            {"generators": {"width": ["timesteps", "timesteps"]}},
            "generators: width names a factor twice; a factor times itself is the mean",
        ),
        (
            {"generators": {"width": ["timesteps", "separation"], "decay": ["width", "timesteps"]}},
            "generators: decay is made from width, which is itself generated; name factors that are not",
        ),
        (
            {"resolution": 3, "unless": {"timesteps": "dual"}},
            "`where` and `unless` would break the balance of a fractional design; use kind: factorial with them",
        ),
    ],
)
def test_fractions_that_are_none_are_refused(refused: Refused, changed: dict[str, Any], message: str) -> None:
    assert refused(design={"kind": "fractional", "factors": TWO_LEVELS, **changed}) == f"design: {message}"


# -- where and unless ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dropping", "left"),
    [
        ({"unless": {"timesteps": "single", "separation": "full"}}, ["single/none", "dual/none", "dual/full"]),
        ({"unless": [{"timesteps": "single"}, {"separation": "none"}]}, ["dual/full"]),
        ({"where": {"timesteps": "dual"}}, ["dual/none", "dual/full"]),
        ({"where": [{"timesteps": "dual"}, {"separation": "none"}], "unless": {"separation": "full"}}, ["single/none", "dual/none"]),
        ({"where": {"separation": ["none", "full"]}}, ["single/none", "single/full", "dual/none", "dual/full"]),
    ],
)
def test_where_keeps_and_unless_drops(load: Load, dropping: dict[str, Any], left: list[str]) -> None:
    assert names(load, kind="factorial", factors={"timesteps": TIMES, "separation": CUTS}, **dropping) == left


def test_a_match_names_a_level_by_its_value(load: Load) -> None:
    found = names(
        load, kind="factorial", factors={"ratio": RATIOS, "separation": CUTS}, unless={"ratio": [0.35, 0.5], "separation": "full"}
    )
    assert found == ["0.25/none", "0.25/full", "0.35/none", "0.5/none"]


@pytest.mark.parametrize(
    ("dropping", "message"),
    [
        ({"unless": {"separatio": "full"}}, "design: unless: there is no factor 'separatio'; did you mean \"separation\"?"),
        ({"where": [{"separation": "ful"}]}, "design: where: separation has no level 'ful'; did you mean \"full\"?"),
        ({"where": {}}, "design: where: an empty match means every cell; name a factor and its level, or leave it out"),
        ({"unless": [{"timesteps": ["single", "dual"]}]}, "design: `where` and `unless` drop all of its 4 cells; keep some"),
        ({"wher": {"timesteps": "dual"}}, "design.wher: there is no field 'wher'; did you mean \"where\"?"),
    ],
)
def test_matches_that_name_nothing_are_refused(refused: Refused, dropping: dict[str, Any], message: str) -> None:
    assert refused(design={"kind": "factorial", "factors": {"timesteps": TIMES, "separation": CUTS}, **dropping}) == message


# -- limits and sharing -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "number", "levels", "cells"), [("factorial", 5, 10, "100,000"), ("one_at_a_time", 6, 2000, "11,995")])
def test_a_grid_too_large_is_refused_before_it_is_expanded(refused: Refused, kind: str, number: int, levels: int, cells: str) -> None:
    factors = {f"f{i}": {"path": f"nowhere.{i}", "levels": list(range(levels))} for i in range(number)}
    message = refused(design={"kind": kind, "factors": factors})
    assert message == f"design: {cells} cells are more than the limit of 10,000; drop levels or factors"


def test_one_trial_serves_sweeps_of_different_designs(load: Load) -> None:
    """A 2x2 factorial, the same cells one at a time, as recipes, and as a list: seven names, four trials."""
    factors = {"timesteps": TIMES, "separation": CUTS}
    parts = {"dual": {"timesteps.kind": "dual"}, "cut": {"attention.separation": "full"}}
    crossed = fingerprints(load(design={"kind": "factorial", "factors": factors}))
    alone = fingerprints(load(design={"kind": "one_at_a_time", "factors": factors}))
    left = fingerprints(load(design={"kind": "leave_one_out", "components": parts}))
    added = fingerprints(load(design={"kind": "add_one_in", "components": parts}))
    path = fingerprints(load(name="other", design={"kind": "path", "components": parts}))
    listed = fingerprints(load(design={"kind": "variants", "variants": {"both": parts["dual"] | parts["cut"]}}))
    assert alone == {name: crossed[name] for name in ("single/none", "dual/none", "single/full")}
    assert left == {"full": crossed["dual/full"], "full-dual": crossed["single/full"], "full-cut": crossed["dual/none"]}
    assert added == {"base": crossed["single/none"], "base+dual": crossed["dual/none"], "base+cut": crossed["single/full"]}
    assert path == {"base": crossed["single/none"], "base+dual": crossed["dual/none"], "base+dual+cut": crossed["dual/full"]}
    assert listed == {"both": crossed["dual/full"]}
    assert len(set(crossed.values())) == 4
