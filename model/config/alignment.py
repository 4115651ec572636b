"""Who may read whom in attention, and what the student's features are aligned with."""

from typing import Literal, Self

from pydantic import Field, model_validator

from model.config.encoder import EncoderConfig
from model.config.section import MOST, Section, added_later
from model.errors import ConfigError

Separation = Literal["none", "full", "noisy_reads_clean", "clean_reads_noisy", "shuffled"]


class AttentionConfig(Section):
    """Attention between the groups of the partition."""

    separation: Separation = "none"
    """`none`: a token reads all tokens. `full`: only its own group (Attention Separation, 2607.02508). Ours: `noisy_reads_clean` and
    `clean_reads_noisy` add the groups with a smaller or larger t; `shuffled` reads a second, independent partition with the same group
    sizes instead. Inference always reads all."""

    @property
    def one_way(self) -> bool:
        """Whether who is read depends on the noise levels."""
        return self.separation in ("noisy_reads_clean", "clean_reads_noisy")


class IntervalConfig(Section):
    """How much cleaner than the student's is the teacher's noise level (SRA, 2505.02831)."""

    width: float = Field(default=0.2, ge=0, le=1)
    """The teacher sees t - k, k ~ U(0, width), clamped; for ddpm, k is a whole number of steps below 1000 * width."""
    per: Literal["auto", "image", "group"] = "auto"
    """One k per image or per group; `auto` is image for `single`, group for `dual` timesteps."""
    clamp: Literal["zero", "released"] = Field(default="zero", json_schema_extra=added_later("zero"))
    """Least t of the teacher: 0, or (only ddpm) step 1 as in the code released for DiT, where t = 0 gets a *noisier* teacher."""


class TeacherConfig(Section):
    """The teacher: an exponential moving average of the student, without gradient, head or label dropout of its own."""

    timesteps: Literal["interval", "min", "same"] = "interval"
    """`interval` (SRA): t - k. `min` (Self-Flow): the image's smallest t for every token. `same`: the student's t."""
    interval: IntervalConfig = IntervalConfig()
    """Used by `timesteps: interval`."""
    labels: Literal["undropped", "dropped"] = "undropped"
    """`undropped`: true labels (2607.02508). `dropped`: those the student saw (2505.02831)."""
    layer: int = Field(default=8, ge=1, le=MOST)
    """Features are read after this block, counted from 1; later blocks never run. Also those of `partition.score: {by: saliency}`."""
    separated: bool = False
    """The teacher's attention is separated like the student's."""


class AlignmentConfig(Section):
    """The second loss: loss = generation + weight * alignment."""

    kind: Literal["none", "self", "external"] = "self"
    """`none` | `self`: the student's features follow those of its own moving average | `external`: those of a frozen encoder (REPA)."""
    weight: float = Field(default=0.5, gt=0)
    """Factor of the alignment loss."""
    loss: Literal["cosine", "smooth_l1", "l1", "l2"] = Field(default="cosine", json_schema_extra=added_later("cosine"))
    """Distance of the features: 1 - cosine | smooth L1 with beta .05 (2505.02831) | mean absolute | mean squared difference."""
    axis: Literal["width", "tokens"] = "width"
    """Axis of the cosine: `width` compares token by token (the equations), `tokens` channel by channel (released SRA code).

    The other losses have no axis.
    """
    head: bool = Field(default=True, json_schema_extra=added_later(True))
    """The student's features pass a trained projection head before they are compared."""
    head_width: int = Field(default=2048, ge=1, le=MOST, json_schema_extra=added_later(2048))
    """Hidden width of the head of `kind: external`, 2048 in REPA; that of `self` is twice the backbone's width."""
    student_layer: int = Field(default=3, ge=1, le=MOST)
    """The head reads the student after this block, counted from 1."""
    teacher: TeacherConfig = TeacherConfig()
    """Used by `kind: self`; `layer` also by `partition.score: {by: saliency}`, whatever is aligned."""
    encoder: EncoderConfig | None = Field(default=None, json_schema_extra=added_later(None))
    """Used by `kind: external`, which needs it."""

    @model_validator(mode="after")
    def _external_has_an_encoder(self) -> Self:
        if self.kind == "external" and self.encoder is None:
            raise ConfigError(
                "alignment.kind: external needs a frozen encoder;"
                " name one, such as alignment.encoder: {name: vit_base_patch14_dinov2.lvd142m, weights: pretrained}"
            )
        return self

    @model_validator(mode="after")
    def _min_is_one_level(self) -> Self:
        if self.teacher.timesteps == "min" and self.teacher.separated:
            raise ConfigError(
                "alignment.teacher.timesteps: min is one noise level under full attention; set alignment.teacher.separated: false"
            )
        return self
