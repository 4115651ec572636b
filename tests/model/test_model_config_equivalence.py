"""Fields that do nothing and configs that train alike: what the config says of itself, held against losses and gradients."""

from typing import Any

import pytest
from test_model_equivalences import assert_alike, outcome
from tiny_trials import CELLS, batch_of, tiny

from model.config import TrainConfig

PARTITION = {"partition.ratio", "partition.assignment", "partition.score", "partition.full_image_probability"}
LEVELS = {"timesteps.gap", "timesteps.ordering"}
UNGUIDED = {"evaluation.guidance.interval", "evaluation.guidance.channels"}
INTERVAL = {f"alignment.teacher.interval.{name}" for name in ("width", "per", "clamp")}
UNALIGNED = (
    INTERVAL
    | {f"alignment.{name}" for name in ("weight", "loss", "axis", "head", "head_width", "student_layer", "encoder")}
    | {f"alignment.teacher.{name}" for name in ("timesteps", "labels", "separated")}
)
SALIENCY: dict[str, Any] = {"partition": {"assignment": "learned", "score": {"by": "saliency"}}}
PER_GROUP = {"alignment": {"teacher": {"interval": {"per": "group"}}}}

INERT: dict[str, tuple[dict[str, Any], set[str]]] = {
    "single, none": ({}, PARTITION | LEVELS | {"alignment.teacher.separated"}),
    "single, none, k per group": (PER_GROUP, LEVELS | {"alignment.teacher.separated"}),
    "single, full": (CELLS["single_full"], LEVELS),
    "dual, none": (CELLS["dual_none"], {"alignment.teacher.separated"}),
    "dual, full": (CELLS["dual_full"], set()),
    "per token, none": (
        {"timesteps": {"kind": "per_token"}},
        LEVELS | {"partition.ratio", "partition.assignment", "partition.score", "alignment.teacher.separated"},
    ),
    "learned, nothing grouped": (SALIENCY, PARTITION | LEVELS | {"alignment.teacher.separated"}),
    "learned, single, full": (CELLS["single_full"] | SALIENCY, LEVELS),
    "learned, single, shuffled": (SALIENCY | {"attention": {"separation": "shuffled"}}, LEVELS | {"partition.score"}),
    "same": ({"alignment": {"teacher": {"timesteps": "same"}}}, PARTITION | LEVELS | INTERVAL | {"alignment.teacher.separated"}),
    "k per group that nobody uses": (
        {"alignment": {"teacher": {"interval": {"per": "group"}, "timesteps": "same"}}},
        PARTITION | LEVELS | INTERVAL | {"alignment.teacher.separated"},
    ),
    "labels never dropped": (CELLS["dual_full"] | {"label_dropout": 0.0}, {"alignment.teacher.labels"}),
    "no cosine": (CELLS["dual_full"] | {"alignment": {"loss": "l1"}}, {"alignment.axis"}),
    "frozen encoder": (
        {"alignment": {"kind": "external", "encoder": {"name": "vit_tiny_patch16_224", "weights": "none"}}},
        PARTITION | LEVELS | INTERVAL | {f"alignment.teacher.{name}" for name in ("timesteps", "labels", "layer", "separated")},
    ),
    "frozen encoder, saliency": (
        SALIENCY
        | {
            "timesteps": {"kind": "dual"},
            "alignment": {"kind": "external", "encoder": {"name": "vit_tiny_patch16_224", "weights": "none"}},
        },
        INTERVAL | {f"alignment.teacher.{name}" for name in ("timesteps", "labels", "separated")},
    ),
    "no alignment, saliency": (SALIENCY | {"timesteps": {"kind": "dual"}, "alignment": {"kind": "none"}}, UNALIGNED),
    "no alignment, order by loss": (
        {"timesteps": {"kind": "dual"}, "alignment": {"kind": "none"}, "partition": {"assignment": "learned"}},
        UNALIGNED | {"alignment.teacher.layer"},
    ),
    "no alignment": (
        {"alignment": {"kind": "none"}},
        PARTITION | LEVELS | UNALIGNED | {"alignment.teacher.layer"},
    ),
}

OTHER_VALUES: dict[str, Any] = {
    "partition.ratio": (0.5, 0.3, 0.2),
    "partition.assignment": "block",
    "partition.full_image_probability": 0.5,
    "alignment.teacher.interval.width": 0.7,
    "alignment.teacher.interval.per": "image",
    "alignment.teacher.labels": "dropped",
    "alignment.teacher.layer": 3,
    "alignment.teacher.timesteps": "same",
    "alignment.student_layer": 2,
    "alignment.weight": 3.0,
    "alignment.head_width": 7,
    "alignment.axis": "tokens",
    "evaluation.guidance.interval": (0.1, 0.2),
    "evaluation.guidance.channels": "first3",
}
"""Of fields that may be set where they do nothing; the rest are refused there."""

EQUAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "shuffled of single": (
        {"attention": {"separation": "shuffled"}, "alignment": {"teacher": {"separated": True}}},
        {"attention": {"separation": "full"}, "alignment": {"teacher": {"separated": True}}},
    ),
    "shuffled of single, learned": (SALIENCY | {"attention": {"separation": "shuffled"}}, {"attention": {"separation": "full"}}),
    "learned where nothing is grouped": (SALIENCY | {"timesteps": {"kind": "per_token"}}, {"timesteps": {"kind": "per_token"}}),
    "shuffled per token": (
        {"attention": {"separation": "shuffled"}, "timesteps": {"kind": "per_token"}},
        {"attention": {"separation": "full"}, "timesteps": {"kind": "per_token"}},
    ),
    "ratio where nothing is grouped": ({"partition": {"ratio": 0.5, "assignment": "rows", "full_image_probability": 0.5}}, {}),
    "ratio as a list": (CELLS["dual_none"] | {"partition": {"ratio": (1, 3)}}, CELLS["dual_none"] | {"partition": {"ratio": 0.25}}),
    "widest gap": (CELLS["dual_none"] | {"timesteps": {"kind": "dual", "gap": {"max": 1}}}, CELLS["dual_none"]),
    "one way without a gap": (
        {"attention": {"separation": "noisy_reads_clean"}, "timesteps": {"kind": "dual", "gap": {"fixed": 0}}},
        {"attention": {"separation": "full"}, "timesteps": {"kind": "dual", "gap": {"fixed": 0}}},
    ),
    "smallest of one": ({"alignment": {"teacher": {"timesteps": "min"}}}, {"alignment": {"teacher": {"timesteps": "same"}}}),
    "no interval": ({"alignment": {"teacher": {"interval": {"width": 0}}}}, {"alignment": {"teacher": {"timesteps": "same"}}}),
    "interval by name": (CELLS["dual_none"] | PER_GROUP, CELLS["dual_none"]),
    "all images whole": (
        CELLS["dual_full"] | {"partition": {"full_image_probability": 1.0}} | PER_GROUP,
        {},
    ),
}


def with_value(config: TrainConfig, path: str, value: Any) -> TrainConfig:
    plain = config.model_dump()
    section = plain
    *sections, name = path.split(".")
    for part in sections:
        section = section[part]
    section[name] = value
    if path == "partition.assignment":
        section["score"] = None  # which no other than learned has
    return TrainConfig.model_validate(plain)


@pytest.mark.parametrize("case", INERT)
def test_inert_fields(case: str) -> None:
    changes, wanted = INERT[case]
    wanted = wanted if case.startswith("frozen encoder") else wanted | {"alignment.head_width"}
    assert tiny(changes).inert_fields() == wanted | UNGUIDED
    assert tiny(changes, evaluation={"guidance": {"scale": 1.5}}).inert_fields() == wanted


@pytest.mark.parametrize("case", [case for case in INERT if not case.startswith(("no alignment", "frozen encoder"))])
def test_what_is_called_inert_moves_no_loss_and_no_gradient(case: str) -> None:
    config = tiny(INERT[case][0])
    before = outcome(config, batch_of(config))
    for path in config.inert_fields() & OTHER_VALUES.keys():
        changed = with_value(config, path, OTHER_VALUES[path])
        assert changed != config, path
        assert_alike(outcome(changed, batch_of(changed)), before)
        assert changed.equivalent() == config.equivalent(), path


@pytest.mark.parametrize(
    ("case", "path"),
    [
        ("single, full", "partition.ratio"),
        ("dual, none", "partition.assignment"),
        ("per token, none", "partition.full_image_probability"),
        ("single, none, k per group", "partition.ratio"),
        ("dual, full", "partition.full_image_probability"),
        ("dual, full", "alignment.teacher.labels"),
        ("dual, full", "alignment.teacher.interval.per"),
    ],
)
def test_what_is_not_called_inert_moves_the_loss(case: str, path: str) -> None:
    config = tiny(INERT[case][0])
    assert path not in config.inert_fields()
    changed = with_value(config, path, OTHER_VALUES[path])
    assert abs(outcome(changed, batch_of(changed))["total"] - outcome(config, batch_of(config))["total"]) > 1e-6
    assert changed.equivalent() != config.equivalent()


@pytest.mark.parametrize("score", [{"first": "smallest"}, {"by": "loss"}, {"by": "loss", "first": "smallest"}])
def test_a_score_that_nobody_uses_is_inert_and_another_is_not(score: dict[str, str]) -> None:
    free = {"attention": {"separation": "shuffled"}}
    for changes, moves in ((CELLS["dual_full"], True), (CELLS["single_none"], False), (free, False), (free | PER_GROUP, True)):
        config, other = tiny(SALIENCY, changes), tiny(SALIENCY, changes, partition={"score": score})
        before, after = (outcome(c, batch_of(c)) for c in (config, other))
        assert ("partition.score" in config.inert_fields()) is not moves
        assert (config.equivalent() != other.equivalent()) is moves
        if moves:
            assert abs(after["total"] - before["total"]) > 1e-6
        else:
            assert_alike(before, after)


@pytest.mark.parametrize("case", EQUAL)
def test_equivalent_configs_have_one_canonical_form(case: str) -> None:
    left, right = (tiny({"partition": {"ratio": 0.25}}, changes) for changes in EQUAL[case])
    assert left != right
    assert left.equivalent() == right.equivalent()
    for config in (left, right):
        canonical = config.equivalent()
        assert canonical.equivalent() == canonical
        assert canonical.training_identity(content_hash="", precision="fp32")


def test_shuffled_of_single_stays_where_the_teachers_times_follow_the_groups() -> None:
    config = tiny(PER_GROUP, attention={"separation": "shuffled"})
    assert config.equivalent().attention.separation == "shuffled"


def test_a_config_that_repeats_nothing_is_its_own_form_but_for_defaults() -> None:
    config = tiny(CELLS["dual_full"], timesteps={"gap": {"fixed": 0.3}})
    assert config.equivalent() == config
