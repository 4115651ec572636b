"""Configs that mean nothing are refused at construction, naming rule, value and remedy."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from model.config import TrainConfig
from model.errors import ConfigError, DataError
from model.presets import PRESETS, complete, config_from, merge
from model.train_trial import DistributedContext, check, ensure_trainable, train_trial

FULL = {"attention": {"separation": "full"}}
LEARNED = {"partition": {"assignment": "learned", "score": {"by": "saliency"}}}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "heads": (
        {"backbone": {"width": 48, "heads": 5}},
        "heads must divide width, but 48 / 5 is not whole; change one of them",
    ),
    "width": (
        {"backbone": {"width": 6, "heads": 2}},
        "width must be a multiple of 4 (sine and cosine of two axes), not 6",
    ),
    "student layer": (
        {"alignment": {"student_layer": 13}},
        "alignment.student_layer is 13, but backbone.layers is 12; choose a layer from 1 to 12",
    ),
    "teacher layer": (
        {"backbone": {"layers": 4}},
        "alignment.teacher.layer is 8, but backbone.layers is 4; choose a layer from 1 to 4",
    ),
    "separated teacher": (
        {"alignment": {"teacher": {"separated": True}}},
        "alignment.teacher.separated needs a separated student; set attention.separation: full or alignment.teacher.separated: false",
    ),
    "min, separated": (
        FULL | {"alignment": {"teacher": {"timesteps": "min", "separated": True}}},
        "alignment.teacher.timesteps: min is one noise level under full attention; set alignment.teacher.separated: false",
    ),
    "gap of single": (
        {"timesteps": {"gap": {"fixed": 0.3}}},
        "timesteps.gap needs two noise levels; set timesteps.kind: dual or leave gap: independent",
    ),
    "ratio 1": (
        {"partition": {"ratio": 1.0}},
        "a scalar ratio is the share of group 0 and lies between 0 and 1, not 1.0; [1.0] is no partition",
    ),
    "ratio 0": ({"partition": {"ratio": 0.0}}, "lies between 0 and 1, not 0.0; [1.0] is no partition"),
    "ratio list": ({"partition": {"ratio": [0.5, 0.0]}}, "a ratio list holds one positive share per group, not [0.5, 0.0]"),
    "no ratio": ({"partition": {"ratio": []}}, "a ratio list holds one positive share per group, not []"),
    "dual, one group": (
        {"timesteps": {"kind": "dual"}, "partition": {"ratio": [1.0]}},
        "timesteps.kind: dual and attention.separation need at least two groups; give partition.ratio a share such as 0.25",
    ),
    "full, one group": (FULL | {"partition": {"ratio": [1.0]}}, "need at least two groups; give partition.ratio a share such as 0.25"),
    "one-way of single": (
        {"attention": {"separation": "noisy_reads_clean"}},
        "attention.separation: noisy_reads_clean compares the noise levels of groups, which timesteps.kind: single has not;"
        " set timesteps.kind: dual or attention.separation: full",
    ),
    "one-way per token": (
        {"attention": {"separation": "clean_reads_noisy"}, "timesteps": {"kind": "per_token"}},
        "which timesteps.kind: per_token has not; set timesteps.kind: dual or attention.separation: full",
    ),
    "gap per token": (
        {"timesteps": {"kind": "per_token", "gap": {"max": 0.3}}},
        "timesteps.gap needs two noise levels; set timesteps.kind: dual or leave gap: independent",
    ),
    "ordering of single": (
        {"timesteps": {"ordering": "masked_is_noisier"}},
        "timesteps.ordering orders the noise levels of groups, which timesteps.kind: single has not;"
        " set timesteps.kind: dual or timesteps.ordering: none",
    ),
    "ordering per token": (
        {"timesteps": {"ordering": "masked_is_noisier", "kind": "per_token"}},
        "which timesteps.kind: per_token has not; set timesteps.kind: dual or timesteps.ordering: none",
    ),
    "min per token": (
        {"timesteps": {"kind": "per_token"}, "alignment": {"teacher": {"timesteps": "min"}}},
        "alignment.teacher.timesteps: min takes the smallest noise level of the groups, which timesteps.kind: per_token has not;"
        " set alignment.teacher.timesteps: interval or timesteps.kind: dual",
    ),
    "whole images": (
        {"partition": {"full_image_probability": 0.25}, "batch_size": 2},
        "partition.full_image_probability 0.25 of 2 images is 0, a share of 0;"
        " use a larger batch_size, or a probability within 0.05 of a share it can have",
    ),
    "assignment": (
        {"partition": {"assignment": "chekerboard"}},
        "partition.assignment is one of random, block, checkerboard, rows, learned, bernoulli, not 'chekerboard';"
        " did you mean checkerboard?",
    ),
    "own assignment": (
        {"partition": {"assignment": "my order"}},
        "not 'my order'; give package.module.ClassName for a class of your own",
    ),
    "score of random": (
        {"partition": {"score": {"by": "loss"}}},
        "partition.score orders the tokens of partition.assignment: learned, not of random;"
        " set partition.assignment: learned or leave partition.score out",
    ),
    "score of an own assignment": (
        {"partition": {"assignment": "own.Order", "score": {}}},
        "partition.assignment: learned, not of own.Order; set partition.assignment: learned or leave partition.score out",
    ),
    "learned per token": (
        FULL | LEARNED | {"timesteps": {"kind": "per_token"}},
        "partition.assignment: learned scores the tokens of an image at one noise level of its own, which timesteps.kind: per_token"
        " has not; set partition.assignment: random or timesteps.kind: dual",
    ),
    "layer of a saliency": (
        FULL | LEARNED | {"alignment": {"kind": "none", "teacher": {"layer": 13}}},
        "alignment.teacher.layer is 13, but backbone.layers is 12; choose a layer from 1 to 12",
    ),
    "separated per token, one group": (
        FULL | {"timesteps": {"kind": "per_token"}, "partition": {"ratio": [1.0]}},
        "need at least two groups; give partition.ratio a share such as 0.25",
    ),
    "guidance interval": (
        {"evaluation": {"guidance": {"interval": [0.7, 0.2]}}},
        "guidance.interval is [low, high] with 0 <= low < high <= 1, not [0.7, 0.2]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_combination_that_means_nothing_is_refused(case: str) -> None:
    partial, message = REFUSED[case]
    with pytest.raises(ValidationError) as caught:
        TrainConfig.model_validate(partial)
    (error,) = caught.value.errors()
    assert message in error["msg"]
    assert isinstance(error["ctx"]["error"], ConfigError)


@pytest.mark.parametrize(
    ("partial", "place", "words"),
    [
        ({"stepz": 3}, ("stepz",), "Extra inputs are not permitted"),
        ({"alignment": {"teacher": {"layr": 3}}}, ("alignment", "teacher", "layr"), "Extra inputs are not permitted"),
        ({"steps": "many"}, ("steps",), "valid integer"),
        ({"steps": 0}, ("steps",), "greater than or equal to 1"),
        ({"seed": -1}, ("seed",), "greater than or equal to 0"),
        ({"ema_decay": 1.0}, ("ema_decay",), "less than 1"),
        ({"optimizer": {"learning_rate": math.inf}}, ("optimizer", "learning_rate"), "finite number"),
        ({"optimizer": {"learning_rate": math.nan}}, ("optimizer", "learning_rate"), "finite number"),
        ({"timesteps": {"shift": 0}}, ("timesteps", "shift"), "greater than 0"),
        ({"partition": {"full_image_probability": 1.1}}, ("partition", "full_image_probability"), "less than or equal to 1"),
        ({"partition": {"assignment": "learned", "score": {"by": "los"}}}, ("partition", "score", "by"), "'loss' or 'saliency'"),
        ({"partition": {"assignment": "learned", "score": {"first": "best"}}}, ("partition", "score", "first"), "'largest' or 'smallest'"),
        ({"partition": {"assignment": "learned", "score": {"bye": 1}}}, ("partition", "score", "bye"), "Extra inputs are not permitted"),
        ({"process": {"path": "sine"}}, ("process", "path"), "'linear' or 'cosine'"),
        ({"timesteps": {"kind": "triple"}}, ("timesteps", "kind"), "'single', 'dual' or 'per_token'"),
        ({"data": {"kind": "mnist"}}, ("data",), "'digits'"),
        ({"data": {"kind": "npz"}}, ("data", "npz", "path"), "Field required"),
        ({"evaluation": {"sampler": {"steps": 1}}}, ("evaluation", "sampler", "steps"), "greater than or equal to 2"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_place(partial: dict[str, Any], place: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TrainConfig.model_validate(partial)
    (error,) = caught.value.errors()
    assert error["loc"] == place
    assert words in error["msg"]


def test_a_gap_out_of_range_is_refused() -> None:
    for gap in ({"max": 1.1}, {"fixed": -0.1}, {"maximal": 0.1}, "wide"):
        with pytest.raises(ValidationError, match=r"timesteps\.gap"):
            TrainConfig.model_validate({"timesteps": {"kind": "dual", "gap": gap}})


def test_a_law_of_noise_levels_out_of_range_is_refused() -> None:
    for law in ({"kind": "logit_normal", "std": 0}, {"kind": "normal"}, {"average": 0}, "logit_normal"):
        with pytest.raises(ValidationError, match=r"timesteps\.distribution"):
            TrainConfig.model_validate({"timesteps": {"distribution": law}})


def test_a_config_is_frozen_and_round_trips() -> None:
    config = TrainConfig.model_validate({"timesteps": {"kind": "dual", "gap": {"max": 0.3}}, "data": {"kind": "npz", "path": "a.npz"}})
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 4  # type: ignore[misc]
    assert TrainConfig.model_validate(config.model_dump(mode="json")) == config
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("name", ["nanoo", "B/3", 7, ["nano"], ""])
def test_an_unknown_preset_is_refused_with_the_known_ones(name: object) -> None:
    with pytest.raises(ConfigError, match=r"there is no preset .*; choose one of .*nano, S/2") as caught:
        config_from({"preset": name})
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_config(name: str) -> None:
    config = config_from({"preset": name})
    assert config_from({"preset": name, "seed": 3}).seed == 3
    assert config.alignment.student_layer < config.alignment.teacher.layer <= config.backbone.layers


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("S/2", (12, 384, 6, 3, 8, 2)),
        ("B/2", (12, 768, 12, 3, 8, 2)),
        ("L/2", (24, 1024, 16, 6, 16, 2)),
        ("XL/2", (28, 1152, 16, 8, 20, 2)),
        ("B/4", (12, 768, 12, 3, 8, 4)),
    ],
)
def test_published_sizes(name: str, sizes: tuple[int, ...]) -> None:
    config = config_from({"preset": name})
    backbone, aligned = config.backbone, config.alignment
    assert (backbone.layers, backbone.width, backbone.heads, aligned.student_layer, aligned.teacher.layer, backbone.patch) == sizes


def test_the_default_recipe_is_that_of_the_paper() -> None:
    config = TrainConfig()
    assert (config.optimizer.learning_rate, config.optimizer.betas, config.optimizer.weight_decay) == (1e-4, (0.9, 0.999), 0.0)
    assert (config.optimizer.epsilon, config.optimizer.clip, config.batch_size, config.ema_decay) == (1e-8, 1.0, 256, 0.9999)
    assert (config.partition.ratio, config.label_dropout, config.alignment.weight) == (0.25, 0.1, 0.5)
    assert (config.alignment.teacher.timesteps, config.alignment.teacher.interval.width) == ("interval", 0.2)
    assert (config.alignment.teacher.labels, config.alignment.axis) == ("undropped", "width")


def test_what_is_written_is_laid_over_the_preset() -> None:
    config = config_from({"preset": "B/2", "backbone": {"layers": 10}, "alignment": {"teacher": {"labels": "dropped"}}})
    assert (config.backbone.layers, config.backbone.width) == (10, 768)
    assert (config.alignment.teacher.labels, config.alignment.teacher.layer) == ("dropped", 8)
    before = repr(PRESETS)
    complete({"preset": "nano", "backbone": {"layers": 9}})
    assert repr(PRESETS) == before


def test_merge_replaces_a_mapping_of_another_kind() -> None:
    below = {"data": {"kind": "npz", "path": "a"}, "x": {"y": 1}}
    assert merge(below, {"data": {"kind": "digits"}, "x": {"z": 2}}) == {"data": {"kind": "digits"}, "x": {"y": 1, "z": 2}}
    assert merge(below, {"data": {"path": "b"}})["data"] == {"kind": "npz", "path": "b"}
    assert merge(below, {"x": 3})["x"] == 3
    assert below == {"data": {"kind": "npz", "path": "a"}, "x": {"y": 1}}


def test_check_names_what_does_not_fit_the_data(tmp_path: Any) -> None:
    nano = {"preset": "nano"}
    assert check(config_from(nano)).resolution == 8
    with pytest.raises(ConfigError, match=r"backbone\.patch 3 does not divide the images' side of 8; choose a divisor of it"):
        check(config_from(nano | {"backbone": {"patch": 3}}))
    with pytest.raises(ConfigError, match=r"1 tokens cannot be shared by 2 groups; use a smaller backbone\.patch"):
        check(config_from(nano | {"backbone": {"patch": 8}, "timesteps": {"kind": "dual"}}))
    with pytest.raises(ConfigError, match=r"partition\.ratio 0\.01 leaves a group without tokens"):
        check(config_from(nano | {"partition": {"ratio": 0.01}, "timesteps": {"kind": "dual"}}))
    latents = TrainConfig.model_validate({"data": {"kind": "latents", "path": tmp_path / "nowhere"}})
    assert check(latents).train == 1_281_167 - 12_812
    with pytest.raises(DataError, match=r"data\.path: there is no folder .*nowhere; give .* moments\.npy, \(1281167, 8, 32, 32\)"):
        ensure_trainable(latents)
    with pytest.raises(ConfigError, match="batch_size 64 cannot be cut into 1 equal micro-batches for each of 3 processes"):
        train_trial(config_from(nano), tmp_path, lambda _: True, cache=tmp_path, world=DistributedContext(size=3))


@pytest.mark.usefixtures("classifier")
def test_a_trial_refuses_a_patch_that_does_not_divide_its_images(tmp_path: Any, cache: Any) -> None:
    """`train_trial` raises ConfigError, DataError or Diverged, each with a message for the user."""
    with pytest.raises(ConfigError, match=r"backbone\.patch 3"):
        train_trial(config_from({"preset": "nano", "backbone": {"patch": 3}}), tmp_path, lambda _: True, cache=cache)
