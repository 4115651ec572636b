"""Which of the stored analyses a sweep's trials have: of the weights that were measured, asked as each variant asks, by one definition."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sweeper.plan.asked_of_weights import Asked
from sweeper.records import TrialAnalysis
from sweeper.report.sweep_trials import Outcomes

ByTrial = Mapping[tuple[str, int], TrialAnalysis]
"""(variant, seed) -> what an analysis gave of it. Variants that share a trial may have other steps, and be asked other things."""


@dataclass(frozen=True)
class ChosenAnalyses:
    """What counts of all that is known of the trials' weights."""

    by_name: Mapping[str, ByTrial] = field(default_factory=dict)
    newer: Mapping[str, int] = field(default_factory=dict)
    """Analysis -> its version in results by a newer definition than this program's, which do not count."""

    @classmethod
    def of(cls, found: Iterable[TrialAnalysis], outcomes: Outcomes, asked: Asked) -> "ChosenAnalyses":
        """Of several definitions of one analysis the newest that this program knows counts, and of several results the last computed."""
        wanted: dict[tuple[str, int, str], list[tuple[str, int]]] = {}
        for key, outcome in outcomes.items():
            if outcome.has_result and key in asked:
                wanted.setdefault((outcome.fingerprint, outcome.steps, asked[key]), []).append(key)
        mine = [one for one in found if _question(one) in wanted]
        known = {name: _newest_known(name) for name in {one.analysis for one in mine}}
        newest, newer = dict[str, int](), dict[str, int]()
        for one in mine:
            versions = newest if one.version <= known[one.analysis] else newer
            versions[one.analysis] = max(one.version, versions.get(one.analysis, one.version))
        chosen: dict[str, dict[tuple[str, int], TrialAnalysis]] = {}
        for one in sorted(mine, key=lambda one: one.created):
            if one.version == newest.get(one.analysis):
                chosen.setdefault(one.analysis, {}).update(dict.fromkeys(wanted[_question(one)], one))
        return cls(chosen, newer)


def _question(one: TrialAnalysis) -> tuple[str, int, str]:
    return one.fingerprint, one.step, one.asked


def _newest_known(analysis: str) -> float:
    """Version of this program's definition; of an analysis that it does not know, any will do."""
    from model.analyse_trial import ANALYSES  # it loads numpy, which a report without analyses does without

    return ANALYSES[analysis].version if analysis in ANALYSES else math.inf


def evaluators(found: Iterable[TrialAnalysis]) -> list[str]:
    """Names of the classifiers that judged the samples: numbers by several of them do not compare."""
    return _told(found, "evaluator")


def remarks_of(found: Collection[TrialAnalysis]) -> tuple[str, ...]:
    """What keeps the numbers of the trials from being compared to the last digit, or at all."""
    said = []
    if len(judges := evaluators(found)) > 1:
        said.append(
            f"its trials were judged by different classifiers ({', '.join(judges)}), whose numbers do not compare, so contrasts have none"
        )
    machines = [_told(found, name) for name in ("precision", "device")]
    if listed := [" and ".join(each) for each in machines if len(each) > 1]:
        said.append(f"its trials were computed in different ways ({', '.join(listed)}), which agree up to rounding")
    return tuple(said)


def _told(found: Iterable[TrialAnalysis], what: str) -> list[str]:
    """The values of a detail, of trials to which the analysis applies. An archive may say anything: what is no text does not count."""
    told = (one.details.get(what) for one in found if one.not_applicable is None)
    return sorted({value for value in told if isinstance(value, str)})
