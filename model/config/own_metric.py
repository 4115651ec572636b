"""A metric of the user's own: a class in their own module, named where evaluations are configured."""

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from model.config.section import NOT_IDENTITY, Section, added_later
from model.config.user_classes import is_users, source_hash
from model.errors import ConfigError

PLACE = "evaluation.own_metrics"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_FAMILIES = ("fd_", "fid", "kid", "sfid", "cmmd")
"""What names of metrics begin with that are measured in features."""
_TAKEN = frozenset(
    {
        "align_loss",
        "attention_logit_max",
        "class_accuracy",
        "class_score",
        "finishing",
        "generation_loss",
        "grad_norm",
        "guidance_scale",
        "held_out_loss",
        "held_out_noise_loss",
        "inception_score",
        "loss_spikes",
        "overfitting_gap",
        "overfitting_noise_gap",
        "peak_memory_mib",
        "precision",
        "realised_gap",
        "recall",
        "step",
        "step_seconds",
        "steps_per_second",
        "train_loss",
        "whole_image_share",
    }
)
"""Names that trials and reports have for something else."""


def is_taken(name: str) -> bool:
    """Whether something that is built in is called so."""
    return name in _TAKEN or name.startswith(_FAMILIES)


class OwnMetric(Section):
    """One metric: its name in results, the class that measures it, and how it is read and printed."""

    longest_label: ClassVar[int] = 40
    most_decimals: ClassVar[int] = 8

    name: str
    """In results, tables and `metric.primary`: lower-case letters, digits and _."""
    kind: str
    """`package.module.ClassName`: a subclass of `model.evaluation.own_metrics.Metric` of your own."""
    source_hash: str = Field(default="", json_schema_extra=added_later(""))
    """What names the file of the class, with what it imports beside it: filled in at construction."""
    direction: Literal["lower", "higher"]
    """Which way is better."""
    label: str = Field(default="", max_length=longest_label, json_schema_extra=NOT_IDENTITY)
    """At the head of its column; without it, the name with spaces."""
    decimals: int = Field(default=3, ge=0, le=most_decimals, json_schema_extra=NOT_IDENTITY)
    """With which it is printed."""
    positive: bool = Field(default=False, json_schema_extra=added_later(False))
    """Its values are above 0, so that a margin of a claim on it may be a share, such as 2%; a value that is not ends the trial."""

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if _NAME.fullmatch(name) is None:
            raise ConfigError(
                f"give a name of lower-case letters, digits and _, the first a letter, of at most 40 characters, not {name!r}"
            )
        if is_taken(name):
            raise ConfigError(f"the name {name} is taken by a metric that is built in; give yours another name")
        return name

    @field_validator("label")
    @classmethod
    def _seen(cls, label: str) -> str:
        if not label.isprintable():
            raise ConfigError(f"give a label of characters that can be seen, in one line, not {label!r}")
        return label

    @model_validator(mode="before")
    @classmethod
    def _name_the_source(cls, given: Any) -> Any:
        """A class goes by its code; a config that was written down with a hash keeps it, and loading looks whether it still holds."""
        if not isinstance(given, dict) or not isinstance(kind := given.get("kind"), str):
            return given
        if not is_users(kind):
            raise ConfigError(f"{PLACE}: kind is package.module.ClassName, a class of your own, not {kind!r}")
        return given if given.get("source_hash") else given | {"source_hash": hash_of(kind)}


def hash_of(kind: str) -> str:
    """What names the file of a user's metric; raises ConfigError where there is none."""
    return source_hash(kind, PLACE)
