"""Weights that `sweeper evaluate` measured, beside a sweep's own rows: like published rows under their own protocol, and in no number of
the sweep. Unlike the protocol of a paper theirs is known to the last field, so what differs from the sweep's evaluation is said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.config import TrainConfig
from model.errors import ModelError
from sweeper.errors import RequestError, SweeperError, nearest
from sweeper.metrics import MetricInfo, columns
from sweeper.records import MeasuredWeights, TrialOutcome, Variant
from sweeper.report.protocol_words import badge_of, choice_words, protocol_words
from sweeper.report.published import published_names
from sweeper.report.published_sets import PublishedSet, published_set
from sweeper.spec.load import variant_config
from sweeper.spec.sweep_spec import SweepSpec

CONDITIONS = ("device", "torch", "precision")
"""Of the protocol of weights, as the comparability key of trials calls them."""
_EVALUATED_BY = ("preset", "method", "evaluation", "data")
"""First names of the fields by which variants are evaluated differently."""


@dataclass(frozen=True)
class WeightsBeside:
    """One evaluation of weights of no trial."""

    name: str
    metrics: Mapping[str, float]
    columns: tuple[MetricInfo, ...]
    protocol: Mapping[str, str]
    """Field -> what it is, in words."""
    badge: tuple[str, ...]
    differs: Mapping[str, tuple[str, str]]
    """Field -> (theirs, this sweep's), where the two are not alike."""
    comparable: bool | None
    """Whether they were measured as the sweep's trials are; None where that cannot be found out here."""
    remarks: tuple[str, ...]
    """A sentence each."""


def stand_beside(
    asked: Iterable[str], weights: Iterable[MeasuredWeights], spec: SweepSpec, variants: Sequence[Variant], outcomes: Iterable[TrialOutcome]
) -> tuple[tuple[PublishedSet, ...], tuple[WeightsBeside, ...]]:
    """What a report is asked to show: published sets, and weights measured here. `outcomes`: of trials that finished.

    Raises RequestError for a name that is neither's.
    """
    known = {one.name: one for one in weights}
    names = list(asked)
    for name in names:
        ensure_known(name, known, "report.published")
    sets = tuple(published_set(name) for name in names if name in published_names())
    mine = [known[name] for name in names if name in known and name not in published_names()]
    if not mine:
        return sets, ()
    evaluations, why = _evaluations(spec, variants)
    outcomes = list(outcomes)
    if against := _references_of(outcomes):  # as it was when trials were measured: the file at its path may be another by now
        evaluations = [of | {"reference": against} if of["reference"] != "training images" else of for of in evaluations]
    made_with = {field: sorted({str(o.comparability[field]) for o in outcomes if field in o.comparability}) for field in CONDITIONS}
    return sets, tuple(_readable(one, evaluations, why, made_with) for one in mine)


def _references_of(outcomes: Iterable[TrialOutcome]) -> str:
    """Hashes of the reference files that trials were measured against; empty where it was none."""
    parts = (part for outcome in outcomes for part in str(outcome.comparability.get("evaluator", "")).split("+"))
    return " or ".join(sorted({part.removeprefix("against ") for part in parts if part.startswith("against ")}))


def ensure_known(name: str, measured: Iterable[str], asked_by: str) -> None:
    """Raises RequestError for a name that is neither a published set's nor one of what was `measured` here."""
    if name not in (known := [*published_names(), *measured]):
        raise RequestError(f"{asked_by} {name}: there is no such set{nearest(name, known)}")


def _readable(
    one: MeasuredWeights, evaluations: Sequence[Mapping[str, str]], why: str, made_with: Mapping[str, Sequence[str]]
) -> WeightsBeside:
    try:
        return _beside(one, evaluations, why, made_with)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RequestError(f"the protocol of weights {one.name} is none that this release reads ({error!r}); measure them again") from error


def _beside(
    one: MeasuredWeights, evaluations: Sequence[Mapping[str, str]], why: str, made_with: Mapping[str, Sequence[str]]
) -> WeightsBeside:
    words = protocol_words(one.protocol)
    fields = [field for field in words if any(field in of_trials for of_trials in evaluations)]
    here = {field: " or ".join(dict.fromkeys(of_trials[field] for of_trials in evaluations if field in of_trials)) for field in fields}
    differs = {field: (words[field], said) for field, said in here.items() if words[field] != said}
    conditions = {field: (words[field], " or ".join(of)) for field, of in made_with.items() if of and words[field] not in of}
    listed = "; ".join(f"{field} {said}" for field, said in words.items())
    remarks = [f"Protocol: {listed}.", _verdict(differs, conditions, why, known=bool(evaluations))]
    if (chosen := choice_words(one.details)) is not None:
        remarks.insert(1, f"{chosen[:1].upper()}{chosen[1:]}.")
    badge = badge_of(one.protocol, str(one.details.get("reference", words["reference"])))
    comparable = None if not evaluations else not differs
    return WeightsBeside(one.name, one.metrics, tuple(columns(one.metrics)), words, badge, differs | conditions, comparable, tuple(remarks))


def _verdict(differs: Mapping[str, tuple[str, str]], conditions: Mapping[str, tuple[str, str]], why: str, *, known: bool) -> str:
    apart = "No figure here is subtracted from one of the sweep's, and no claim is on it."
    if not known:
        return f"Whether this sweep's trials are measured so cannot be found out here ({why}). {apart}"
    machines = _listed(conditions)
    if not differs:
        made = f", though computed otherwise: {machines}" if machines else ""
        return f"Measured as this sweep's trials are{made}. {apart}"
    said = _listed({**differs, **conditions})
    return f"Not measured as this sweep's trials are: {said}. {apart}"


def _listed(differs: Mapping[str, tuple[str, str]]) -> str:
    return "; ".join(f"{field} {theirs}, here {ours}" for field, (theirs, ours) in differs.items())


def _evaluations(spec: SweepSpec, variants: Sequence[Variant]) -> tuple[list[dict[str, str]], str]:
    """The protocols that trials are measured by, in words; and why there are none, where the evaluation cannot be read here."""
    found: dict[str, dict[str, str]] = {}
    for variant in variants:
        own = {path: value for path, value in variant.overrides.items() if path.split(".")[0] in _EVALUATED_BY}
        if repr(own) not in found:
            try:
                found[repr(own)] = _words_of_trials(variant_config(spec, variant, spec.seeds[0]))
            except (SweeperError, ModelError) as error:
                return [], str(error)
    return list(found.values()), ""


def _words_of_trials(config: TrainConfig) -> dict[str, str]:
    """Of the fields that the protocol of weights has in common with a trial's evaluation."""
    protocol: dict[str, Any] = {"evaluation": config.evaluation.model_dump(mode="json"), "network": _shape(config)}
    return protocol_words(protocol)


def _shape(config: TrainConfig) -> dict[str, Any]:
    data = config.data.model_dump(mode="json")
    return {name: data[name] for name in ("channels", "resolution", "classes") if name in data}
