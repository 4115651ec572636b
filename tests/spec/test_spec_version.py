"""A version is the hash of everything the resolved spec says, and of nothing else."""

import re
from pathlib import Path
from typing import Any

import pytest
from small_sweep import Load

from sweeper.spec.load import load_sweep

CONTRAST = {"name": "c", "of": "dual/none", "to": "single/none"}
CLAIM = CONTRAST | {"kind": "non_inferior", "alpha": 0.05, "margin": "2%"}


def test_a_version_is_twelve_letters_and_the_same_each_time(load: Load) -> None:
    found = {load(contrasts=[CONTRAST]).version for _ in range(2)}
    assert len(found) == 1
    assert re.fullmatch("[0-9a-f]{12}", found.pop())


def test_factors_or_levels_that_change_places_are_another_version(load: Load) -> None:
    """Their variants have other names or another order, which a stored version could not tell."""

    def version(*factors: tuple[str, list[str]]) -> str:
        paths = {"timesteps": "timesteps.kind", "separation": "attention.separation"}
        return load(design={"kind": "factorial", "factors": {f: {"path": paths[f], "levels": levels} for f, levels in factors}}).version

    times, cuts = ("timesteps", ["single", "dual"]), ("separation", ["none", "full"])
    assert len({version(times, cuts), version(cuts, times), version(("timesteps", ["dual", "single"]), cuts)}) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"contrasts": [CONTRAST | {"margin": 0.01}]},
        {"contrasts": [CONTRAST | {"question": "Does it?"}]},
        {"contrasts": [CLAIM]},
        {"contrasts": [CLAIM | {"margin": "3%"}]},
        {"contrasts": [CLAIM | {"alpha": 0.1}]},
        {"contrasts": [CLAIM | {"kind": "equivalent"}]},
        {"contrasts": [CLAIM | {"relative_to": "single/full"}]},
        {"metric": {"primary": "held_out_loss", "direction": "lower", "assumed_cv": "1.3%"}},
        {"metric": {"primary": "held_out_loss", "direction": "lower", "planning_cv": "1.3%"}},
        {"analysis": "welch"},
        {"analysis": "block"},
        {"contrasts": [CONTRAST | {"kind": "superior", "alpha": 0.05, "smallest_effect": "2%"}]},
        {"contrasts": [CONTRAST | {"of": "dual/full"}]},
        {"contrasts": [CONTRAST | {"name": "d"}]},
        {"contrasts": []},
        {"seeds": 3},
        {"base": {"preset": "nano", "steps": 5}},
        {"baseline": "single/none"},
        {"metric": {"primary": "class_accuracy", "direction": "higher"}},
        {"resources": {"cpus": 2}},
        {"question": "Does it hurt?"},
        {"name": "other"},
    ],
)
def test_whatever_the_spec_says_changes_it(load: Load, changed: dict[str, Any]) -> None:
    assert load(**{"contrasts": [CONTRAST], **changed}).version != load(contrasts=[CONTRAST]).version


def test_every_part_of_a_claim_names_the_version(load: Load) -> None:
    other: list[dict[str, Any]] = [{"margin": "3%"}, {"margin": 0.01}, {"alpha": 0.1}, {"kind": "equivalent"}, {"relative_to": "dual/full"}]
    changes = [{}, *other]
    assert len({load(contrasts=[CLAIM | change]).version for change in changes}) == len(changes)


def test_versions_of_stored_sweeps_stay() -> None:
    """Whatever fields a config has got since: a stored sweep would be another one."""
    assert load_sweep(Path(__file__).parents[1] / "three_seeds.yaml").version == "2fc0eb85396e"


def test_how_it_is_written_does_not(load: Load) -> None:
    plain = load(contrasts=[CONTRAST])
    assert load(contrasts=[CONTRAST], seeds=[0, 1]).version == plain.version
    assert load(contrasts=[CONTRAST | {"margin": None}], resources={"gpus": "auto", "cpus": 1}).version == plain.version
    assert load(contrasts=[CONTRAST], overrides=["seeds=2"]).version == plain.version
    assert load(contrasts=[CLAIM | {"margin": " 2.0 % "}]).version == load(contrasts=[CLAIM]).version
    other_base = {"preset": "nano", "optimizer": {"learning_rate": 0.0001}}
    written = load(base={"preset": "nano"}, overrides=["base.optimizer.learning_rate=1e-4"])
    assert written.version == load(base=other_base).version


def test_what_a_version_means_is_as_it_was_before_training_images_could_be_chosen(load: Load) -> None:
    """A stored sweep keeps its version, and with it its reports and its looks."""
    before = load(base={"preset": "nano", "data": {"kind": "digits"}}).version
    assert before == "e1684d936f5f"
    assert load(base={"preset": "nano", "data": {"kind": "digits", "train_images": 100}}).version != before


def test_which_published_rows_are_shown_does_not(load: Load) -> None:
    """A layout is stored under its version, published rows are not: they are no word of this sweep."""
    names = {"published": ["2607.02508-cells"]}
    assert load(report=names).version == load().version
    assert load(report=names | {"layout": "claims"}).version == load(report={"layout": "claims"}).version != load().version
    assert load(report={}).version != load().version, "as versions of earlier releases have it"


@pytest.mark.parametrize(("metric", "direction"), [("held_out_loss", "lower"), ("class_accuracy", "higher")])
def test_the_direction_of_a_metric_may_be_left_out(load: Load, metric: str, direction: str) -> None:
    without = load(metric={"primary": metric})
    assert without.spec.metric.direction == direction
    assert without.version == load(metric={"primary": metric, "direction": direction}).version
