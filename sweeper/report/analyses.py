"""What analyses of trained weights say of a sweep's variants: each number of their arrays over the seeds of a variant."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sweeper.analysis_scalar import AnalysisScalar
from sweeper.errors import nearest
from sweeper.metrics import is_of_analysis
from sweeper.records import TrialAnalysis, Variant
from sweeper.report.chosen_analyses import ByTrial, ChosenAnalyses, evaluators, remarks_of
from sweeper.report.sweep_trials import Outcomes
from sweeper.stats.summaries import Summary, summarise

AxisValue = float | str
OF_IMAGES = ("channel", "row", "column")
"""The last axes of an array of images."""
_FIRST = ("attention_mass", "loss_grid", "counterfactual", "probe", "by_level", "overfitting", "memorisation", "views", "alignment")
"""What says most about interaction; any other follows, by name."""


@dataclass(frozen=True)
class ArrayAxis:
    """One axis of an array."""

    name: str
    values: tuple[AxisValue, ...]
    unit: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers, which have an order and distances."""
        return not any(isinstance(value, str) for value in self.values)


@dataclass(frozen=True)
class ArraySummary:
    """One array of an analysis, of every variant that has it over the same axes."""

    analysis: str
    name: str
    label: str
    """In plain words."""
    axes: tuple[ArrayAxis, ...]
    cells: Mapping[str, tuple[Summary, ...]]
    """Variant -> each number of the array over its seeds, row by row."""

    def at(self, variant: str, where: Mapping[str, AxisValue], /) -> Summary | None:
        """The number of a variant at a value of every axis; None where it has no such place."""
        if {axis.name for axis in self.axes} != where.keys() or variant not in self.cells:
            return None
        place = 0
        for axis in self.axes:
            index = _index(axis.values, where[axis.name])
            if index is None:
                return None
            place = place * len(axis.values) + index
        return self.cells[variant][place]


@dataclass(frozen=True)
class TrialPictures:
    """An array of images, such as pairs of samples and training images: of one trial, since a mean of images is none."""

    label: str
    axes: tuple[ArrayAxis, ...]
    """The last three are channel, row and column."""
    variant: str
    seed: int
    values: Sequence[float | None]


@dataclass(frozen=True)
class AnalysisSection:
    """One analysis of the sweep's trials."""

    name: str
    version: int
    """Of its definition."""
    arrays: tuple[ArraySummary, ...]
    trials: int
    """Finished trials that have it, or to which it does not apply."""
    finished: int
    """Finished trials of the sweep."""
    not_applicable: Mapping[str, tuple[str, ...]]
    """Why it does not apply -> the variants to which it does not."""
    pictures: tuple[TrialPictures, ...] = ()
    """Of the first seed of each variant."""
    remarks: tuple[str, ...] = ()
    """Why its trials do not compare, or not to the last digit."""


def analysis_sections(chosen: ChosenAnalyses, outcomes: Outcomes, variants: Sequence[Variant]) -> tuple[AnalysisSection, ...]:
    """What is known of the weights that the outcomes measured, those first that say most about interaction."""
    places = {name: place for place, name in enumerate(_FIRST)}
    names = sorted(chosen.by_name, key=lambda name: (places.get(name, len(places)), name))
    return tuple(_section(name, chosen.by_name[name], outcomes, variants) for name in names)


def with_scalars(outcomes: Outcomes, metrics: Iterable[str], chosen: ChosenAnalyses) -> tuple[Outcomes, list[str]]:
    """The outcomes with those of the `metrics` that are numbers of analyses, and a sentence for each that an analysed trial lacks.

    An analysis whose trials were judged by different classifiers gives none.
    """
    scalars = {name: scalar for name in metrics if is_of_analysis(name) and (scalar := AnalysisScalar.named(name)) is not None}
    if not scalars:
        return outcomes, []
    apart = {name for name, by_trial in chosen.by_name.items() if len(evaluators(by_trial.values())) > 1}
    changed, notes = dict(outcomes), dict[str, None]()
    for key, outcome in outcomes.items():
        values: dict[str, float] = {}
        for name, scalar in scalars.items():
            one = None if scalar.analysis in apart else chosen.by_name.get(scalar.analysis, {}).get(key)
            value = None if one is None or one.not_applicable else _number(one, scalar)
            if isinstance(value, str):
                notes[f"{name}: {value}."] = None
            elif value is not None:
                values[name] = value
        if values:
            changed[key] = replace(outcome, metrics={**outcome.metrics, **values})
    return changed, list(notes)


