"""The claims of a planned sweep, with the spread over seeds that the store knows of."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from model.config import stream_identities
from sweeper.metrics import FINISHING
from sweeper.plan.power_analysis import PowerAnalysis, Prior, finishing_power_analysis, power_analysis, prior_of, stated_prior
from sweeper.records import SweepSnapshot
from sweeper.service.contrast_warnings import apart, compare
from sweeper.service.open_store import existing_store
from sweeper.service.plan_sweep import PlannedSweep
from sweeper.settings import Settings
from sweeper.spec.designs import cells_of, contrast_weights
from sweeper.spec.pilot import pilot_name
from sweeper.spec.sweep_spec import Contrast
from sweeper.stats.pairing import PAIRING
from sweeper.store.results_reader import ResultsReader

OTHER_SWEEPS = 5
"""Stored sweeps of the same kind that are looked at, the newest first."""


@dataclass(frozen=True)
class ClaimsPlan:
    """What the sweep's claims need."""

    priors: Mapping[str, Prior]
    """By metric that some claim is on; none for claims on the share of trials that finish."""
    analyses: tuple[PowerAnalysis, ...]


def plan_claims(planned: PlannedSweep, settings: Settings) -> ClaimsPlan | None:
    """None for a sweep that claims nothing that seeds could decide; the store is then not asked."""
    spec = planned.sweep.spec
    variants = [variant for variant, _ in planned.sweep.configs]
    claims = [claim for claim in spec.claims if apart(planned, claim) is None]
    if not claims:
        return None
    asked = dict.fromkeys(spec.metric_of(claim) for claim in claims)
    priors = {metric: _prior(planned, settings, metric) for metric in asked if metric != FINISHING.name}
    analyses = []
    for claim in claims:
        metric = spec.metric_of(claim)
        weights = contrast_weights(claim, variants)
        if metric == FINISHING.name:
            analyses.append(finishing_power_analysis(claim, weights, seeds=len(spec.seeds), claims=len(spec.claims)))
            continue
        paired = spec.analysis == "paired" or (spec.analysis is None and _paired(planned, cells_of(claim, variants)))
        seeds, number, prior = len(spec.seeds), len(spec.claims), priors[metric]
        blocks = _blocks(planned, claim) if spec.analysis == "block" else None
        analyses.append(power_analysis(claim, metric, weights, seeds=seeds, claims=number, paired=paired, prior=prior, blocks=blocks))
    return ClaimsPlan(priors, tuple(analyses))


def _blocks(planned: PlannedSweep, claim: Contrast) -> int:
    """Variants that will compare with those of the claim."""
    cells = cells_of(claim, [variant for variant, _ in planned.sweep.configs])
    return sum(compare(planned, {*cells, variant.name}, planned.sweep.spec.metric_of(claim)) for variant, _ in planned.sweep.configs)


def _paired(planned: PlannedSweep, names: Collection[str]) -> bool:
    streams = [stream_identities(config) for variant, config in planned.sweep.configs if variant.name in names]
    return all(one[stream] == streams[0][stream] for one in streams for stream in PAIRING)


def _prior(planned: PlannedSweep, settings: Settings, metric: str) -> Prior:
    """From this sweep's finished trials, else from its pilot's, else from stored sweeps of the same kind, else as stated."""
    spec = planned.sweep.spec
    store = existing_store(settings)
    if store is not None:
        with store:
            found = _measured(planned, store, metric)
        if found is not None:
            return found
    return stated_prior(metric, spec.metric.planned_spread if metric == spec.metric.primary else None)


def _measured(planned: PlannedSweep, store: ResultsReader, metric: str) -> Prior | None:
    name, profile = planned.sweep.spec.name, planned.sweep.profile
    known = store.sweeps()
    if any((one.name, one.profile) == (name, profile) for one in known):
        mine = prior_of(_values(planned, store.snapshot(name, profile), metric), "measured on this sweep's finished trials")
        if mine is not None:
            return mine
    pilot = (pilot_name(name), profile)
    if any((one.name, one.profile) == pilot for one in known) and _same_kind(planned, snapshot := store.snapshot(*pilot)):
        found = prior_of(_values(planned, snapshot, metric), "measured on this sweep's pilot")
        if found is not None:
            return found
    others: dict[str, dict[int, float]] = {}
    used: list[str] = []
    for one in [one for one in known if (one.name, one.profile) != (name, profile)][:OTHER_SWEEPS]:
        snapshot = store.snapshot(one.name, one.profile)
        if _same_kind(planned, snapshot):
            read = _values(planned, snapshot, metric)
            others |= {f"{one.name}/{one.profile}: {variant}": values for variant, values in read.items()}
            used += [one.name] if read else []
    return prior_of(others, f"measured on {', '.join(dict.fromkeys(used))}, sweeps of the same metric, backbone, data and steps")


def _same_kind(planned: PlannedSweep, snapshot: SweepSnapshot) -> bool:
    def kind(base: Mapping[str, Any]) -> tuple[object, object, object]:
        data = base.get("data")
        data = data if isinstance(data, dict) else {}
        return base.get("preset"), data.get("kind", "digits"), data.get("train_images")

    return kind(snapshot.spec.get("base", {})) == kind(planned.sweep.spec.base)


def _values(planned: PlannedSweep, snapshot: SweepSnapshot, metric: str) -> dict[str, dict[int, float]]:
    """Of a metric, where it was measured after as many steps as are planned."""
    steps = {trial.steps for trial in planned.trials}
    found: dict[str, dict[int, float]] = {}
    for outcome in snapshot.outcomes:
        if outcome.has_result and outcome.steps in steps and metric in outcome.metrics:
            found.setdefault(outcome.variant, {})[outcome.seed] = outcome.metrics[metric]
    return found
