"""A contrast with a kind and an alpha is a claim; what does not fit is refused with the rule, the value and the remedy."""

from typing import Any

import pytest
from small_sweep import Load, Refused

SN, SF, DN, DF = "single/none", "single/full", "dual/none", "dual/full"
SIMPLE = {"name": "c", "of": {"separation": "full"}, "to": {"separation": "none"}, "holding": {"timesteps": "dual"}}
INTERACTION = {"name": "c", "weights": {DF: 1, DN: -1, SF: -1, SN: 1}}
CLAIM = {"kind": "non_inferior", "alpha": 0.05, "margin": "2%"}


def test_a_contrast_without_a_kind_is_no_claim(load: Load) -> None:
    spec = load(contrasts=[SIMPLE | {"margin": 0.5}]).spec
    assert spec.claims == ()
    assert (spec.contrasts[0].margin, spec.contrasts[0].margin_percent) == (0.5, None)


def test_a_share_of_a_cell_is_no_sum_of_an_additive_layout(load: Load, refused: Refused) -> None:
    share = SIMPLE | CLAIM | {"relative_to": SN}
    said = refused(contrasts=[share], analysis="block")
    assert "contrast 'c' is relative_to 'single/none': a share of a cell is no sum of variants" in said
    assert load(contrasts=[SIMPLE | CLAIM], analysis="block").spec.analysis == "block"


@pytest.mark.parametrize("written", ["2%", "2.0 %", " 2% ", "2.00%"])
def test_a_share_is_kept_in_one_form(load: Load, written: str) -> None:
    (claim,) = load(contrasts=[SIMPLE | CLAIM | {"margin": written}]).spec.claims
    assert (claim.margin, claim.margin_percent) == ("2%", 2.0)


@pytest.mark.parametrize(
    "claim",
    [
        SIMPLE | {"kind": "superior", "alpha": 0.05},
        SIMPLE | {"kind": "superior", "alpha": 0.05, "margin": "1%", "expected": "3%"},
        SIMPLE | {"kind": "equivalent", "alpha": 0.01, "margin": 0.002},
        SIMPLE | CLAIM | {"relative_to": SN},
        SIMPLE | {"kind": "finishes_more", "alpha": 0.05},
        SIMPLE | {"kind": "finishes_more", "alpha": 0.05, "expected": "30%"},
        INTERACTION | {"kind": "no_interaction", "alpha": 0.05, "margin": "2%"},
        INTERACTION | {"kind": "equivalent", "alpha": 0.05, "margin": "2%", "relative_to": SN},
    ],
)
def test_claims_that_mean_something(load: Load, claim: dict[str, Any]) -> None:
    assert len(load(contrasts=[claim]).spec.claims) == 1


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (SIMPLE | {"kind": "superior"}, "contrast 'c' has kind superior and no `alpha`; a claim has both: add alpha: 0.05"),
        (SIMPLE | {"alpha": 0.05}, "contrast 'c' has `alpha` and no `kind`; a claim has both: add kind: superior, or remove `alpha`"),
        (
            SIMPLE | {"kind": "non_inferior", "alpha": 0.05},
            "contrast 'c': non_inferior needs a `margin`, the difference that would matter; add one such as margin: 2%",
        ),
        (SIMPLE | {"margin": "2%"}, "contrast 'c' has margin 2%: a margin in % belongs to a claim; add `kind` and `alpha`"),
        (
            SIMPLE | CLAIM | {"kind": "no_interaction"},
            "contrast 'c': no_interaction is of a difference of differences; give `weights` instead of `of` and `to`",
        ),
        (
            INTERACTION | CLAIM,
            "contrast 'c': 2% of what? Name the variant that the margin is a share of in `relative_to`",
        ),
        (
            INTERACTION | CLAIM | {"kind": "no_interaction", "relative_to": SN},
            "contrast 'c': relative_to names the cell that a margin in % is a share of,"
            " and the claim is on the log ratio of ratios; remove it",
        ),
        (
            SIMPLE | CLAIM | {"margin": 0.1, "relative_to": SN},
            "contrast 'c': relative_to names the cell that a margin in % is a share of, and the claim has no margin in %; remove it",
        ),
        (
            INTERACTION | {"kind": "finishes_more", "alpha": 0.05},
            "contrast 'c': finishes_more compares the trials of `of` with those of `to`; give these instead of `weights`",
        ),
        *(
            (
                SIMPLE | {"kind": "finishes_more", "alpha": 0.05, field: value},
                f"contrast 'c': finishes_more counts trials that finish, which needs no `{field}`: remove it (`expected: 50%` is the"
                " difference in share that `sweeper plan` counts seeds for)",
            )
            for field, value in {"metric": "class_accuracy", "margin": "2%", "smallest_effect": "2%", "relative_to": SN}.items()
        ),
        (
            SIMPLE | {"kind": "finishes_more", "alpha": 0.05, "expected": 0.5},
            "contrast 'c': expected is 0.5, and finishes_more is on shares of trials; give one such as 50%",
        ),
        (SIMPLE | {"kind": "finishes_more"}, "contrast 'c' has kind finishes_more and no `alpha`; a claim has both: add alpha: 0.05"),
        (
            SIMPLE | CLAIM | {"expected": "2%"},
            "contrast 'c': `expected` is the effect that seeds of a superior claim are counted for; remove it from non_inferior",
        ),
    ],
)
def test_conflicts_are_refused(refused: Refused, claim: dict[str, Any], message: str) -> None:
    assert refused(contrasts=[claim]) == f"contrasts.0: {message}"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({DF: 1e160, DN: -1e160}, "the weight of dual/full is 1e+160; give weights of 1e-06 to 1,000,000 in size, such as 1 and -1"),
        ({DF: 1e-81, DN: -1e-81}, "the weight of dual/full is 1e-81; give weights of 1e-06 to 1,000,000 in size, such as 1 and -1"),
        ({DF: 0, DN: 0}, "contrast 'c' weighs nothing; give weights such as {one: 1, other: -1}"),
        ({}, "contrast 'c' weighs nothing; give weights such as {one: 1, other: -1}"),
        ({DF: 2, DN: -1}, "contrast 'c': weights add up to 1, not to zero"),
    ],
)
def test_weights_that_compare_nothing_are_refused(refused: Refused, weights: dict[str, float], message: str) -> None:
    assert refused(contrasts=[{"name": "c", "weights": weights}]).endswith(message)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("margin", "two", "give a share above 0% and below 100%, such as 1.3%; not 'two'"),
        ("margin", "0%", "give a share above 0% and below 100%, such as 1.3%; not '0%'"),
        ("margin", -1, "give a number above 0, in units of the metric, or a share such as 2%; not -1"),
        ("margin", True, "give a number above 0, in units of the metric, or a share such as 2%; not true"),
        ("alpha", 0.5, "give a number less than 0.5, not 0.5"),
        ("alpha", 0, "give a number not below 1e-09, not 0"),
        ("alpha", 1e-17, "give a number not below 1e-09, not 1e-17"),
        (
            "margin",
            10**400,
            "give a number below 1e+100, in units of the metric, or a share such as 2%; not 100000000000000000...0000000000000000000",
        ),
        ("margin", "0.00001%", "give a share of at least 0.0001% and of six digits at most, such as 1.3%; not '0.00001%'"),
        ("margin", "99.99999%", "give a share of at least 0.0001% and of six digits at most, such as 1.3%; not '99.99999%'"),
        ("kind", "better", "give 'superior', 'non_inferior', 'equivalent', 'no_interaction' or 'finishes_more', not 'better'"),
    ],
)
def test_values_are_refused_in_place(refused: Refused, field: str, value: Any, message: str) -> None:
    assert refused(contrasts=[SIMPLE | CLAIM | {field: value}]) == f"contrasts.0.{field}: {message}"


