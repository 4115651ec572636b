"""Every metric that trials report: which way is better, how it is named and printed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


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


METRICS: dict[str, MetricInfo] = {
    info.name: info
    for info in (
        MetricInfo("held_out_loss", "lower", "held-out loss", 4),
        MetricInfo("held_out_noise_loss", "lower", "held-out noise loss", 4),
        MetricInfo("fd_digits", "lower", "FD (digits classifier)", 2),
        MetricInfo("fd_classifier", "lower", "FD (data classifier)", 2),
        MetricInfo("fid", "lower", "FID", 2),
        MetricInfo("sfid", "lower", "sFID", 2),
        MetricInfo("fd_inception", "lower", "FD (Inception, other weights)", 2),
        MetricInfo("inception_score", "higher", "Inception Score", 2),
        MetricInfo("class_accuracy", "higher", "class accuracy", 3),
        MetricInfo("class_score", "higher", "class score", 3),
        MetricInfo("precision", "higher", "precision", 3),
        MetricInfo("recall", "higher", "recall", 3),
        MetricInfo("train_loss", "lower", "train loss", 4),
        MetricInfo("align_loss", "lower", "align loss", 4),
        MetricInfo("steps_per_second", "higher", "steps/s", 1, reproducible=False, unit="steps/s"),
        MetricInfo("peak_memory_mib", "lower", "peak MiB", 0, reproducible=False, unit="MiB"),
    )
}
"""Every metric a table can show, in the order of its columns, but for the distances in features of timm's models: see `metric_info`."""


def is_metric(name: str) -> bool:
    """Whether a table can show it."""
    return name in METRICS or is_distance(name)


def is_distance(name: str) -> bool:
    """Whether it is a Fréchet distance: `fid`, or `fd_` and whose features it is in."""
    return name == "fid" or name.startswith("fd_")


def metric_info(name: str) -> MetricInfo:
    """How a metric is read and printed; KeyError for what is none."""
    if name not in METRICS and is_distance(name):
        return MetricInfo(name, "lower", f"FD ({name.removeprefix('fd_')})", 3)
    return METRICS[name]


def columns(names: Iterable[str]) -> list[MetricInfo]:
    """The metrics among the names, in the order of a table's columns; a distance in a model's features follows the classifier's."""
    place: dict[str, float] = {name: i for i, name in enumerate(METRICS)}
    known = sorted(filter(is_metric, names), key=lambda name: (place.get(name, place["fd_classifier"] + 0.5), name))
    return [metric_info(name) for name in known]
