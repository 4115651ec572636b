"""The weight of every variant in a contrast; the formulas are those of the design notes on 2607.02508."""

from typing import Any

import pytest
from small_sweep import Load, Refused

from sweeper.spec.designs import contrast_weights, variants_of

SN, SF, DN, DF = "single/none", "single/full", "dual/none", "dual/full"
PUBLISHED = {SN: 26.34, SF: 25.81, DN: 25.19, DF: 25.06}
"""FID of 2607.02508 at 800K steps."""


def weights(load: Load, **contrast: Any) -> dict[str, float]:
    spec = load(contrasts=[{"name": "c"} | contrast]).spec
    return contrast_weights(spec.contrasts[0], variants_of(spec))


MAIN_DUAL = {"of": {"timesteps": "dual"}, "to": {"timesteps": "single"}}
MAIN_SEPARATION = {"of": {"separation": "full"}, "to": {"separation": "none"}}
INTERACTION = {"weights": {DF: 1, DN: -1, SF: -1, SN: 1}}


@pytest.mark.parametrize(
    ("contrast", "expected"),
    [
        # A factor that is not named is averaged over: ((DN - SN) + (DF - SF)) / 2.
        (MAIN_DUAL, {DN: 0.5, DF: 0.5, SN: -0.5, SF: -0.5}),
        (MAIN_SEPARATION, {SF: 0.5, DF: 0.5, SN: -0.5, DN: -0.5}),
        (MAIN_DUAL | {"holding": {"separation": "full"}}, {DF: 1, SF: -1}),
        (MAIN_SEPARATION | {"holding": {"timesteps": "dual"}}, {DF: 1, DN: -1}),
        ({"of": {"timesteps": "dual", "separation": "full"}, "to": {"timesteps": "single", "separation": "none"}}, {DF: 1, SN: -1}),
        ({"of": DF, "to": SN}, {DF: 1, SN: -1}),
        # One cell against the mean of a row that holds it.
        ({"of": DF, "to": {"timesteps": "dual"}}, {DF: 0.5, DN: -0.5}),
        # (DF - DN) - (SF - SN), not halved: positive when reading across groups carries some of the gain of dual timesteps.
        (INTERACTION, {DF: 1, DN: -1, SF: -1, SN: 1}),
    ],
)
def test_weights(load: Load, contrast: dict[str, Any], expected: dict[str, float]) -> None:
    assert weights(load, **contrast) == expected


@pytest.mark.parametrize(("contrast", "published"), [(MAIN_DUAL, -0.95), (MAIN_SEPARATION, -0.33), (INTERACTION, 0.40)])
def test_the_published_cells_give_the_published_contrasts(load: Load, contrast: dict[str, Any], published: float) -> None:
    found = weights(load, **contrast)
    assert sum(weight * PUBLISHED[name] for name, weight in found.items()) == pytest.approx(published, abs=1e-9)
    assert sum(found.values()) == pytest.approx(0, abs=1e-12)


def test_every_unnamed_factor_is_averaged_over(load: Load) -> None:
    factors = {
        "width": {"path": "backbone.width", "levels": [24, 48, 96]},
        "flag": {"path": "attention.separation", "levels": ["none", "full"]},
        "ratio": {"path": "partition.ratio", "levels": [0.25, 0.5]},
    }
    design = {"kind": "factorial", "factors": factors}
    spec = load(design=design, contrasts=[{"name": "c", "of": {"width": 96}, "to": {"width": 24}, "holding": {"flag": "full"}}]).spec
    expected = {"24/full/0.25": -0.5, "24/full/0.5": -0.5, "96/full/0.25": 0.5, "96/full/0.5": 0.5}
    assert contrast_weights(spec.contrasts[0], variants_of(spec)) == expected


