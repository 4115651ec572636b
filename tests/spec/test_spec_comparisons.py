"""What a contrast needs and changes: cells that are missing are named, and more than one factor is called confounded."""

from typing import Any

import pytest
from small_sweep import Load, Refused

from sweeper.spec.comparisons import caveats, changed_factors
from sweeper.spec.designs import contrast_weights, variants_of

WHOLE = {"path": "partition.full_image_probability", "levels": [0.0, 0.25]}
CUTS = {"path": "attention.separation", "levels": ["none", "full"]}
TIMES = {"path": "timesteps.kind", "levels": ["single", "dual"]}
BASE = {"preset": "nano", "timesteps": {"kind": "dual"}}
PUBLISHED = {"kind": "factorial", "factors": {"rho": WHOLE, "separation": CUTS}, "unless": {"rho": 0.25, "separation": "none"}}
"""2607.02508 has no cell of dual timesteps, full attention and whole images."""
MIXING = {"name": "mixing", "of": {"rho": 0.25}, "to": {"rho": 0.0}}


def said(load: Load, contrast: dict[str, Any], **changed: Any) -> tuple[dict[str, float], tuple[str, ...]]:
    spec = load(contrasts=[{"name": "c"} | contrast], **changed).spec
    variants = variants_of(spec)
    return contrast_weights(spec.contrasts[0], variants), caveats(spec.contrasts[0], spec, variants)


def test_a_full_factorial_needs_no_caveat(load: Load) -> None:
    for contrast in (
        {"of": {"timesteps": "dual"}, "to": {"timesteps": "single"}},
        {"of": {"timesteps": "dual"}, "to": {"timesteps": "single"}, "holding": {"separation": "full"}},
        {"weights": {"dual/full": 1, "dual/none": -1, "single/full": -1, "single/none": 1}},
        {"of": "dual/full", "to": {"timesteps": "dual"}},
    ):
        assert said(load, contrast)[1] == ()


def test_a_missing_control_is_named(load: Load) -> None:
    held = MIXING | {"holding": {"separation": "full"}}
    weights, found = said(load, held, base=BASE, design=PUBLISHED)
    assert weights == {"0.25/full": 1, "0.0/full": -1}
    assert found == ("Without a control whether it is particular to separation=full: rho=0.25, separation=none is not in the design.",)


def test_an_average_is_over_the_cells_that_have_a_partner(load: Load) -> None:
    weights, found = said(load, MIXING, base=BASE, design=PUBLISHED)
    assert weights == {"0.25/full": 1, "0.0/full": -1}
    assert found == ("Over the cells that have a partner: rho=0.25, separation=none is not in the design.",)


def test_one_at_a_time_reads_an_effect_at_the_first_levels(load: Load) -> None:
    design = {"kind": "one_at_a_time", "factors": {"timesteps": TIMES, "separation": CUTS}}
    weights, found = said(load, {"of": {"timesteps": "dual"}, "to": {"timesteps": "single"}}, design=design)
    assert weights == {"dual/none": 1, "single/none": -1}
    assert found == ("Over the cells that have a partner: timesteps=dual, separation=full is not in the design.",)


def test_leave_one_out_compares_with_the_full_recipe(load: Load) -> None:
    parts = {"dual": {"timesteps.kind": "dual"}, "cut": {"attention.separation": "full"}}
    contrast = {"of": {"dual": "with"}, "to": {"dual": "without"}, "holding": {"cut": "with"}}
    weights, _ = said(load, contrast, design={"kind": "leave_one_out", "components": parts})
    assert weights == {"full": 1, "full-dual": -1}


def test_a_fraction_averages_over_its_balanced_halves_and_says_what_is_aliased(load: Load) -> None:
    factors = {"timesteps": TIMES, "separation": CUTS, "width": {"path": "backbone.width", "levels": [24, 48]}}
    design = {"kind": "fractional", "factors": factors, "resolution": 3}
    weights, found = said(load, {"of": {"timesteps": "dual"}, "to": {"timesteps": "single"}}, design=design)
    assert sorted(weights.values()) == [-0.5, -0.5, 0.5, 0.5]
    assert found == ("Aliased in this fraction: timesteps = separation x width.",)


@pytest.mark.parametrize(
    ("contrast", "message"),
    [
        (
            MIXING | {"holding": {"separation": "none"}},
            "contrasts: 'mixing' needs separation=none, rho=0.25, which is not in the design; add the cell, or compare others",
        ),
        (
            {"name": "both", "weights": {"0.25/none": 1, "0.0/none": -1}},
            "contrasts: 'both' weighs '0.25/none', which is no variant; did you mean \"0.0/none\"?",
        ),
    ],
)
def test_a_contrast_without_its_cells_is_refused(refused: Refused, contrast: dict[str, Any], message: str) -> None:
    assert refused(base=BASE, design=PUBLISHED, contrasts=[contrast]) == message


def test_sides_without_any_pair_are_refused(refused: Refused) -> None:
    design = {
        "kind": "factorial",
        "factors": {"rho": WHOLE, "separation": CUTS},
        "where": [{"rho": 0.0, "separation": "none"}, {"rho": 0.25, "separation": "full"}],
    }
    assert refused(base=BASE, design=design, contrasts=[MIXING]) == (
        "contrasts: 'mixing' has no control: rho=0.0, separation=full is not in the design; add the cell, or compare others"
    )


def test_two_factors_at_once_are_confounded(load: Load) -> None:
    both = {"of": {"timesteps": "dual", "separation": "full"}, "to": {"timesteps": "single", "separation": "none"}}
    message = "Confounded: timesteps and separation change together, so the difference belongs to none of them alone."
    assert said(load, both)[1] == (message,)
    assert said(load, {"of": "dual/full", "to": "single/none"})[1] == (message,)
    assert said(load, {"weights": {"dual/full": 1, "single/none": -1}})[1] == (message,)


def test_listed_variants_are_compared_by_the_fields_that_do_something(load: Load) -> None:
    variants = {
        "a": {},
        "b": {"timesteps.kind": "dual", "partition.ratio": 0.5},
        "c": {"partition.ratio": 0.5},
        "d": {"timesteps.kind": "dual", "attention.separation": "full"},
    }
    design = {"kind": "variants", "variants": variants}

    def changed(of: str, to: str) -> tuple[str, ...]:
        spec = load(design=design, contrasts=[{"name": "c", "of": of, "to": to}]).spec
        return changed_factors(spec.contrasts[0], spec, variants_of(spec))

    assert changed("b", "a") == ("timesteps.kind",)  # a ratio does nothing where there are no groups
    assert changed("c", "a") == ()
    assert changed("d", "b") == ("partition.ratio", "attention.separation")


def test_methods_are_compared_by_what_they_set(load: Load) -> None:
    design = {"kind": "factorial", "factors": {"method": {"path": "method", "levels": ["sra", "sra_dts", "sra_dts_as"]}}}
    assert said(load, {"of": "sra_dts", "to": "sra"}, design=design)[1] == ()
    assert said(load, {"of": "sra_dts_as", "to": "sra"}, design=design)[1] == (
        "Confounded: timesteps.kind and attention.separation change together, so the difference belongs to none of them alone.",
    )
