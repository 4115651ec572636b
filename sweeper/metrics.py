"""Every metric that trials report: which way is better, how it is named and printed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from model.config import OwnMetric, is_taken
from sweeper.analysis_scalar import AnalysisScalar
from sweeper.visible import one_line


@dataclass(frozen=True)
class MetricInfo:
    """A metric that trials report: how it is read and printed."""

    name: str
    direction: Literal["lower", "higher"]
    label: str
    decimals: int
    reproducible: bool = True
    """False for times and memory, which differ from run to run."""
    unit: str = "1"
    """Of its values; '1' is a number without one, such as a loss, a share or a distance in features."""
    by_evaluator: bool = True
    """Whether a classifier or feature extractor that belongs to the data set measured it; losses, times and memory need none."""
    by_data: bool = True
    """Whether its values are of the data set, so that those of two do not compare; times and memory are the machine's."""
    has_better_side: bool = True
    """Whether one way is better at all; a choice is none."""
    positive: bool = True
    """False for a metric of the user's own whose config does not say that its values are above 0."""


METRICS: dict[str, MetricInfo] = {
    info.name: info
    for info in (
        MetricInfo("held_out_loss", "lower", "held-out loss", 4, by_evaluator=False),
        MetricInfo("held_out_noise_loss", "lower", "held-out noise loss", 4, by_evaluator=False),
        MetricInfo("fd_digits", "lower", "FD (digits classifier)", 2),
        MetricInfo("fd_infinity_digits", "lower", "FD-infinity (digits classifier)", 2),
        MetricInfo("kid_digits", "lower", "KID (digits classifier)", 4),
        MetricInfo("fd_classifier", "lower", "FD (data classifier)", 2),
        MetricInfo("fd_infinity_classifier", "lower", "FD-infinity (data classifier)", 2),
        MetricInfo("kid_classifier", "lower", "KID (data classifier)", 4),
        MetricInfo("fid", "lower", "FID", 2),
        MetricInfo("fid_infinity", "lower", "FID-infinity", 2),
        MetricInfo("kid", "lower", "KID", 4),
        MetricInfo("sfid", "lower", "sFID", 2),
        MetricInfo("fd_inception", "lower", "FD (Inception, other weights)", 2),
        MetricInfo("fd_infinity_inception", "lower", "FD-infinity (Inception, other weights)", 2),
        MetricInfo("kid_inception", "lower", "KID (Inception, other weights)", 4),
        MetricInfo("sfid_inception", "lower", "sFID (Inception, other weights)", 2),
        MetricInfo("fd_dinov2", "lower", "FD (DINOv2 ViT-L/14)", 2),
        MetricInfo("fd_clip", "lower", "FD (CLIP ViT-L/14)", 4),
        MetricInfo("cmmd", "lower", "CMMD", 3),
        MetricInfo("inception_score", "higher", "Inception Score", 2),
        MetricInfo("class_accuracy", "higher", "class accuracy", 3),
        MetricInfo("class_score", "higher", "class score", 3),
        MetricInfo("precision", "higher", "precision", 3),
        MetricInfo("recall", "higher", "recall", 3),
        MetricInfo("guidance_scale", "lower", "guidance chosen", 2, has_better_side=False),
        MetricInfo("overfitting_gap", "lower", "overfitting gap", 4, by_evaluator=False),
        MetricInfo("overfitting_noise_gap", "lower", "overfitting noise gap", 4, by_evaluator=False),
        MetricInfo("train_loss", "lower", "train loss", 4, by_evaluator=False),
        MetricInfo("align_loss", "lower", "align loss", 4, by_evaluator=False),
        MetricInfo("steps_per_second", "higher", "steps/s", 1, reproducible=False, unit="steps/s", by_evaluator=False, by_data=False),
        MetricInfo("peak_memory_mib", "lower", "peak MiB", 0, reproducible=False, unit="MiB", by_evaluator=False, by_data=False),
    )
}
"""Every metric a table can show, in the order of its columns, but for the distances in features of timm's models: see `metric_info`."""


FINISHING = MetricInfo("finishing", "higher", "share of trials that finish", 2, by_evaluator=False, by_data=False)
"""What claims of the kind `finishes_more` are on. No trial reports it, so no contrast can ask for it by name."""


def is_of_analysis(name: str) -> bool:
    """Whether it names a number of an analysis of trained weights, such as `loss_grid.gain[t_own=0.7,t_other=0.1]`; no trial reports it."""
    return name not in METRICS and AnalysisScalar.named(name) is not None


def is_metric(name: str) -> bool:
    """Whether a table can show it."""
    return name in METRICS or is_distance(name) or is_kernel_distance(name) or is_embedding_distance(name)


def is_distance(name: str) -> bool:
    """Whether it is a Fréchet distance: `fid`, or `fd_` and whose features it is in; also at infinity."""
    return name in {"fid", "fid_infinity"} or name.startswith("fd_")


def is_at_infinity(name: str) -> bool:
    """Whether it is a Fréchet distance without the bias of its number of samples."""
    return name == "fid_infinity" or name.startswith("fd_infinity_")


