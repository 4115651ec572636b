"""How a trained model is evaluated. None of it changes the weights."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from model.config.autoencoder import AutoencoderConfig
from model.config.classifier import Classifier, TrainedClassifier
from model.config.extractor import ClassifierExtractor, Extractor
from model.config.own_metric import OwnMetric
from model.config.reference_file import IMAGES, SPATIAL_STATISTICS, STATISTICS, TRAINING, ensure_holds, named_reference
from model.config.sampler import SamplerConfig
from model.config.section import LARGEST_SEED, MOST, MOST_STEPS, NOT_IDENTITY, Section, added_later
from model.errors import ConfigError

ExtraMetric = Literal["class_score", "cmmd", "fd_infinity", "kid", "precision", "recall", "overfitting_gap", "sfid"]
EXTRA_METRICS: tuple[ExtraMetric, ...] = get_args(ExtraMetric)
AnalysisName = Literal[
    "attention_mass", "loss_grid", "by_level", "probe", "counterfactual", "memorisation", "views", "alignment", "overfitting"
]
BY_NEIGHBOURS: tuple[ExtraMetric, ...] = ("precision", "recall")
FEWEST_FOR_NEIGHBOURS = 4
"""Images that have third-nearest neighbours."""
NAMED_BY_FEATURES: tuple[ExtraMetric, ...] = ("cmmd", "fd_infinity", "kid", "sfid")
"""Their names in results end in whose features they are in, as that of the Fréchet distance does."""
HIGHER_IS_BETTER = frozenset({"class_accuracy", "class_score", "inception_score", "precision", "recall"})
"""Metrics of samples that are no distance."""
FEWEST_FOR_INFINITY = 30
"""Samples of which there are 15 sizes from a half to all."""


class GuidanceConfig(Section):
    """Classifier-free guidance on an interval of t."""

    scale: float = Field(default=1.0, ge=1)
    """1 is no guidance: the null pass is skipped."""
    interval: tuple[float, float] = (0.0, 1.0)
    """Guided for t in [low, high]; for ddpm, t counts as the share of its last step."""
    channels: Literal["all", "first3"] = Field(default="all", json_schema_extra=added_later("all"))
    """`first3`: only the first three channels are guided, as in the released samplers of DiT and SiT (for latents of four)."""
    best_of: tuple[Annotated[float, Field(ge=1)], ...] = Field(default=(), json_schema_extra=added_later(()))
    """Scales, instead of one: each trial takes that at which the samples of `seed` have the best value, and is measured with it on the
    samples of the evaluation's own seeds (2606.20536). Each scale costs a set of samples more."""
    seed: int | None = Field(default=None, ge=0, le=LARGEST_SEED, json_schema_extra=added_later(None))
    """Generation seed of the samples that choose from `best_of`; none that is measured on."""
    by: str | None = Field(default=None, min_length=1, json_schema_extra=added_later(None))
    """Metric of samples that chooses from `best_of`; None is the Fréchet distance."""

    @field_validator("best_of")
    @classmethod
    def _from_small_to_large(cls, scales: tuple[float, ...]) -> tuple[float, ...]:
        """Their order does not name a result."""
        return tuple(sorted(scales))

    @model_validator(mode="after")
    def _a_choice(self) -> Self:
        if not self.best_of:
            if given := next((name for name in ("seed", "by") if getattr(self, name) is not None), None):
                raise ConfigError(f"guidance.{given} is of a choice among several scales; give guidance.best_of, or leave it out")
            return self
        if self.scale != 1:
            raise ConfigError(f"guidance.scale is {self.scale:g}, and guidance.best_of lists scales to choose from; give one of the two")
        if len(set(self.best_of)) < max(len(self.best_of), 2):
            listed = ", ".join(f"{scale:g}" for scale in self.best_of)
            raise ConfigError(f"guidance.best_of chooses among two or more scales, each once, not [{listed}]; one is guidance.scale")
        if self.seed is None:
            raise ConfigError("guidance.best_of chooses on samples of their own; give guidance.seed, a generation seed not measured on")
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.interval
        if not 0 <= low < high <= 1:
            raise ConfigError(f"guidance.interval is [low, high] with 0 <= low < high <= 1, not [{low}, {high}]")
        return self


