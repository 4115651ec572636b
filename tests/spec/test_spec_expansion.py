"""From a design to its variants: their order, names and overrides; and how many seeds there are."""

from typing import Any

import pytest
from small_sweep import Load, Refused

from sweeper.spec.factors import level_name


def names(load: Load, **changed: Any) -> list[str]:
    return [variant.name for variant, _ in load(**changed).configs]


def factorial(**factors: Any) -> dict[str, Any]:
    return {"kind": "factorial", "factors": factors}


def test_the_last_factor_varies_fastest(load: Load) -> None:
    assert names(load) == ["single/none", "single/full", "dual/none", "dual/full"]


def test_a_level_by_path_sets_its_one_field(load: Load) -> None:
    sweep = load(design=factorial(ratio={"path": "partition.ratio", "levels": [0.25, 0.5]}))
    assert [(v.name, v.levels, v.overrides, c.partition.ratio) for v, c in sweep.configs] == [
        ("0.25", {"ratio": "0.25"}, {"partition.ratio": 0.25}, 0.25),
        ("0.5", {"ratio": "0.5"}, {"partition.ratio": 0.5}, 0.5),
    ]


def test_a_named_level_sets_several_fields(load: Load) -> None:
    both = {"attention.separation": "full", "alignment.teacher.separated": True}
    ((_, none), (variant, full)) = load(design=factorial(separation={"levels": {"none": {}, "full": both}})).configs
    assert variant.overrides == both
    assert (full.attention.separation, full.alignment.teacher.separated) == ("full", True)
    assert (none.attention.separation, none.alignment.teacher.separated) == ("none", False)


def test_explicit_variants_keep_their_order_and_names(load: Load) -> None:
    variants = {"plain": {}, "dual": {"timesteps.kind": "dual"}, "big+dual": {"timesteps": {"kind": "dual"}, "backbone.width": 96}}
    sweep = load(design={"kind": "variants", "variants": variants})
    assert [(v.name, v.levels, c.timesteps.kind, c.backbone.width) for v, c in sweep.configs] == [
        ("plain", {}, "single", 48),
        ("dual", {}, "dual", 48),
        ("big+dual", {}, "dual", 96),
    ]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0.25, "0.25"),
        (0.50, "0.5"),
        (4, "4"),
        (True, "true"),
        (None, "null"),
        ("independent", "independent"),
        ({"fixed": 0.1}, "fixed=0.1"),
        ({"a": {"b": False}, "c": 1}, "a=b=false,c=1"),
        ([0.5, 0.5], "[0.5, 0.5]"),
    ],
)
def test_level_names(value: object, name: str) -> None:
    assert level_name(value) == name


def test_levels_may_be_named_by_numbers_and_by_words_of_older_yaml(load: Load) -> None:
    levels = "{0.5: {backbone.width: 96}, on: {backbone.width: 24}, no: {}, 7: {backbone.width: 60}}"
    text = (
        f"question: q\nname: n\nbase: {{preset: nano}}\nseeds: 1\nmetric: {{primary: held_out_loss, direction: lower}}\n"
        f"design: {{kind: factorial, factors: {{width: {{levels: {levels}}}}}}}\n"
    )
    assert [(v.name, c.backbone.width) for v, c in load(text).configs] == [("0.5", 96), ("on", 24), ("no", 48), ("7", 60)]


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([4, 4], "design.factors.layers: level '4' appears twice; every level has its own name"),
        ([4, "4"], "design.factors.layers: level '4' appears twice; every level has its own name"),
        (
            ["a/b"],
            "design.factors.layers: level name 'a/b' must not be blank or hold '/', which joins level names; name the levels by hand",
        ),
        ([], "design.factors.layers.levels: give at least 1 entry, not []"),
        (4, "design.factors.layers.levels: give a list in [ ] or `key: value` lines, not 4"),
        (
            {"four": {"backbone.layers": 4}},
            "design.factors.layers: a factor has either `path` and a list of levels, or no `path` and levels by name, each a {path: value}",
        ),
    ],
)
def test_levels_that_cannot_be_told_apart_are_refused(refused: Refused, levels: object, message: str) -> None:
    assert refused(design=factorial(layers={"path": "backbone.layers", "levels": levels})) == message


def test_a_grid_too_large_is_refused_before_it_is_expanded(refused: Refused) -> None:
    factors = {f"f{i}": {"path": f"p{i}", "levels": list(range(100))} for i in range(8)}
    message = "design: 10,000,000,000,000,000 cells are more than the limit of 10,000; drop levels or factors"
    assert refused(design=factorial(**factors)) == message
    many = {"f": {"path": "backbone.layers", "levels": list(range(1, 201))}}
    message = "200 variants x 1,000 seeds are more than 100,000 trials; ask for fewer"
    assert refused(design=factorial(**many), seeds=1000) == message


@pytest.mark.parametrize(("given", "seeds"), [(1, (0,)), (3, (0, 1, 2)), ([7, 3], (7, 3)), ([2**62], (2**62,))])
def test_seeds_are_a_list_or_how_many(load: Load, given: object, seeds: tuple[int, ...]) -> None:
    sweep = load(seeds=given)
    assert sweep.spec.seeds == seeds
    assert {config.seed for _, config in sweep.configs} == {seeds[0]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "seeds: a sweep has 1 to 1,000 seeds, not 0; give a list such as [0, 1, 2], or how many: 3"),
        (0, "seeds: a sweep has 1 to 1,000 seeds, not 0; give a list such as [0, 1, 2], or how many: 3"),
        (-2, "seeds: a sweep has 1 to 1,000 seeds, not -2; give a list such as [0, 1, 2], or how many: 3"),
        (20260728, "seeds: a sweep has 1 to 1,000 seeds, not 20,260,728; give a list such as [0, 1, 2], or how many: 3"),
        (True, "seeds: give a list such as [0, 1, 2], or how many: 3; not true"),
        ("three", "seeds: give a list such as [0, 1, 2], or how many: 3; not 'three'"),
        ([0, 1, 1], "seeds: seed 1 appears twice; a seed counts once"),
        ([-1], "seeds.0: give a number not below 0, not -1"),
        ([0.5], "seeds.0: give a whole number, not 0.5"),
        (["a", "b"], "2 faults\nseeds.0: give a whole number, not 'a'\nseeds.1: give a whole number, not 'b'"),
    ],
)
def test_seeds_that_mean_nothing_are_refused(refused: Refused, given: object, message: str) -> None:
    assert refused(seeds=given) == message