def _number(one: TrialAnalysis, scalar: AnalysisScalar) -> float | str | None:
    """The number, None where it is none, or what is wrong with the name."""
    plain = next((array for array in one.arrays if array["name"] == scalar.array), None)
    if plain is None:
        return f"{one.analysis} has no array {scalar.array}{nearest(scalar.array, [array['name'] for array in one.arrays])}"
    axes = {axis["name"]: axis["values"] for axis in plain["axes"]}
    if axes.keys() != scalar.where.keys():
        return f"the axes of {one.analysis}.{scalar.array} are {', '.join(axes) or 'none'}, and each is given one value"
    place = 0
    for name, values in axes.items():
        index = _index(values, scalar.where[name])
        if index is None:
            return f"{name} has the values {', '.join(map(str, values))}"
        place = place * len(values) + index
    found: float | None = plain["values"][place]
    return found


def analysis_notes(sections: Sequence[AnalysisSection], chosen: ChosenAnalyses) -> list[str]:
    """One sentence that says what there is, for formats without pictures; then what does not compare, and what is left out."""
    notes: list[str] = []
    if sections:
        named = ", ".join(section.name + _of(section) for section in sections)
        shown = "`--format html` and json show them, and `sweeper.analyses()` has their numbers"
        notes.append(f"Analyses of the trained weights: {named}. {shown}.")
    notes += [f"Analysis {section.name}: {remark}." for section in sections for remark in section.remarks]
    if chosen.newer:
        newer = ", ".join(f"{name} (version {version})" for name, version in sorted(chosen.newer.items()))
        notes.append(f"Analyses by newer definitions than those of this sweeper are left out: {newer}. Upgrade sweeper to see them.")
    return notes


def _of(section: AnalysisSection) -> str:
    return "" if section.trials == section.finished else f" ({section.trials} of {section.finished} trials)"


def _section(name: str, by_trial: ByTrial, outcomes: Outcomes, variants: Sequence[Variant]) -> AnalysisSection:
    trials = [key for key, outcome in outcomes.items() if outcome.has_result]
    mine = [(*key, by_trial[key]) for key in trials if key in by_trial]
    gathered: dict[tuple[str, tuple[ArrayAxis, ...]], dict[str, dict[int, Sequence[float | None]]]] = {}
    labels: dict[str, str] = {}
    pictures: dict[tuple[str, str], TrialPictures] = {}
    why: dict[str, dict[str, None]] = {}
    for variant, seed, one in mine:
        if one.not_applicable is not None:
            why.setdefault(one.not_applicable, {})[variant] = None
        for plain in one.arrays:
            labels.setdefault(plain["name"], plain["label"])
            axes = tuple(ArrayAxis(axis["name"], tuple(axis["values"]), axis.get("unit", "")) for axis in plain["axes"])
            if tuple(axis.name for axis in axes[-3:]) == OF_IMAGES:
                pictures.setdefault((plain["name"], variant), TrialPictures(plain["label"], axes, variant, seed, plain["values"]))
                continue
            gathered.setdefault((plain["name"], axes), {}).setdefault(variant, {})[seed] = plain["values"]
    arrays = []
    for (array, axes), by_variant in gathered.items():
        cells = {variant.name: _cells(by_variant[variant.name], axes) for variant in variants if variant.name in by_variant}
        arrays.append(ArraySummary(name, array, labels[array], axes, cells))
    return AnalysisSection(
        name=name,
        version=max(one.version for one in by_trial.values()),
        arrays=tuple(arrays),
        trials=len(mine),
        finished=len(trials),
        not_applicable={reason: tuple(names) for reason, names in why.items()},
        pictures=tuple(pictures.values()),
        remarks=remarks_of([one for _, _, one in mine]),
    )


def _cells(by_seed: Mapping[int, Sequence[float | None]], axes: Sequence[ArrayAxis]) -> tuple[Summary, ...]:
    places = range(math.prod(len(axis.values) for axis in axes))
    return tuple(summarise({seed: v for seed, values in by_seed.items() if (v := values[place]) is not None}) for place in places)


def _index(values: Sequence[AxisValue], wanted: AxisValue) -> int | None:
    """Where a value stands on an axis; None where it does not."""
    return next((index for index, value in enumerate(values) if _same(value, wanted)), None)


def _same(one: AxisValue, other: AxisValue) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(one, other)