@pytest.mark.parametrize(
    ("path", "levels", "of", "to", "expected"),
    [
        ("partition.ratio", [0.25, 0.5], 0.5, 0.25, {"0.5": 1, "0.25": -1}),
        ("backbone.layers", [4, 6], 6, 4, {"6": 1, "4": -1}),
        ("alignment.teacher.separated", [False, True], True, False, {"true": 1, "false": -1}),
        ("timesteps.gap", [{"fixed": 0.1}, "independent"], "fixed=0.1", "independent", {"fixed=0.1": 1, "independent": -1}),
    ],
)
def test_a_cell_names_a_level_as_the_factor_lists_it(
    load: Load, path: str, levels: list[Any], of: Any, to: Any, expected: dict[str, float]
) -> None:
    design = {"kind": "factorial", "factors": {"f": {"path": path, "levels": levels}}}
    base = {"preset": "nano", "timesteps": {"kind": "dual"}, "attention": {"separation": "full"}}
    spec = load(base=base, design=design, contrasts=[{"name": "c", "of": {"f": of}, "to": {"f": to}}]).spec
    assert contrast_weights(spec.contrasts[0], variants_of(spec)) == expected


def test_variants_of_an_explicit_list_are_compared_by_name(load: Load) -> None:
    variants = {"a": {}, "b": {"batch_size": 32}, "c": {"batch_size": 16}}
    contrasts = [{"name": "c", "of": "b", "to": "a"}, {"name": "d", "weights": {"a": -1, "b": 0.5, "c": 0.5}}]
    spec = load(design={"kind": "variants", "variants": variants}, contrasts=contrasts).spec
    assert [contrast_weights(c, variants_of(spec)) for c in spec.contrasts] == [{"b": 1, "a": -1}, {"a": -1, "b": 0.5, "c": 0.5}]


@pytest.mark.parametrize(
    ("contrast", "message"),
    [
        (
            {"of": {"timestep": "dual"}, "to": {}},
            "contrasts: 'c' names 'timestep', which is no factor of the design; did you mean \"timesteps\"?",
        ),
        (
            MAIN_DUAL | {"holding": {"separation": "ful"}},
            "contrasts: 'c' names 'ful', which is no level of separation; did you mean \"full\"?",
        ),
        ({"of": "dual/ful", "to": SN}, "contrasts: 'c' names 'dual/ful', which is no variant; did you mean \"dual/full\"?"),
        ({"weights": {"dual/ful": 1, SN: -1}}, "contrasts: 'c' weighs 'dual/ful', which is no variant; did you mean \"dual/full\"?"),
        ({"of": SN, "to": SN}, "contrasts: 'c' compares a variant with itself; let `of` and `to` differ"),
        ({"weights": {DF: 1, SN: -0.5}}, "contrasts.0: contrast 'c': weights add up to 0.5, not to zero"),
        ({"of": SN}, "contrasts.0: contrast 'c' needs either both `of` and `to`, or `weights` alone"),
        ({"weights": {DF: 1, SN: -1}} | MAIN_DUAL, "contrasts.0: contrast 'c' needs either both `of` and `to`, or `weights` alone"),
        (
            {"weights": {DF: 1, SN: -1}, "holding": {"timesteps": "dual"}},
            "contrasts.0: contrast 'c' has `weights`; remove `of`, `to` and `holding`",
        ),
        (
            {"of": SN, "to": DF, "margin": 0},
            "contrasts.0.margin: give a number above 0, in units of the metric, or a share such as 2%; not 0",
        ),
        ({"of": 5, "to": DF}, "contrasts: 'c' names '5', which is no variant; valid here: single/none, single/full, dual/none, dual/full"),
    ],
)
def test_contrasts_that_compare_nothing_are_refused(refused: Refused, contrast: dict[str, Any], message: str) -> None:
    assert refused(contrasts=[{"name": "c"} | contrast]) == message


def test_two_contrasts_of_one_name_are_refused(refused: Refused) -> None:
    message = "contrasts: contrast 'c' appears twice; every contrast has its own name"
    assert refused(contrasts=[{"name": "c", "of": SN, "to": DF}] * 2) == message


def test_a_baseline_is_a_variant(load: Load, refused: Refused) -> None:
    assert load(baseline=SF).spec.baseline == SF
    assert refused(baseline="single/ful") == "baseline: there is no variant 'single/ful'; did you mean \"single/full\"?"
