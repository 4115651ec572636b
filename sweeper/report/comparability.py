"""Results are compared only where they were made alike; where they were not, it says which numbers do not compare."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweeper.metrics import MetricInfo
from sweeper.records import TrialOutcome, Variant

NOT_RECORDED = "not recorded"
NOT_APPLICABLE = "none"
"""A recorded null: the threads of a trial on a GPU."""
DEVICE_FIELD = "device"
EVALUATOR_FIELD = "evaluator"
ENCODER_FIELD = "encoder"
"""Name and content of weights that a config only calls `pretrained`; trials without such have none. Encoders of two names are two methods,
one name with two contents is none."""
FEATURES_FIELD = "features"
"""How an encoder's features that were read from a file differ from those of the training device; trials without an encoder have none."""
MARK = "*"
"""At the label of a metric, and before the note that says why."""
_SET_BY = {"micro_batch": "batch_size", "precision": "precision"}
"""Fields that follow from the config: a sweep may ask about them, and then they differ between variants as it should be."""


def varied_by_design(variants: Iterable[Variant]) -> frozenset[str]:
    """Fields of the comparability key that the variants themselves set."""
    paths = {path for variant in variants for path in variant.overrides}
    return frozenset(field for field, path in _SET_BY.items() if path in paths or "preset" in paths)


@dataclass(frozen=True)
class Apart:
    """A field of the comparability key in which finished trials differ, though nobody chose that they count alike."""

    field: str
    values: Mapping[str, int]
    """Value -> number of finished trials."""
    by_variant: Mapping[str, frozenset[str]]
    """Values among the finished trials of each variant."""
    by_data: bool
    """The variants set what they train on, so that each value stands for another data set."""

    def concerns(self, metric: MetricInfo) -> bool:
        """Whether values of the metric do not compare between trials that differ so."""
        return self.field != EVALUATOR_FIELD or metric.by_evaluator or (self.by_data and metric.by_data)

    def separates(self, variants: Iterable[str]) -> bool:
        """Whether the trials of these variants differ."""
        return len(frozenset().union(*(self.by_variant.get(name, frozenset()) for name in variants))) > 1

    @property
    def because(self) -> str:
        """Why a contrast across it has no estimate."""
        return "the variants have different data sets" if self.by_data else f"the trials differ in {self.field}"

    def sentence(self, metrics: Sequence[MetricInfo]) -> str:
        """What is not comparable, why, and the remedy; of these columns."""
        concerned = [metric.label for metric in metrics if self.concerns(metric)]
        if self.by_data:
            groups: dict[frozenset[str], list[str]] = {}
            for variant, values in self.by_variant.items():
                groups.setdefault(values, []).append(variant)
            apart = " | ".join(", ".join(names) for names in groups.values())
            return (
                f"{MARK} Not comparable between variants with different data ({apart}): {', '.join(concerned)}. Each data set has its own"
                " held-out images and its own classifier; contrasts across data sets have no estimate."
            )
        if self.field == ENCODER_FIELD:
            return (
                f"{MARK} Pretrained weights of an encoder were replaced between trials: {_listing(self.values)}. Not comparable between"
                f" them: {', '.join(concerned)}; contrasts between them have no estimate. Run them again with --fresh, name one file with"
                f" alignment.encoder.weights, or accept the mix with --allow-mixed {self.field}."
            )
        if self.field == FEATURES_FIELD:
            return (
                f"{MARK} Features of an encoder were not made alike: {_listing(self.values)}. Not comparable between trials with them"
                f" and others with an encoder: {', '.join(concerned)}; contrasts between such have no estimate. Write the features in"
                " float32 on the device that trains, or move them away, and run the sweep again with --fresh; or accept the mix with"
                f" --allow-mixed {self.field}."
            )
        return (
            f"{MARK} The finished trials were not made alike: they differ in {self.field}: {_listing(self.values)}. Not comparable between"
            f" them: {', '.join(concerned)}; contrasts between them have no estimate. Run the sweep again on one machine, or accept the mix"
            f" with --allow-mixed {self.field}."
        )


@dataclass(frozen=True)
class Comparability:
    """How the finished trials of a report were made."""

    values: Mapping[str, tuple[str, ...]]
    """Field -> its values among them, both sorted."""
    apart: tuple[Apart, ...] = ()
    """Fields in which they differ and should not."""

    @property
    def mixed(self) -> Mapping[str, tuple[str, ...]]:
        """Fields of several values that count as one."""
        apart = {one.field for one in self.apart}
        return {field: values for field, values in self.values.items() if len(values) > 1 and field not in apart}

    def separates(self, metric: MetricInfo, variants: Collection[str]) -> str | None:
        """Why values of the metric do not compare between these variants; None where they do."""
        return next((one.because for one in self.apart if one.concerns(metric) and one.separates(variants)), None)

    def marked(self, metric: MetricInfo) -> MetricInfo:
        """The metric, with a mark at its label where its values do not all compare."""
        concerned = any(one.concerns(metric) for one in self.apart)
        return replace(metric, label=f"{metric.label}{MARK}") if concerned else metric