def is_kernel_distance(name: str) -> bool:
    """Whether it is `kid`, or `kid_` and whose features it is in."""
    return name == "kid" or name.startswith("kid_")


def is_embedding_distance(name: str) -> bool:
    """Whether it is `cmmd`, or `cmmd_` and whose embeddings it is in."""
    return name == "cmmd" or name.startswith("cmmd_")


def is_spatial_distance(name: str) -> bool:
    """Whether it is a Fréchet distance in Inception's spatial features."""
    return name in {"sfid", "sfid_inception"}


def may_be_negative(metric: MetricInfo) -> bool:
    """Whether a value of 0 or below can be measured: a percentage of such a metric means nothing, and it has no logarithm."""
    return not metric.positive or _built_in_may_be_negative(metric.name)


def _built_in_may_be_negative(name: str) -> bool:
    return is_kernel_distance(name) or is_at_infinity(name) or name.startswith("overfitting_") or is_of_analysis(name)


def spreads_with_size(name: str) -> bool:
    """Whether its spread over seeds grows with its size, as a Fréchet distance's does: a claim on it without a size is on its log.

    Only of what is above 0, or it has no log.
    """
    return (is_distance(name) or is_spatial_distance(name)) and not _built_in_may_be_negative(name)


def metric_info(name: str) -> MetricInfo:
    """How a metric that is built in is read and printed; KeyError for what is none. It may be a number of an analysis."""
    if name not in METRICS and is_kernel_distance(name):
        return MetricInfo(name, "lower", f"KID ({name.removeprefix('kid_')})", 4)
    if name not in METRICS and is_embedding_distance(name):
        return MetricInfo(name, "lower", f"CMMD ({name.removeprefix('cmmd_')})", 3)
    if name not in METRICS and is_at_infinity(name):
        return MetricInfo(name, "lower", f"FD-infinity ({name.removeprefix('fd_infinity_')})", 3)
    if name not in METRICS and is_distance(name):
        return MetricInfo(name, "lower", f"FD ({name.removeprefix('fd_')})", 3)
    if name not in METRICS and (scalar := AnalysisScalar.named(name)) is not None:
        return MetricInfo(name, "lower" if scalar.lower_is_better else "higher", name, 4, by_evaluator=False)
    return FINISHING if name == FINISHING.name else METRICS[name]


@dataclass(frozen=True)
class Metrics:
    """The metrics of a sweep: those that are built in, and the user's own that its config lists."""

    own: Mapping[str, MetricInfo] = field(default_factory=dict)

    @classmethod
    def of(cls, sweep: object) -> Self:
        """Those of a sweep as it is written or stored; what is written wrong there is passed over, for the check of the config to name."""
        entries = sweep
        for part in ("base", "evaluation", "own_metrics"):
            entries = entries.get(part) if isinstance(entries, Mapping) else None
        listed = entries if isinstance(entries, list | tuple) else ()
        return cls({info.name: info for entry in listed if isinstance(entry, Mapping) for info in _own(entry)})

    @property
    def names(self) -> tuple[str, ...]:
        """Of those that have a fixed name, for suggestions."""
        return (*METRICS, *self.own)

    def __contains__(self, name: str) -> bool:
        """Whether a table can show it."""
        return name in self.own or is_metric(name)

    def info(self, name: str) -> MetricInfo:
        """How a metric is read and printed; KeyError for what is none."""
        return self.own[name] if name in self.own else metric_info(name)

    def columns(self, names: Iterable[str]) -> list[MetricInfo]:
        """The metrics among the names, in the order of a table's columns.

        A distance in a model's features follows the classifier's; the user's own follow those of samples, in the order of the config.
        """
        place: dict[str, float] = {name: i for i, name in enumerate(METRICS)}
        place |= {name: place["recall"] + (number + 1) / (len(self.own) + 1) for number, name in enumerate(self.own)}
        known = sorted(filter(self.__contains__, names), key=lambda name: (place.get(name, place["kid_classifier"] + 0.5), name))
        return [self.info(name) for name in known]


def _own(entry: Mapping[Any, Any]) -> Iterator[MetricInfo]:
    """One of `evaluation.own_metrics`, as it may stand in a store or in what was imported: checked by nobody."""
    name, label, decimals = entry.get("name"), entry.get("label"), entry.get("decimals")
    if not isinstance(name, str) or is_taken(name) or is_of_analysis(name):
        return
    if not isinstance(label, str) or not any(character.isprintable() and not character.isspace() for character in label):
        label = name.replace("_", " ")
    if not isinstance(decimals, int) or isinstance(decimals, bool) or not 0 <= decimals <= OwnMetric.most_decimals:
        decimals = int(OwnMetric.model_fields["decimals"].default)
    yield MetricInfo(
        name,
        "higher" if entry.get("direction") == "higher" else "lower",
        one_line(label)[: OwnMetric.longest_label],
        decimals,
        positive=entry.get("positive") is True,
    )


BUILT_IN = Metrics()


def columns(names: Iterable[str]) -> list[MetricInfo]:
    """As `Metrics.columns`, of those that are built in."""
    return BUILT_IN.columns(names)