def test_the_assumed_spread_is_a_share(load: Load, refused: Refused) -> None:
    metric = {"primary": "held_out_loss", "direction": "lower"}
    assert load(metric=metric).spec.metric.assumed_spread is None
    assert load(metric=metric | {"assumed_cv": "1.3%"}).spec.metric.assumed_spread == pytest.approx(0.013)
    planned = load(metric=metric | {"planning_cv": "2%", "assumed_cv": "1.3%"}).spec.metric
    assert (planned.planned_spread, planned.assumed_spread) == (pytest.approx(0.02), pytest.approx(0.013))
    assert load(metric=metric | {"planning_cv": "2%"}).spec.metric.assumed_spread is None, "no interval comes of it"
    assert refused(metric=metric | {"assumed_cv": 1.3}) == (
        "metric.assumed_cv: give a share above 0% and below 100%, such as 1.3%; not 1.3"
    )


def test_the_claims_of_a_sweep_share_one_alpha(refused: Refused) -> None:
    other = SIMPLE | CLAIM | {"name": "d", "alpha": 0.1}
    assert refused(contrasts=[SIMPLE | CLAIM, other]) == (
        "contrasts: claim 'c' has alpha 0.05 and 'd' has 0.1; the claims of a sweep share one alpha (Holm's procedure): give all the same"
    )


def test_a_margin_is_a_share_of_a_variant(refused: Refused) -> None:
    assert refused(contrasts=[SIMPLE | CLAIM | {"relative_to": "single/ful"}]) == (
        "contrasts: 'c' is relative to 'single/ful', which is no variant; did you mean \"single/full\"?"
    )


def test_no_interaction_is_an_interaction(refused: Refused) -> None:
    claim = {"name": "c", "weights": {DF: 1, SF: -1}, "kind": "no_interaction", "alpha": 0.05, "margin": "2%"}
    assert refused(contrasts=[claim]) == (
        "contrasts: 'c' is no interaction: its weights at timesteps=single add up to -1, not to zero;"
        " weigh the four cells of a difference of differences +1, -1, -1, +1"
    )


class TestSequential:
    def test_looks_without_a_list_are_the_present_one(self, load: Load) -> None:
        claim = SIMPLE | CLAIM
        assert load(contrasts=[claim], seeds=3).spec.looks == (3,)
        assert load(contrasts=[claim], seeds=3, sequential={"max_seeds": 8}).spec.looks == (3,)
        assert load(contrasts=[claim], seeds=5, sequential={"max_seeds": 8, "looks": [3, 5]}).spec.looks == (3, 5)

    @pytest.mark.parametrize(
        ("sequential", "message"),
        [
            ({"max_seeds": 4}, "sequential.max_seeds is 4, but seeds are 5; ask for fewer seeds"),
            ({"max_seeds": 8, "looks": [3, 4]}, "sequential.looks end at 4 seeds, but seeds are 5; the last look is the present one"),
            ({"max_seeds": 8, "looks": [3, 3]}, "sequential.looks: looks are growing numbers of seeds, such as [3, 5, 8], not [3, 3]"),
        ],
    )
    def test_conflicts(self, refused: Refused, sequential: dict[str, Any], message: str) -> None:
        assert refused(contrasts=[SIMPLE | CLAIM], seeds=5, sequential=sequential) == message

    def test_there_is_something_to_look_at(self, refused: Refused) -> None:
        assert refused(contrasts=[SIMPLE], sequential={"max_seeds": 8}) == (
            "sequential: there is no claim to look at; give a contrast `kind` and `alpha`, or remove `sequential`"
        )