class EvaluationConfig(Section):
    """Metrics of the moving-average weights: held-out loss, Fréchet distance, class accuracy of samples."""

    samples: int = Field(default=1000, ge=2, le=MOST)
    """Generated images, of classes by `labels`."""
    labels: Literal["balanced", "random"] = Field(default="balanced", json_schema_extra=added_later("balanced"))
    """Classes of the samples: `balanced`, one after another | `random`: each drawn by the generation seed, as SiT, REPA and SRA do. The
    noise of a sample is the same."""
    sampler: SamplerConfig = SamplerConfig()
    guidance: GuidanceConfig = GuidanceConfig()
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Generation seed: noise of the samples and of the held-out loss, the same for every trial."""
    more_seeds: tuple[Annotated[int, Field(ge=0, le=LARGEST_SEED)], ...] = Field(default=(), json_schema_extra=added_later(()))
    """Further generation seeds: every metric is then the mean over all of them, and the report tells their variance from that of training
    seeds. Each costs an evaluation more."""
    held_out_levels: int = Field(default=16, ge=1, le=MOST)
    """Noise levels of the held-out loss: the mid-points of this many equal parts of [0, 1]."""
    extractor: Extractor = Field(default=ClassifierExtractor(), json_schema_extra=added_later({"kind": "classifier"}))
    """Whose features Fréchet distance, precision and recall compare: `classifier`, trained on the data | any model of `timm` | FID's
    `inception` | `dinov2`, for `fd_dinov2` | `clip`, for `cmmd`."""
    classifier: Classifier = Field(default=TrainedClassifier(), json_schema_extra=added_later({"kind": "trained"}))
    """Whose classes class accuracy and class score go by: `trained` on the data, small and the same for everyone | `timm`, one of your own.
    The features of `extractor: {kind: classifier}` stay those of the one that is trained on the data."""
    reference: str = Field(default=TRAINING, min_length=1, json_schema_extra=NOT_IDENTITY)
    """The real images that samples are compared with in features: `training`, those of the data | a published reference of ADM
    (2105.05233), an .npz file with mu and sigma, mu_s and sigma_s for `sfid`, and arr_0 for `precision`, `recall` and `kid`. Its
    statistics are of `extractor: {kind: inception}`."""
    reference_hash: str = Field(default="", json_schema_extra=added_later(""))
    """What names the file of `reference` wherever it lies: filled in at construction."""
    autoencoder: AutoencoderConfig | None = Field(default=None, json_schema_extra=added_later(None))
    """Makes pictures of samples on latents, for `extractor`, `classifier` and everyone who looks: the one that the latents were encoded
    with. None leaves samples as latents; they are then compared in the features of the classifier alone."""
    extra_metrics: tuple[ExtraMetric, ...] = Field(default=(), json_schema_extra=added_later(()))
    """Measured besides, each only when asked for: `class_score` (exp of the mean KL of the classifier's verdicts from their mean),
    `precision` and `recall` (k-NN with k = 3 in the extractor's features), `kid` (unbiased kernel distance) and `fd_infinity` (Fréchet
    distance at an endless number of samples), both in the extractor's features and named by them, `cmmd` (squared maximum mean discrepancy
    of the embeddings of `clip`), `sfid` (in the spatial features of `inception`), `overfitting_gap` (held-out loss minus the same loss on
    training images)."""
    own_metrics: tuple[OwnMetric, ...] = Field(default=(), json_schema_extra=added_later(()))
    """Metrics of your own, measured besides: each a class in a module of yours, with its name, direction and label."""
    every: int | None = Field(default=None, ge=1, le=MOST_STEPS, json_schema_extra=NOT_IDENTITY)
    """Evaluate also at multiples of this step; None is only at the end."""
    analyses: tuple[AnalysisName, ...] = Field(default=(), json_schema_extra=NOT_IDENTITY)
    """Analyses of the trained weights that a sweep computes when its trials have ended, as `sweeper analyse` does (docs/analyses.md). They
    are of no trial by itself: `python -m model` passes them over."""

    def own_metric(self, name: str | None) -> OwnMetric | None:
        """The user's own metric of that name; None where there is none."""
        return next((metric for metric in self.own_metrics if metric.name == name), None)

    @property
    def generation_seeds(self) -> tuple[int, ...]:
        """All of them, `seed` first."""
        return (self.seed, *self.more_seeds)

    @model_validator(mode="before")
    @classmethod
    def _name_the_reference(cls, given: Any) -> Any:
        """A file goes by its content; a config that was written down with a hash keeps it, and loading looks whether it still holds."""
        if not isinstance(given, dict) or not isinstance(written := given.get("reference", TRAINING), str) or not written:
            return given
        if written == TRAINING:
            return given | {"reference_hash": ""}
        if given.get("reference_hash"):
            return given
        path, content = named_reference(written)
        return given | {"reference": path, "reference_hash": content}

    @field_validator("more_seeds")
    @classmethod
    def _ascending(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        """Their order does not name a result."""
        return tuple(sorted(seeds))

    @model_validator(mode="after")
    def _distinct_seeds(self) -> Self:
        repeated = [seed for seed in self.more_seeds if self.generation_seeds.count(seed) > 1]
        if repeated:
            raise ConfigError(
                f"evaluation.more_seeds: generation seed {repeated[0]} counts once; name others than evaluation.seed, each once"
            )
        return self

    @model_validator(mode="after")
    def _chosen_on_others(self) -> Self:
        if self.guidance.seed in self.generation_seeds:
            raise ConfigError(
                f"evaluation.guidance.seed: generation seed {self.guidance.seed} is measured on, and a scale that was chosen on the same"
                " samples looks better than it is; give one that is in neither evaluation.seed nor evaluation.more_seeds"
            )
        return self

    @field_validator("extra_metrics")
    @classmethod
    def _in_one_order(cls, asked: tuple[ExtraMetric, ...]) -> tuple[ExtraMetric, ...]:
        """The order in which metrics are asked for does not name a result."""
        if repeated := sorted({name for name in asked if asked.count(name) > 1}):
            raise ConfigError(f"evaluation.extra_metrics names {repeated[0]} twice; name each metric once")
        return tuple(sorted(asked))

    @field_validator("own_metrics")
    @classmethod
    def _own_names_differ(cls, asked: tuple[OwnMetric, ...]) -> tuple[OwnMetric, ...]:
        """Their order does not name a result."""
        names = [metric.name for metric in asked]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"evaluation.own_metrics has two of the name {repeated[0]}; give each a name of its own")
        return tuple(sorted(asked, key=lambda metric: metric.name))

    @model_validator(mode="after")
    def _enough_neighbours(self) -> Self:
        if self.by_neighbours and self.samples < FEWEST_FOR_NEIGHBOURS:
            raise ConfigError(
                f"evaluation.extra_metrics: {self.by_neighbours[0]} needs third-nearest neighbours among evaluation.samples, which are"
                f" {self.samples}; draw at least {FEWEST_FOR_NEIGHBOURS}"
            )
        return self

    @model_validator(mode="after")
    def _enough_sizes(self) -> Self:
        if "fd_infinity" in self.extra_metrics and self.samples < FEWEST_FOR_INFINITY:
            raise ConfigError(
                f"evaluation.extra_metrics: fd_infinity needs 15 sizes from a half to all of evaluation.samples, which are {self.samples};"
                f" draw at least {FEWEST_FOR_INFINITY}"
            )
        return self

    @model_validator(mode="after")
    def _in_clips_features(self) -> Self:
        if "cmmd" in self.extra_metrics and self.extractor.kind != "clip":
            raise ConfigError(
                f"evaluation.extra_metrics: cmmd is in CLIP's embeddings, but evaluation.extractor.kind is {self.extractor.kind}; set"
                " evaluation.extractor.kind: clip, or do not ask for it"
            )
        return self

    @model_validator(mode="after")
    def _in_inceptions_features(self) -> Self:
        if self.extractor.kind == "inception":
            return self
        other = f"evaluation.extractor.kind is {self.extractor.kind}"
        if self.reference_hash:
            raise ConfigError(
                f"evaluation.reference: {self.reference} holds statistics of Inception's features, but {other}; set"
                " evaluation.extractor.kind: inception, or evaluation.reference: training"
            )
        if "sfid" in self.extra_metrics:
            raise ConfigError(
                f"evaluation.extra_metrics: sfid is in Inception's spatial features, but {other}; set evaluation.extractor.kind:"
                " inception, or do not ask for it"
            )
        return self

    @model_validator(mode="after")
    def _reference_holds_them(self) -> Self:
        if self.reference_hash:
            needed = dict.fromkeys(STATISTICS, "the Fréchet distance")
            needed |= dict.fromkeys(SPATIAL_STATISTICS, "sfid") if "sfid" in self.extra_metrics else {}
            by_images = [name for name in self.extra_metrics if name in (*BY_NEIGHBOURS, "kid")]
            needed |= {IMAGES: by_images[0]} if by_images else {}
            ensure_holds(Path(self.reference), needed)
        return self

    @property
    def by_neighbours(self) -> tuple[ExtraMetric, ...]:
        """The metrics asked for that look at nearest neighbours."""
        return tuple(name for name in self.extra_metrics if name in BY_NEIGHBOURS)
