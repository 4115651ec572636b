"""What names a trial: a table of configs and hashes, and what the hash leaves out.

A hash in TABLE never changes. When a row fails, stored trials lost their names, so that none would be reused or resumed:
* a field was added: mark it `json_schema_extra=added_later(implied)` with the value that older code had, or NOT_IDENTITY where it
  changes no weights;
* a default changed: keep the old default, or write the new value where it is wanted (a preset, a spec);
* NUMERICS_VERSION was raised on purpose: every row changes, once; renew the table together with the golden loss curves.
"""

import hashlib
import json
from typing import Any

import pytest
from pydantic import Field
from tiny_trials import TINY

from model.config import TrainConfig
from model.config.section import NOT_IDENTITY, Section, added_later, identity

CONTENT = "0123456789abcdef"

TABLE: dict[str, tuple[dict[str, Any], str]] = {
    "defaults": ({}, "3417d012505c31bf"),
    "tiny": (TINY, "a3b9f5f02eadeccc"),
    "default sweep: dual, full": (
        {
            "seed": 2,
            "timesteps": {"kind": "dual"},
            "attention": {"separation": "full"},
            "alignment": {"teacher": {"separated": True}},
        },
        "ebef71e9b028398d",
    ),
    "gap": ({"timesteps": {"kind": "dual", "gap": {"fixed": 0.3}}, "partition": {"ratio": (0.5, 0.3, 0.2)}}, "c7b1f98920295396"),
    "other teacher": ({"alignment": {"axis": "tokens", "teacher": {"timesteps": "min", "labels": "dropped"}}}, "1c56e1c0db4a9f7a"),
    "no alignment": ({"alignment": {"kind": "none"}, "optimizer": {"learning_rate": 1e-3, "betas": (0.9, 0.95)}}, "2f55c311711cb70c"),
    "learned": ({"timesteps": {"kind": "dual"}, "partition": {"assignment": "learned"}}, "fd705cb0b05bd1db"),
    "learned by saliency": (
        {"attention": {"separation": "full"}, "partition": {"assignment": "learned", "score": {"by": "saliency", "first": "smallest"}}},
        "3499a9add89628f0",
    ),
    "ddpm": (
        {
            "process": {"kind": "ddpm"},
            "evaluation": {"sampler": {"kind": "ancestral"}},
            "alignment": {"teacher": {"interval": {"clamp": "released"}}},
        },
        "1fc0f75bd22056b7",
    ),
    "narrow head of an encoder": (
        {"alignment": {"kind": "external", "head_width": 128, "encoder": {"name": "vit_tiny_patch16_224", "weights": "none"}}},
        "5c97422d7dfa74df",
    ),
    "folder": ({"data": {"kind": "folder", "path": "/anywhere", "resolution": 16}}, "e400109a4195439c"),
    "few digits": ({"data": {"kind": "digits", "train_images": 100}}, "cdf6124aebfebe6a"),
    "latents": ({"data": {"kind": "latents", "path": "/anywhere"}}, "ac91ef893015544c"),
    "latents of another autoencoder": (
        {"data": {"kind": "latents", "path": "/x", "channels": 16, "images": 5000, "scale": 0.3611, "held_out_fraction": 0.1}},
        "994ae89493fa4db5",
    ),
    "pictures in an array": ({"data": {"kind": "images", "path": "/anywhere"}}, "ee2240f376ffbd2e"),
}


def named(payload: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:16]


def training_hash(partial: dict[str, Any]) -> str:
    return named(TrainConfig.model_validate(partial).training_identity(content_hash=CONTENT, precision="fp32"))


@pytest.mark.parametrize("row", TABLE)
def test_names_of_stored_trials_stay(row: str) -> None:
    partial, wanted = TABLE[row]
    assert training_hash(partial) == wanted


