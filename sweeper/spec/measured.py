"""Whether a sweep measures the metrics that it is about."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from model.config import EXTRA_METRICS, NAMED_BY_FEATURES, TrainConfig, named_by_features
from sweeper.errors import SpecError
from sweeper.metrics import (
    MetricInfo,
    is_distance,
    is_embedding_distance,
    is_kernel_distance,
    is_metric,
    is_spatial_distance,
    may_be_negative,
    metric_info,
)
from sweeper.records import Variant
from sweeper.spec.claims import percent
from sweeper.spec.designs import cells_of

if TYPE_CHECKING:
    from sweeper.spec.sweep_spec import SweepSpec

GAP, NOISE_GAP = "overfitting_gap", "overfitting_noise_gap"
"""One is asked for, and what is measured is called by what the network predicts."""


def ensure_measured(name: str, configs: Sequence[tuple[Variant, TrainConfig]], place: str = "metric.primary") -> None:
    """Raises SpecError for a metric that some variant does not measure; `place` is where the sweep names it."""
    if is_metric(name) and not metric_info(name).has_better_side:
        raise SpecError(f"{place}: {name} is what evaluation.guidance chose, of which no value is better; name the metric that chose it")
    for variant, config in configs:
        by_features = {named_by_features(short, config.feature_metrics[0]): short for short in NAMED_BY_FEATURES}
        extra = (by_features | {NOISE_GAP: GAP}).get(name, None if name in NAMED_BY_FEATURES else name)
        if extra in EXTRA_METRICS and extra not in config.evaluation.extra_metrics:
            raise SpecError(
                f"{place}: {name} is measured only where it is asked for, and variant {variant.name} does not ask;"
                f" set base.evaluation.extra_metrics: [{extra}]"
            )
        distances = (is_distance, is_kernel_distance, is_spatial_distance, is_embedding_distance)
        by_feature = name == "inception_score" or any(of_kind(name) for of_kind in distances)
        if by_feature and name not in config.feature_metrics:
            raise SpecError(
                f"{place}: {name} is not measured in variant {variant.name}: its data and evaluation.extractor make"
                f" {' and '.join(config.feature_metrics)}; choose that, or another base.evaluation.extractor"
            )


def ensure_guided_by(metric: MetricInfo, configs: Sequence[tuple[Variant, TrainConfig]]) -> None:
    """Raises SpecError where guidance is chosen by another metric of samples than the sweep's: its best would not be the sweep's best."""
    if not metric.by_evaluator:
        return  # a loss or a time, which guidance does not touch
    for variant, config in configs:
        guidance = config.evaluation.guidance
        if guidance.best_of and (chosen_by := guidance.by or config.feature_metrics[0]) != metric.name:
            raise SpecError(
                f"metric.primary: {metric.name} decides, and variant {variant.name} chooses its guidance by {chosen_by}; set"
                f" base.evaluation.guidance.by: {metric.name}"
            )


def faults_of_contrasts(spec: "SweepSpec", configs: Sequence[tuple[Variant, TrainConfig]]) -> Iterator[str]:
    """What is wrong with the metrics that contrasts are on: one that nobody measures, and a percentage of one that may be negative."""
    variants = [variant for variant, _ in configs]
    for contrast in spec.contrasts:
        if contrast.metric is not None:
            try:
                cells = cells_of(contrast, variants)
            except SpecError:
                continue  # said where the contrast is held against the design
            read = [(variant, config) for variant, config in configs if variant.name in cells]
            try:
                ensure_measured(contrast.metric, read, f"contrasts: {contrast.name!r} has a metric of its own")
            except SpecError as error:
                yield from error.faults
        metric = spec.metrics.info(contrast.metric or spec.metric.primary)
        for field in ("margin", "smallest_effect"):
            size = getattr(contrast, field)
            if percent(size) is not None and may_be_negative(metric):
                yield (
                    f"contrasts: {contrast.name!r} has {field} {size}, and {metric.name} may be 0 or below, where a percentage means"
                    f" nothing; give the {field} in units of the metric{_or_say_so(metric, spec)}"
                )


def _or_say_so(metric: MetricInfo, spec: "SweepSpec") -> str:
    return ", or set positive: true in evaluation.own_metrics where it never is" if metric.name in spec.metrics.own else ""


def faults_of_own_metrics(spec: "SweepSpec", configs: Sequence[tuple[Variant, TrainConfig]]) -> Iterator[str]:
    """Own metrics are of a sweep as a whole: a column holds numbers of one metric, whatever the variant."""
    for variant, config in configs:
        own = config.evaluation.own_metrics
        if {metric.name for metric in own} != set(spec.metrics.own) or own != configs[0][1].evaluation.own_metrics:
            yield f"variant {variant.name}: evaluation.own_metrics are of a sweep as a whole; set them in base"
            return
