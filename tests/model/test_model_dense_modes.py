"""Every separation x timesteps x assignment against the dense reference, with and without whole images: losses and every gradient."""

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError
from test_model_dense_agreement import assert_agreement
from tiny_trials import batch_of, tiny

from model.noise.assignments import ASSIGNMENTS

SEPARATIONS = ("none", "full", "noisy_reads_clean", "clean_reads_noisy", "shuffled")
ONE_WAY = SEPARATIONS[2:4]
KINDS = ("single", "dual", "per_token")
WIDE = {"interval": {"width": 0.5}}


def legal(separation: str, kind: str, assignment: str = "random") -> bool:
    if kind == "per_token" and assignment == "learned":  # whose groups are then used by nobody, or refused
        return separation in ("none", "shuffled")
    return kind == "dual" or separation not in ONE_WAY


MODES = [case for case in product(SEPARATIONS, KINDS, (*ASSIGNMENTS, "bernoulli"), (0.0, 0.34)) if legal(*case[:3])]


def changes(separation: str, kind: str, assignment: str = "random", rho: float = 0.0, **teacher: Any) -> dict[str, Any]:
    return {
        "timesteps": {"kind": kind},
        "attention": {"separation": separation},
        "partition": {"assignment": assignment, "full_image_probability": rho},
        "alignment": {"teacher": WIDE | {"separated": separation != "none"} | teacher},
    }


@pytest.mark.parametrize(("separation", "kind", "assignment", "rho"), MODES)
def test_every_mode(separation: str, kind: str, assignment: str, rho: float) -> None:
    config = tiny(changes(separation, kind, assignment, rho))
    whole = batch_of(config).draws.whole
    assert (0 if whole is None else whole.sum()) == (2 if config.mixes_whole_images else 0)
    assert_agreement(config)


@pytest.mark.parametrize("rho", [0.0, 0.34])
@pytest.mark.parametrize(
    ("separation", "kind", "assignment"),
    [
        case
        for case in product(SEPARATIONS, KINDS, ("random", "bernoulli", "learned"))
        if legal(*case[:2]) and case[1:] != ("per_token", "learned")  # refused: an interval per group uses the groups
    ],
)
def test_three_groups_an_interval_per_group_and_a_free_teacher(separation: str, kind: str, assignment: str, rho: float) -> None:
    each = changes(separation, kind, assignment, rho, separated=False, interval={"width": 0.5, "per": "group"})
    assert_agreement(tiny(each, {"partition": {"ratio": (0.5, 0.3, 0.2)}, "alignment": {"axis": "tokens"}}))


@pytest.mark.parametrize("timesteps", ["min", "same"])
@pytest.mark.parametrize("assignment", ["random", "bernoulli", "learned"])
@pytest.mark.parametrize("separation", SEPARATIONS)
def test_other_teachers(separation: str, assignment: str, timesteps: str) -> None:
    teacher = {"timesteps": timesteps, "separated": timesteps == "same" and separation != "none"}
    assert_agreement(tiny(changes(separation, "dual", assignment, 0.34, **teacher), {"partition": {"ratio": (0.9, 0.05, 0.05)[:2]}}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "law",
    [
        {"process": {"path": "cosine"}},
        {"timesteps": {"distribution": {"kind": "logit_normal", "mean": -0.5}, "shift": 3.0}},
    ],
)
def test_other_paths_and_laws(law: dict[str, Any], kind: str) -> None:
    assert_agreement(tiny(changes("full", kind), law))


def test_an_ordered_one_way_mode_reads_in_one_direction() -> None:
    ordered = {"timesteps": {"ordering": "masked_is_noisier"}}
    assert_agreement(tiny(changes("noisy_reads_clean", "dual"), ordered))


def test_bernoulli_with_a_group_that_owns_nothing() -> None:
    config = tiny(changes("full", "dual", "bernoulli"), {"partition": {"ratio": 0.05}})
    groups = batch_of(config).draws.groups
    assert groups is not None
    assert (groups.sum(dim=1) == 16).any(), "an image without a token of group 0"
    assert (groups.sum(dim=1) < 16).any()
    for separation, teacher in product(SEPARATIONS, ("interval", "min")):
        apart = separation != "none" and teacher == "interval"
        assert_agreement(tiny(changes(separation, "dual", "bernoulli", timesteps=teacher, separated=apart), {"partition": {"ratio": 0.05}}))


@pytest.mark.parametrize(("separation", "kind"), [case for case in product(SEPARATIONS, KINDS) if not legal(*case)])
def test_one_way_needs_noise_levels_of_groups(separation: str, kind: str) -> None:
    with pytest.raises(ValidationError, match=rf"{separation} compares the noise levels of groups, which timesteps.kind: {kind} has not"):
        tiny(changes(separation, kind))