def test_names_differ() -> None:
    assert len({wanted for _, wanted in TABLE.values()}) == len(TABLE)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 7},
        {"log_every": 1},
        {"held_out_every": 3},
        {"samples_every": 3},
        {"checkpoint_every": 9},
        {"evaluation": {"samples": 50, "seed": 4, "guidance": {"scale": 2.0}, "sampler": {"kind": "euler_maruyama"}}},
    ],
)
def test_budgets_cadences_and_evaluation_do_not_name_a_trial(change: dict[str, Any]) -> None:
    assert training_hash(change) == training_hash({})


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"batch_size": 128},
        {"label_dropout": 0.2},
        {"ema_decay": 0.99},
        {"backbone": {"layers": 13}},
        {"partition": {"ratio": 0.5}},
        {"partition": {"assignment": "block"}},
        {"partition": {"assignment": "learned"}},
        {"partition": {"full_image_probability": 0.25}},
        {"timesteps": {"kind": "per_token"}},
        {"timesteps": {"kind": "dual", "ordering": "masked_is_noisier"}},
        {"timesteps": {"distribution": {"kind": "logit_normal"}}},
        {"timesteps": {"shift": 2.0}},
        {"process": {"path": "cosine"}},
        {"process": {"kind": "ddpm"}, "evaluation": {"sampler": {"kind": "ancestral"}}},
        {"alignment": {"weight": 0.2}},
        {"alignment": {"loss": "l2"}},
        {"alignment": {"head": False}},
        {"alignment": {"encoder": {"name": "vit"}}},
        {"alignment": {"teacher": {"interval": {"width": 0.1}}}},
        {"optimizer": {"weight_decay": 0.1}},
        {"optimizer": {"clip": 2.0}},
    ],
)
def test_what_changes_the_weights_names_a_trial(change: dict[str, Any]) -> None:
    assert training_hash(change) != training_hash({})


def test_content_and_precision_name_a_trial_and_a_path_does_not() -> None:
    config = TrainConfig()
    base = named(config.training_identity(content_hash=CONTENT, precision="fp32"))
    assert named(config.training_identity(content_hash="other", precision="fp32")) != base
    assert named(config.training_identity(content_hash=CONTENT, precision="bf16")) != base
    assert training_hash({"precision": "float64"}) != ""
    here, there = ({"data": {"kind": "npz", "path": path}} for path in ("/here/a.npz", "there/b.npz"))
    assert training_hash(here) == training_hash(there)
    assert training_hash(here | {"data": here["data"] | {"held_out_fraction": 0.3}}) != training_hash(here)


def test_auto_precision_and_the_same_precision_by_name_are_one_trial() -> None:
    payloads = [TrainConfig(precision=p).training_identity(content_hash=CONTENT, precision="fp32") for p in ("auto", "fp32")]
    assert payloads[0] == payloads[1]


def test_evaluation_identity() -> None:
    def of(partial: dict[str, Any], content_hash: str = CONTENT) -> str:
        return named(TrainConfig.model_validate(partial).evaluation_identity(content_hash=content_hash))

    assert of({"evaluation": {"every": 5}}) == of({}) == of({"seed": 3, "steps": 9, "batch_size": 2})
    changes: list[dict[str, Any]] = [
        {"samples": 50},
        {"seed": 1},
        {"held_out_levels": 4},
        {"sampler": {"steps": 51}},
        {"sampler": {"kind": "euler_maruyama"}},
        {"guidance": {"scale": 1.5}},
        {"more_seeds": [1]},
        {"guidance": {"best_of": [1, 1.5], "seed": 7}},
        {"guidance": {"best_of": [1, 1.5], "seed": 8}},
        {"guidance": {"best_of": [1, 1.5], "seed": 7, "by": "class_accuracy"}},
    ]
    ordered = {"best_of": [1.5, 1], "seed": 7}
    assert of({"evaluation": {"guidance": ordered}}) == of({"evaluation": {"guidance": ordered | {"best_of": [1, 1.5]}}})
    assert of({"evaluation": {"more_seeds": [2, 1]}}) == of({"evaluation": {"more_seeds": [1, 2]}})
    assert of({"evaluation": {"more_seeds": []}}) == of({})
    assert len({of({"evaluation": change}) for change in changes} | {of({}), of({}, "other")}) == len(changes) + 2


def test_a_field_added_later_is_left_out_while_it_holds_what_older_code_implied() -> None:
    class Inner(Section):
        power: float = 1.0

    class Older(Section):
        width: int = 3

    class Younger(Section):
        width: int = 3
        bias: bool = Field(default=False, json_schema_extra=added_later(False))
        inner: Inner = Field(default=Inner(), json_schema_extra=added_later({"power": 1.0}))
        cadence: int = Field(default=5, json_schema_extra=NOT_IDENTITY)

    assert identity(Younger()) == identity(Older()) == {"width": 3}
    assert identity(Younger(cadence=9)) == identity(Older())
    assert identity(Younger(bias=True)) == {"width": 3, "bias": True}
    assert identity(Younger(inner=Inner(power=2.0))) == {"width": 3, "inner": {"power": 2.0}}


def test_what_older_code_implied_may_differ_from_the_default() -> None:
    class Younger(Section):
        bias: bool = Field(default=True, json_schema_extra=added_later(False))

    assert identity(Younger()) == {"bias": True}
    assert identity(Younger(bias=False)) == {}
