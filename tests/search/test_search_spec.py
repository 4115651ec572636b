"""A search in a sweep file: what it means, and what is refused with one line that says where and what to do."""

from typing import Any

import pytest

from sweeper.errors import SpecError
from sweeper.spec.load import sweep_from
from sweeper.spec.search_design import Dimension
from tests.search.small_search import SEARCH, changed, spec_of

WEIGHT = SEARCH["design"]["space"]["weight"]
SEPARATION = SEARCH["design"]["space"]["separation"]


def space(**factors: Any) -> dict[str, Any]:
    return changed(space=factors)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (space(w=WEIGHT | {"high": 0.1}), "design.space.w: the range from 0.1 to 0.1 is empty; give a `low` below `high`"),
        (space(w=WEIGHT | {"low": 0}), "design.space.w: log: true has no place for 0; give a `low` above 0, or leave `log` out"),
        (space(w=WEIGHT | {"step": 0.1}), "design.space.w: a range has `log` or `step`, not both"),
        (space(w={"path": "alignment.weight", "low": 0.1, "high": 2.0, "step": 0.7}), "step 0.7 does not lead from 0.1 to 2"),
        (space(w={"low": 0.1, "high": 2.0}), "design.space.w: a range has a `path`, `low` and `high`; add what is missing"),
        (space(w={"path": "alignment.weight"}), "design.space.w: a factor has either a range"),
        (space(w=WEIGHT | {"levels": [0.1, 0.2]}), "design.space.w: a factor has either a range"),
        (space(w={"path": "alignment.axis", "levels": ["width", "width"]}), "design.space.w: level 'width' appears twice"),
        (space(w=WEIGHT, v=WEIGHT), "design: space: w and v both set alignment.weight; give the field to one of them"),
        (space(w=WEIGHT | {"when": {"seperation": "full"}}, separation=SEPARATION), "there is no factor 'seperation'; did you mean"),
        (space(w=WEIGHT | {"when": {"separation": "full"}}, separation=SEPARATION), "separation comes after w; list it before"),
        (space(separation=SEPARATION, w=WEIGHT | {"when": {"separation": "ful"}}), "separation has no level 'ful'; did you mean \"full\"?"),
        (changed(sampler="cmaes"), "sampler: cmaes takes numbers only, and space.separation has levels; use sampler: tpe, or give a range"),
        (
            changed(sampler="qmc", space={"separation": SEPARATION, "w": WEIGHT | {"when": {"separation": "full"}}}),
            "sampler: qmc wants every factor in every proposal, and space.w has `when`; use sampler: tpe",
        ),
        (changed(sampler="grid"), "sampler: grid needs countable values, and space.weight is a range without `step`; add one"),
        (changed(sampler="tpee"), "design.sampler: give 'tpe'"),
        (changed(objectives=["held_out_los"]), "there is no metric 'held_out_los'; did you mean"),
        (
            changed(objectives=["steps_per_second", "held_out_loss"], stopping=None),
            "primary metric, held_out_loss, is not the first",
        ),
        (changed(objectives=["held_out_loss", "steps_per_second"]), "stopping goes by one metric, and there are several objectives"),
        (changed(confirm={"seeds": [100]}), "design.confirm.seeds: give at least 2 entries, not [100]"),
        (changed(confirm={"seeds": [0, 1]}), "design.confirm.seeds: seed 0 is one of the search's own `seeds`"),
        (changed(confirm={"seeds": [100, 101], "kind": "equivalent"}), "kind: equivalent needs a `margin`"),
        (changed(stopping={"kind": "asha", "first_step": 5}), "design.stopping.first_step is 5, base.held_out_every 10"),
        (changed(stopping={"kind": "asha", "first_step": 80}), "design.stopping.first_step is 80"),
        (SEARCH | {"contrasts": [{"name": "x", "of": "a", "to": "b"}]}, "a search compares nothing but what `design.confirm` names"),
        (
            space(layer={"path": "alignment.teacher.layer", "low": 1, "high": 4, "step": 1}),
            "space: variant 4: alignment.teacher.layer is 4",
        ),
        (SEARCH | {"metric": {"primary": "fd_digits", "direction": "lower"}}, "goes by the training curve, which fd_digits has not"),
    ],
)
def test_bad_input_is_one_line_with_its_place_and_remedy(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        sweep_from(raw, "small.yaml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("small.yaml: ")
    assert "\n" not in str(caught.value)


def test_a_range_gives_the_numbers_that_are_shown() -> None:
    plain = Dimension(path="a.b", low=0.1, high=2.0)
    assert [plain.rounded(value) for value in (0.123456, 1.99999, 0.1)] == [0.1235, 2.0, 0.1]
    stepped = Dimension(path="a.b", low=0.1, high=0.5, step=0.05)
    assert stepped.values() == [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
    whole = Dimension(path="a.b", low=1, high=3, step=1)
    assert whole.values() == [1, 2, 3]
    assert not Dimension(path="a.b", low=0, high=1).whole, "without a step it is a range of numbers, as alignment.weight from 0 to 1"


def test_a_condition_leaves_a_factor_out_and_the_grid_counts_without_it() -> None:
    gap = {"path": "timesteps.gap.max", "levels": [0.1, 0.2, 0.3], "when": {"timesteps": "dual"}}
    _, design = spec_of(space={"timesteps": {"path": "timesteps.kind", "levels": ["single", "dual"]}, "gap": gap}, stopping=None)
    assert design.grid_size() == 1 + 3
    assert [design.variant(chosen).name for chosen in design.points()] == ["single/-", "dual/0.1", "dual/0.2", "dual/0.3"]
    assert design.variant({"timesteps": "single"}).overrides == {"timesteps.kind": "single"}


def test_a_proposal_is_read_back_from_its_levels() -> None:
    _, design = spec_of()
    chosen = {"weight": 0.4321, "layer": 2, "separation": "full"}
    variant = design.variant(chosen)
    assert (variant.name, design.chosen(variant.levels)) == ("0.4321/2/-/full", chosen)
    assert variant.overrides["attention.separation"] == "full"