def has_features(outcome: TrialOutcome) -> bool:
    """Whether it recorded how the features that it read differ."""
    return FEATURES_FIELD in outcome.comparability


def comparability_of(
    outcomes: Iterable[TrialOutcome],
    allow_mixed: Collection[str] = (),
    variants: Collection[Variant] = (),
    encoded: Collection[str] | None = None,
) -> Comparability:
    """Of these finished outcomes. Fields that the `variants` set may differ between them, though not within one; they are then left out.

    `encoded`: names of the variants that look at an encoder's features, in which alone others can differ; None: any may.
    """
    outcomes = list(outcomes)
    varied = varied_by_design(variants)
    fields = sorted({name for outcome in outcomes for name in outcome.comparability} - {ENCODER_FIELD})

    def with_field(name: str) -> list[TrialOutcome]:
        if name != FEATURES_FIELD or encoded is None:
            return outcomes
        return [outcome for outcome in outcomes if outcome.variant in encoded or has_features(outcome)]

    counts = {
        name: Counter(map(_reader(name), with_field(name))) for name in fields if name not in varied or not _follows_variant(name, outcomes)
    }
    apart = tuple(
        Apart(name, values, _by_variant(name, with_field(name)), name == EVALUATOR_FIELD and _data_follows(name, outcomes, variants))
        for name, values in counts.items()
        if len(values) > 1 and name not in allow_mixed and _by_choice(name, outcomes)
    )
    encoders = Counter(str(outcome.comparability[ENCODER_FIELD]) for outcome in outcomes if ENCODER_FIELD in outcome.comparability)
    replaced = _replaced(encoders)
    if replaced and ENCODER_FIELD not in allow_mixed:
        concerned = [outcome for outcome in outcomes if outcome.comparability.get(ENCODER_FIELD) in replaced]
        apart += (Apart(ENCODER_FIELD, replaced, _by_variant(ENCODER_FIELD, concerned), by_data=False),)
    if replaced or len(encoders) == 1:
        counts[ENCODER_FIELD] = replaced or encoders
    return Comparability({name: tuple(sorted(values)) for name, values in counts.items()}, apart)


def _replaced(encoders: Counter[str]) -> Counter[str]:
    """Those of a name that others have with other content."""
    named = Counter(encoder.rpartition(" ")[0] for encoder in encoders)
    return Counter({encoder: count for encoder, count in encoders.items() if named[encoder.rpartition(" ")[0]] > 1})


def device_of(comparability: Mapping[str, tuple[str, ...]]) -> str | None:
    """The device model, or several joined by ' and ' where mixing was allowed."""
    return " and ".join(comparability[DEVICE_FIELD]) if DEVICE_FIELD in comparability else None


def _by_variant(name: str, outcomes: Iterable[TrialOutcome]) -> dict[str, frozenset[str]]:
    read, values = _reader(name), dict[str, frozenset[str]]()
    for outcome in outcomes:
        values[outcome.variant] = values.get(outcome.variant, frozenset()) | {read(outcome)}
    return values


def _data_follows(name: str, outcomes: Iterable[TrialOutcome], variants: Iterable[Variant]) -> bool:
    """Whether variants that set other data have other values: then it is the data that differ, not the machine alone."""
    data = {variant.name: json.dumps(data_of(variant), sort_keys=True, default=str) for variant in variants}
    by_data: dict[str, frozenset[str]] = {}
    for variant, values in _by_variant(name, outcomes).items():
        key = data.get(variant, "")
        by_data[key] = by_data.get(key, frozenset()) | values
    return any(one.isdisjoint(other) for one, other in itertools.combinations(by_data.values(), 2))


def data_of(variant: Variant) -> dict[str, Any]:
    """What a variant sets of its data: dotted path -> value."""
    return {path: value for path, value in variant.overrides.items() if path in ("data", "preset") or path.startswith("data.")}


def _follows_variant(name: str, outcomes: Iterable[TrialOutcome]) -> bool:
    read = _reader(name)
    pairs = {(outcome.variant, read(outcome)) for outcome in outcomes}
    return len(pairs) == len({variant for variant, _ in pairs}) and len({value for _, value in pairs}) > 1


def _by_choice(name: str, outcomes: Iterable[TrialOutcome]) -> bool:
    """Whether they differ for another reason than that some ran out of memory and went on with smaller micro-batches of the same batch."""
    read = _reader(name)
    return len({read(outcome) for outcome in outcomes if not (name == "micro_batch" and outcome.out_of_memory)}) > 1


def _reader(name: str) -> Callable[[TrialOutcome], str]:
    return lambda outcome: _text(outcome.comparability[name]) if name in outcome.comparability else NOT_RECORDED


def _text(value: Any) -> str:
    if value is None:
        return NOT_APPLICABLE
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else json.dumps(value, sort_keys=True, default=str)


def _listing(values: Mapping[str, int]) -> str:
    return ", ".join(f"{value} ({number} of {sum(values.values())} trials)" for value, number in sorted(values.items()))
