"""The named methods, field by field, and how they are laid between a preset and the user's own fields."""

from typing import Any

import pytest
from tiny_trials import TINY

from model.config import TrainConfig
from model.errors import ConfigError
from model.methods import METHODS
from model.presets import PRESETS, config_from, merge

# process, timesteps, gap, separation, kind, loss, axis, weight, head, teacher: timesteps, per, width, labels, separated; ratio, assignment.
# A dot is a field that plays no part in the method.
TABLE = """
sit          flow single independent none none     .         .      .   .    .        .     .   .         False .    .
dit          ddpm single independent none none     .         .      .   .    .        .     .   .         False .    .
sra          .    single independent none self     cosine    tokens 0.5 True interval image 0.2 undropped False .    .
sra_2505     .    single independent none self     smooth_l1 .      0.2 True interval image 0.2 dropped   False .    .
self_flow    .    dual   independent none self     cosine    width  0.8 True min      .     .   undropped False 0.25 bernoulli
self_flow_p1 .    dual   independent none self     cosine    tokens 0.5 True min      .     .   undropped False 0.25 random
sra_dts      .    dual   independent none self     cosine    tokens 0.5 True interval group 0.2 undropped False 0.25 random
sra_as       .    single independent full self     cosine    tokens 0.5 True interval group 0.2 undropped True  0.25 random
sra_dts_as   .    dual   independent full self     cosine    tokens 0.5 True interval group 0.2 undropped True  0.25 random
repa         .    single independent none external cosine    width  0.5 True .        .     .   .         False .    .
"""
ROWS = {row.split()[0]: row.split()[1:] for row in TABLE.strip().splitlines()}

CONTRARY: dict[str, Any] = {
    "timesteps": {"kind": "dual", "gap": {"fixed": 0.3}},
    "partition": {"ratio": 0.5, "assignment": "learned", "score": {"by": "saliency"}},
    "attention": {"separation": "full"},
    "alignment": {
        "kind": "self",
        "loss": "l2",
        "axis": "width",
        "weight": 0.9,
        "head": False,
        "teacher": {"timesteps": "same", "interval": {"per": "auto", "width": 0.7}, "labels": "dropped", "separated": True},
    },
}
"""A base that differs from the rows wherever it can."""


def fields(config: TrainConfig) -> list[object]:
    aligned, teacher = config.alignment, config.alignment.teacher
    return [
        *(config.process.kind, config.timesteps.kind, config.timesteps.gap, config.attention.separation),
        *(aligned.kind, aligned.loss, aligned.axis, aligned.weight, aligned.head),
        *(teacher.timesteps, teacher.interval.per, teacher.interval.width, teacher.labels, teacher.separated),
        *(config.partition.ratio, config.partition.assignment),
    ]


def test_the_table_is_whole() -> None:
    assert set(ROWS) == set(METHODS)


@pytest.mark.parametrize("name", ROWS)
def test_every_field_of_a_row(name: str) -> None:
    found = fields(config_from({"preset": "B/2", "method": name}))
    assert [str(value) if wanted != "." else "." for value, wanted in zip(found, ROWS[name], strict=True)] == ROWS[name]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_sets_each_field_itself(name: str) -> None:
    """Laid over something contrary, it is still the method."""
    found = fields(TrainConfig.model_validate(merge(merge(CONTRARY, METHODS[name]), {"seed": 0})))
    assert [str(value) if wanted != "." else "." for value, wanted in zip(found, ROWS[name], strict=True)] == ROWS[name]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", METHODS)
def test_a_method_goes_with_every_preset(name: str, preset: str) -> None:
    config, plain = config_from({"preset": preset, "method": name}), config_from({"preset": preset})
    assert config.backbone == plain.backbone
    assert config.optimizer == plain.optimizer
    size = preset.split("/")[0]
    own = (plain.alignment.student_layer, plain.alignment.teacher.layer)
    dit = ({"S": 3, "B": 3, "L": 6, "XL": 8, "nano": 1}[size], {"S": 7, "B": 7, "L": 14, "XL": 16, "nano": 2}[size])
    repa = ({"S": 4, "B": 4, "L": 8, "XL": 8, "nano": 1}[size], own[1])
    self_flow = {"S": (4, 8), "B": (4, 8), "L": (7, 17), "XL": (8, 20), "nano": (1, 2)}[size]
    wanted = {"dit": dit, "repa": repa, "self_flow": self_flow}.get(name, own)
    assert (config.alignment.student_layer, config.alignment.teacher.layer) == wanted


def test_the_encoder_of_repa() -> None:
    config = config_from({"method": "repa"})
    assert config.alignment.encoder is not None
    assert (config.alignment.encoder.name, config.alignment.encoder.weights) == ("vit_base_patch14_dinov2.lvd142m", "pretrained")
    assert config.alignment.student_layer == 4
    own = config_from({"preset": "L/2", "method": "repa", "alignment": {"student_layer": 5, "encoder": {"weights": "none"}}})
    assert own.alignment.encoder is not None
    assert (own.alignment.student_layer, own.alignment.encoder.weights, own.alignment.encoder.weights_hash) == (5, "none", "none")


def test_the_users_own_fields_go_over_both() -> None:
    config = config_from({"preset": "nano", "method": "sra_dts_as", "alignment": {"axis": "width"}, "partition": {"ratio": 0.5}})
    assert (config.alignment.axis, config.partition.ratio, config.alignment.teacher.interval.per) == ("width", 0.5, "group")
    assert (config.backbone.width, config.alignment.student_layer) == (48, 1)
    before = repr(METHODS)
    config_from(merge(TINY, {"method": "sra", "timesteps": {"kind": "dual"}}))
    assert repr(METHODS) == before


def test_another_kind_of_alignment_keeps_the_layers_of_the_preset() -> None:
    config = config_from({"preset": "nano", "method": "sit", "alignment": {"kind": "self"}})
    assert (config.alignment.kind, config.alignment.student_layer, config.alignment.teacher.layer) == ("self", 1, 2)


def test_a_method_is_the_trial_that_its_fields_are() -> None:
    written = {
        "timesteps": {"kind": "dual"},
        "attention": {"separation": "full"},
        "alignment": {"axis": "tokens", "teacher": {"interval": {"per": "group"}, "separated": True}},
    }
    assert config_from({"preset": "nano", "method": "sra_dts_as"}) == config_from({"preset": "nano"} | written)


@pytest.mark.parametrize("name", ["self-flow", "DiT", "SRA", 3, ["sra"], ""])
def test_an_unknown_method_is_refused_with_the_known_ones(name: object) -> None:
    with pytest.raises(ConfigError, match=r"there is no method .*; choose one of sit, dit, sra, .*, repa") as caught:
        config_from({"preset": "nano", "method": name})
    assert repr(name) in str(caught.value)
