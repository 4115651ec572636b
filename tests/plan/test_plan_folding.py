"""Cells whose configs train alike are one trial: planned once, said so, and named as the first of them always was."""

from collections.abc import Callable
from typing import Any

import pytest

from sweeper.plan.expand import data_facts, expand
from sweeper.plan.fingerprint import evaluation_fingerprint, training_fingerprint
from sweeper.plan.reconcile import reconcile
from sweeper.records import PlannedTrial

MakeSweep = Callable[..., Any]


def trials(sweep: Any) -> tuple[PlannedTrial, ...]:
    return expand(sweep, data_facts(sweep), gpu=False)


def listed(sweep_of: MakeSweep, *variants: dict[str, Any], **changed: Any) -> Any:
    return sweep_of(design={"kind": "variants", "variants": {f"v{i}": fields for i, fields in enumerate(variants)}}, **changed)


@pytest.mark.parametrize(
    ("one", "other", "because"),
    [
        ({}, {}, ""),
        ({}, {"partition.ratio": 0.5}, "partition.ratio does nothing here"),
        (
            {"timesteps.kind": "dual"},
            {"timesteps.kind": "dual", "timesteps.gap": {"max": 1}},
            "timesteps.gap makes no difference in law here",
        ),
        (
            {"attention.separation": "full"},
            {"attention.separation": "shuffled"},
            "attention.separation makes no difference in law here",
        ),
        (
            {"alignment.kind": "none"},
            {"alignment.kind": "none", "alignment.loss": "l1", "alignment.weight": 3},
            "alignment.weight and alignment.loss do nothing here",
        ),
        ({}, {"evaluation.guidance": {"interval": [0.1, 0.5]}}, ""),
    ],
)
def test_cells_that_train_alike_are_one_trial(sweep_of: MakeSweep, one: dict[str, Any], other: dict[str, Any], because: str) -> None:
    sweep = listed(sweep_of, one, other)
    planned = trials(sweep)
    first, second = (trial for trial in planned if trial.seed == 1)
    assert (first.fingerprint, first.evaluation_fingerprint, first.steps) == (
        second.fingerprint,
        second.evaluation_fingerprint,
        second.steps,
    )
    assert (first.because, second.because) == ("", because)
    decisions = reconcile(planned, {}, {trial.fingerprint: {} for trial in planned}).decisions
    assert [decision.action for decision in decisions] == ["run", "fold"] * 2
    assert decisions[1].reason == "one trial with v0" + (f": {because}" if because else "")


@pytest.mark.parametrize(
    "fields",
    [
        {"timesteps.kind": "dual"},
        {"timesteps.kind": "dual", "partition.ratio": 0.5},
        {"alignment.weight": 0.25},
        {"optimizer.learning_rate": 1e-3},
        {"timesteps.kind": "dual", "attention.separation": "shuffled"},
    ],
)
def test_cells_that_differ_in_law_are_not(sweep_of: MakeSweep, fields: dict[str, Any]) -> None:
    full = {"timesteps.kind": "dual", "attention.separation": "full"} if "attention.separation" in fields else {}
    planned = trials(listed(sweep_of, full, fields, seeds=1))
    assert planned[0].fingerprint != planned[1].fingerprint


def test_the_first_keeps_its_name_and_a_folded_cell_is_no_longer_trained_under_its_own(sweep_of: MakeSweep) -> None:
    sweep = listed(sweep_of, {"partition.ratio": 0.5}, {})
    facts = data_facts(sweep)
    _, config = sweep.configs[0]
    content = facts["v0"].content_hash
    planned = expand(sweep, facts, gpu=False)
    assert planned[0].fingerprint == planned[1].fingerprint == training_fingerprint(config, content_hash=content, precision="fp32")
    assert planned[1].evaluation_fingerprint == evaluation_fingerprint(config, content_hash=content)
    assert planned[1].config["partition"]["ratio"] == 0.5, "what is trained is what the name says"


def test_one_training_may_serve_several_evaluations_and_lengths(sweep_of: MakeSweep) -> None:
    """The weights are one; what is asked of them is not, so nothing is folded away."""
    planned = trials(
        listed(sweep_of, {}, {"partition.ratio": 0.5, "evaluation.samples": 50}, {"steps": 1600, "partition.ratio": 0.35}, seeds=1)
    )
    assert len({trial.fingerprint for trial in planned}) == 1
    assert [(t.config["evaluation"]["samples"], t.steps) for t in planned] == [(1000, 800), (50, 800), (1000, 1600)]
    whole = reconcile(planned, {}, {trial.fingerprint: {} for trial in planned})
    assert [decision.action for decision in whole.decisions] == ["run"] * 3
