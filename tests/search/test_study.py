"""The study that is derived import dataclasses
from a store: the same store, the same proposal; each sampler learns; nothing is tried twice."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import optuna
import pytest

from sweeper.plan.proposals import best, expected_share, front, proposals_of
from sweeper.search.importance import importances
from sweeper.search.study import given, propose
from sweeper.spec.factors import Level
from sweeper.spec.search_design import SearchDesign
from tests.search.small_search import SEARCH, loss, outcome, snapshot, snapshot_of, spec_of

NUMBERS = {name: SEARCH["design"]["space"][name] for name in ("weight", "layer", "ratio")}


def searched(number: int, **changes: Any) -> tuple[list[dict[str, Level]], SearchDesign]:
    """What so many proposals were, each made from the store of those before it."""
    spec, design = spec_of(**changes)
    choices: list[dict[str, Level]] = []
    for _ in range(number):
        known, curves = snapshot_of(spec, choices, value=value_of)
        choices.append(propose(design, spec.objectives, proposals_of(known, spec, curves)))
    return choices, design


def value_of(chosen: Mapping[str, Level]) -> float:
    return loss({"separation": "full", "layer": 2, **chosen})


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random", "nsgaii", "cmaes", "qmc"])
def test_a_sampler_proposes_within_the_space_and_the_same_from_the_same_store(sampler: str) -> None:
    space = NUMBERS if sampler == "cmaes" else SEARCH["design"]["space"]
    choices, design = searched(13, sampler=sampler, space=space, stopping=None)
    assert searched(13, sampler=sampler, space=space, stopping=None)[0] == choices
    assert searched(3, sampler=sampler, space=space, stopping=None, seed=1)[0] != choices[:3]
    for chosen in choices:
        assert chosen.keys() == space.keys()
        assert 0.1 <= float(chosen["weight"]) <= 2.0
        assert chosen["layer"] in (1, 2, 3)
        assert chosen["ratio"] in (design.space["ratio"].values() or ())
    assert len({design.variant(chosen).name for chosen in choices}) > 8, "it does not propose the same over and over"


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_a_sampler_learns_from_what_it_is_told(sampler: str) -> None:
    """Its later proposals are better than its first ones, which are random; for a sampler that ignores its study they would not be."""
    choices, _ = searched(24, sampler=sampler, stopping=None)
    first, last = ([value_of(chosen) for chosen in part] for part in (choices[:8], choices[-8:]))
    assert sum(last) / 8 < sum(first) / 8


def test_a_repeat_is_asked_again_and_gets_another_answer() -> None:
    spec, design = spec_of()
    answers = [propose(design, spec.objectives, (), again) for again in range(3)]
    assert len({design.variant(chosen).name for chosen in answers}) == 3
    assert answers == [propose(design, spec.objectives, (), again) for again in range(3)]


def test_what_a_study_hears_of_each_state() -> None:
    spec, design = spec_of()
    choices: list[dict[str, Level]] = [
        {"weight": 0.5, "layer": layer, "ratio": ratio, "separation": "full"} for layer, ratio in ((1, 0.1), (2, 0.1), (3, 0.1), (1, 0.2))
    ]
    known, curves = snapshot_of(spec, choices, stopped={1: 20})
    outcomes = list(known.outcomes)
    failed, pending = (outcomes[number] for number in (2, 3))
    outcomes[2] = outcome(failed.variant, failed.levels, 0, "failed", None, 30)
    outcomes[3] = outcome(pending.variant, pending.levels, 0, "pending", None, 0)
    study = given(design, spec.objectives, proposals_of(snapshot(spec, outcomes), spec, curves))
    states = optuna.trial.TrialState
    assert [trial.state for trial in study.trials] == [states.COMPLETE, states.PRUNED, states.FAIL, states.RUNNING]
    assert study.trials[0].value == loss(choices[0])
    assert list(study.trials[1].intermediate_values) == [10, 20]
    assert [trial.user_attrs["trials"] for trial in study.trials] == [[o.fingerprint] for o in outcomes]


def test_several_objectives_have_a_front_and_no_single_best() -> None:
    spec, design = spec_of(objectives=["held_out_loss", "steps_per_second"], stopping=None)
    outcomes = []
    for number, (held_out, speed) in enumerate([(0.5, 10.0), (0.6, 20.0), (0.6, 15.0), (0.4, 5.0)]):
        variant = design.variant({"weight": 0.1 + number / 10, "layer": 1, "ratio": 0.1, "separation": "none"})
        made = outcome(variant.name, variant.levels, 0, "finished", held_out)
        outcomes.append(dataclasses.replace(made, metrics={"held_out_loss": held_out, "steps_per_second": speed}))
    proposals = proposals_of(snapshot(spec, outcomes), spec, {})
    assert [proposal.number for proposal in front(proposals, spec.objectives)] == [0, 1, 3]
    assert [proposal.number for proposal in best(proposals, spec)] == [3, 0, 1]
    study = given(design, spec.objectives, proposals)
    assert study.directions == [optuna.study.StudyDirection.MINIMIZE, optuna.study.StudyDirection.MAXIMIZE]
    assert {trial.number for trial in study.best_trials} == {0, 1, 3}, "Optuna's own front"
    assert propose(design, spec.objectives, proposals).keys() == design.space.keys()


def test_the_factor_that_matters_is_found() -> None:
    choices, design = searched(20, sampler="random", stopping=None)
    spec, _ = spec_of(sampler="random", stopping=None)
    known, curves = snapshot_of(spec, choices, value=lambda chosen: float(chosen["layer"]))
    found = importances(design, spec.objectives, proposals_of(known, spec, curves))
    assert next(iter(found)) == "layer"
    assert sum(found.values()) == pytest.approx(1)


def test_the_share_of_steps_that_successive_halving_is_expected_to_do() -> None:
    _, design = spec_of()
    assert expected_share(design, 80) == pytest.approx((10 + 10 / 2 + 20 / 4 + 40 / 8) / 80)
    assert expected_share(spec_of(stopping=None)[1], 80) == 1
    assert expected_share(spec_of(stopping={"kind": "median", "first_step": 10})[1], 80) is None
