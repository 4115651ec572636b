"""The whole config of one trial, and what of it names a result."""

import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from model.config import equivalence, user_classes
from model.config.alignment import AlignmentConfig, AttentionConfig
from model.config.backbone import BackboneConfig, tokens_per_image
from model.config.classifier import TrainedClassifier
from model.config.data import DataConfig, DigitsData
from model.config.evaluation import HIGHER_IS_BETTER, NAMED_BY_FEATURES, EvaluationConfig
from model.config.extractor import ClassifierExtractor, feature_metrics, named_by_features
from model.config.noise import ASSIGNMENTS, PartitionConfig, ProcessConfig, TimestepsConfig
from model.config.optimization import OptimizerConfig
from model.config.section import LARGEST_SEED, MOST, MOST_STEPS, NOT_IDENTITY, Section, added_later, identity
from model.errors import ConfigError

NUMERICS_VERSION = 2
"""Raised when the same config would give other numbers; golden loss curves in the tests fail until it is."""
EVALUATOR_VERSION = 2
"""Raised when the same weights would get other metrics."""

Precision = Literal["fp32", "bf16", "float64"]


class TrainConfig(Section):
    """One trial: one diffusion transformer, one method, one seed. Defaults are the recipe of 2607.02508 for SiT-B/2."""

    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Seed of every training stream and of the initial weights."""
    data: DataConfig = DigitsData()
    backbone: BackboneConfig = BackboneConfig()
    process: ProcessConfig = Field(default=ProcessConfig(), json_schema_extra=added_later({}))
    partition: PartitionConfig = PartitionConfig()
    timesteps: TimestepsConfig = TimestepsConfig()
    attention: AttentionConfig = AttentionConfig()
    alignment: AlignmentConfig = AlignmentConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    batch_size: int = Field(default=256, ge=1, le=MOST)
    """Images per optimizer step."""
    accumulation: int = Field(default=1, ge=1, le=MOST, json_schema_extra=NOT_IDENTITY)
    """Micro-batches of a step, one after another in every process: less memory, and the same numbers but for rounding."""
    compile: Literal["auto", "on", "off"] = Field(default="auto", json_schema_extra=NOT_IDENTITY)
    """Compile the step: `auto` on a GPU, and on a CPU with a C++ compiler where the run takes an hour of a processor or more by arithmetic,
    but for several noise levels in an image without separation. It takes one or two minutes of each attempt, and the last digits differ."""
    label_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Probability that the student sees the null label instead of an image's own."""
    ema_decay: float = Field(default=0.9999, ge=0, lt=1)
    """Decay per step of the moving average: the teacher, and the weights that are evaluated."""
    precision: Literal["auto", "fp32", "bf16", "float64"] = "auto"
    """`auto`: bf16 autocast on a GPU, fp32 on a CPU."""
    steps: int = Field(default=400_000, ge=1, le=MOST_STEPS, json_schema_extra=NOT_IDENTITY)
    """Optimizer steps. Not part of a trial's name: a longer run continues a shorter one."""
    log_every: int = Field(default=50, ge=1, le=MOST_STEPS, json_schema_extra=NOT_IDENTITY)
    """Steps between the points of the training curves."""
    held_out_every: int | None = Field(default=None, ge=1, le=MOST_STEPS, json_schema_extra=NOT_IDENTITY)
    """Steps between the points of the held-out loss curve; None is only at the end."""
    samples_every: int | None = Field(default=None, ge=1, le=MOST_STEPS, json_schema_extra=NOT_IDENTITY)
    """Steps between pictures of a few samples; None is only at evaluations. A picture costs about as much as 10 steps."""
    checkpoint_every: int = Field(default=10_000, ge=1, le=MOST_STEPS, json_schema_extra=NOT_IDENTITY)
    """Steps between checkpoints; the newest two and the final moving average are kept."""
    evaluation: EvaluationConfig = Field(default=EvaluationConfig(), json_schema_extra=NOT_IDENTITY)

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        aligned, layers = self.alignment, self.backbone.layers
        for place, layer, used in (
            ("student_layer", aligned.student_layer, aligned.kind != "none"),
            ("teacher.layer", aligned.teacher.layer, aligned.kind == "self" or self.scores_features),
        ):
            if used and layer > layers:
                raise ConfigError(f"alignment.{place} is {layer}, but backbone.layers is {layers}; choose a layer from 1 to {layers}")
        if aligned.teacher.separated and self.attention.separation == "none":
            raise ConfigError(
                "alignment.teacher.separated needs a separated student;"
                " set attention.separation: full or alignment.teacher.separated: false"
            )
        if self.grouped and len(self.partition.shares) < 2:
            raise ConfigError(
                "timesteps.kind: dual and attention.separation need at least two groups; give partition.ratio a share such as 0.25"
            )
        if self.attention.one_way and self.timesteps.kind != "dual":
            raise ConfigError(
                f"attention.separation: {self.attention.separation} compares the noise levels of groups, which timesteps.kind:"
                f" {self.timesteps.kind} has not; set timesteps.kind: dual or attention.separation: full"
            )
        if self.timesteps.kind == "per_token" and aligned.kind == "self" and aligned.teacher.timesteps == "min":
            raise ConfigError(
                "alignment.teacher.timesteps: min takes the smallest noise level of the groups, which timesteps.kind: per_token has not;"
                " set alignment.teacher.timesteps: interval or timesteps.kind: dual"
            )
        if self.timesteps.kind == "per_token" and self.orders_by_score:
            raise ConfigError(
                "partition.assignment: learned scores the tokens of an image at one noise level of its own, which timesteps.kind: per_token"
                " has not; set partition.assignment: random or timesteps.kind: dual"
            )
        self.partition.whole_images(self.batch_size)
        return self

    @model_validator(mode="after")
    def _of_one_process(self) -> Self:
        self.evaluation.sampler.ensure_samples(self.process)
        if self.process.kind != "ddpm" and self.alignment.teacher.interval.clamp == "released":
            raise ConfigError(
                f"alignment.teacher.interval.clamp: released is a step of ddpm, and process.kind is {self.process.kind};"
                " leave it out, or set process.kind: ddpm"
            )
        return self

    @model_validator(mode="after")
    def _guidance_is_chosen_by_what_is_measured(self) -> Self:
        by, asked = self.evaluation.guidance.by, self.evaluation.extra_metrics
        own = [metric.name for metric in self.evaluation.own_metrics]
        known = [*self.feature_metrics, "class_accuracy", *(name for name in asked if name in HIGHER_IS_BETTER), *own]
        if by is not None and by not in known:
            raise ConfigError(
                f"evaluation.guidance.by: {by} is no metric of samples that this evaluation has; choose one of {', '.join(known)}, or ask"
                " for it in evaluation.extra_metrics"
            )
        return self

    @model_validator(mode="after")
    def _networks_see_images(self) -> Self:
        latents, decoded = self.data.kind == "latents", self.evaluation.autoencoder is not None
        if decoded and not latents:
            raise ConfigError(f"evaluation.autoencoder decodes latents, but data.kind is {self.data.kind}; leave it out")
        if latents and not decoded:
            for name, kind, plain in (
                ("extractor", self.evaluation.extractor.kind, "classifier"),
                ("classifier", self.evaluation.classifier.kind, "trained"),
            ):
                if kind != plain:
                    raise ConfigError(
                        f"evaluation.{name}.kind: {kind} looks at pictures, but data.kind: latents are none; set evaluation.autoencoder,"
                        f" which decodes samples, or evaluation.{name}.kind: {plain}"
                    )
        return self

    def resolved_precision(self, *, gpu: bool) -> Precision:
        """`auto` is bf16 on a GPU and fp32 on a CPU."""
        if self.precision != "auto":
            return self.precision
        return "bf16" if gpu else "fp32"

    def training_identity(self, *, content_hash: str, precision: Precision) -> dict[str, Any]:
        """Everything that changes the weights at a given step, JSON-ready: its hash names the trial and its checkpoints.

        `content_hash` is that of the data set's images and labels, `precision` the resolved one.
        """
        return self.identity_with(self.named_content(content_hash), precision, NUMERICS_VERSION)

    def identity_with(self, outside: Mapping[str, str], precision: Precision, numerics_version: int) -> dict[str, Any]:
        """`training_identity`, where `outside` is what `named_content` said when the trial was named; looks at no file."""
        payload = identity(self) | {"precision": precision, "numerics_version": numerics_version}
        payload["data"] = payload["data"] | {"content_hash": outside["data"]}
        if self.alignment.kind == "external" and self.data.train_images is not None:
            # Until 2026-11-28 images of a subset were aligned with the features of others: such a trial is another one now.
            payload["alignment"] = payload["alignment"] | {"encoded": "those trained on"}
        if "assignment" in outside:
            payload["partition"] = payload["partition"] | {"assignment_source": outside["assignment"]}
        return payload

    def named_content(self, content_hash: str) -> dict[str, str]:
        """What lies outside the config and is named by content, by hash: `data`, and `assignment`, the file of a class of the user's."""
        users = user_classes.is_users(self.partition.assignment)
        return {"data": content_hash} | ({"assignment": self._assignment_source()} if users else {})

    def _assignment_source(self) -> str:
        return user_classes.source_hash(self.partition.assignment, "partition.assignment", ASSIGNMENTS)

    def evaluation_identity(self, *, content_hash: str) -> dict[str, Any]:
        """Everything that changes the metrics of given weights, JSON-ready: its hash names a result at a step."""
        data = identity(self.data) | {"content_hash": content_hash}
        return identity(self.evaluation) | {"data": data, "evaluator_version": EVALUATOR_VERSION}

    @property
    def feature_metrics(self) -> tuple[str, ...]:
        """Names of what is measured in the extractor's features: first the Fréchet distance, last what is asked for besides."""
        always = feature_metrics(self.evaluation.extractor, self.data.kind)
        return always + tuple(named_by_features(name, always[0]) for name in NAMED_BY_FEATURES if name in self.evaluation.extra_metrics)

    def looked_at_by(self, channels: int, resolution: int) -> str:
        """What names the networks to which every sample of this shape is shown, the decoder before them with them, whatever the samples are
        compared with: those of one name take as long. Empty where there are none but the small classifier of the data.
        """
        asked = self.evaluation
        if (asked.extractor, asked.classifier) == (ClassifierExtractor(), TrainedClassifier()):
            return ""  # then no more is decoded than the picture shows
        parts = [asked.autoencoder, asked.extractor, asked.classifier]
        return json.dumps([None if part is None else identity(part) for part in parts] + [channels, resolution], sort_keys=True)

    @property
    def grouped(self) -> bool:
        """Whether anything depends on the partition's groups."""
        return self.timesteps.kind == "dual" or self.attention.separation != "none"

    @property
    def partitioned(self) -> bool:
        """Whether tokens are put in groups: for noise levels, reading, or the teacher's intervals."""
        return self.grouped or self.alignment.teacher.interval.per == "group"

    @property
    def orders_by_score(self) -> bool:
        """Whether tokens are put in a learned order and that makes a difference."""
        return self.partition.score is not None and equivalence.noise_groups_used(self)

    @property
    def scores_features(self) -> bool:
        """Whether that order goes by the features after `alignment.teacher.layer`, whatever is aligned."""
        return self.partition.score is not None and self.partition.score.by == "saliency" and self.orders_by_score

    @property
    def mixes_whole_images(self) -> bool:
        """Whether some images of a batch are left whole and that makes a difference."""
        return self.partition.full_image_probability > 0 and (self.partitioned or self.timesteps.kind == "per_token")

    def micro_batch(self, processes: int) -> int:
        """Images that each of so many processes takes at once; raises ConfigError when the batch cannot be cut so."""
        if self.batch_size % (processes * self.accumulation):
            raise ConfigError(
                f"batch_size {self.batch_size} cannot be cut into {self.accumulation} equal micro-batches for each of {processes}"
                " processes; change batch_size, accumulation or the processes of a trial"
            )
        return self.batch_size // (processes * self.accumulation)

    def passes(self, step: int, images: int) -> float:
        """How often each of so many training images was seen after `step`, on average."""
        return step * self.batch_size / images

    def fit(self, resolution: int) -> int:
        """Tokens of an image of side `resolution`; raises ConfigError when patch or partition do not fit it."""
        tokens = tokens_per_image(resolution, self.backbone.patch)
        if self.partitioned:
            if self.partition.exact:
                self.partition.counts(tokens)
            if user_classes.is_users(self.partition.assignment):
                self._assignment_source()
        return tokens

    def inert_fields(self) -> frozenset[str]:
        """Dotted paths of the fields that do nothing in this config."""
        return equivalence.inert_fields(self)

    def equivalent(self) -> "TrainConfig":
        """The canonical one of the configs that train alike, in law."""
        return TrainConfig.model_validate(equivalence.canonical(self))
