"""The claims of a planned sweep, with the spread over seeds that the store knows of."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from model.config import stream_identities
from sweeper.plan.promises import Prior, Promise, prior_of, promise, stated_prior
from sweeper.plan.streams import PAIRING
from sweeper.records import SweepSnapshot
from sweeper.service.opening import existing_store
from sweeper.service.plan_sweep import PlannedSweep
from sweeper.settings import Settings
from sweeper.spec.designs import contrast_weights
from sweeper.store.results_store import ResultsStore

OTHER_SWEEPS = 5
"""Stored sweeps of the same kind that are looked at, the newest first."""


@dataclass(frozen=True)
class ClaimsPlan:
    """What the sweep's claims need."""

    prior: Prior
    promises: tuple[Promise, ...]


def plan_claims(planned: PlannedSweep, settings: Settings) -> ClaimsPlan | None:
    """None for a sweep that claims nothing; the store is then not asked."""
    spec = planned.sweep.spec
    if not spec.claims:
        return None
    prior = _prior(planned, settings)
    variants = [variant for variant, _ in planned.sweep.configs]
    promises = []
    for claim in spec.claims:
        weights = contrast_weights(claim, variants)
        paired = _paired(planned, {*weights, *([claim.relative_to] if claim.relative_to else [])})
        promises.append(promise(claim, weights, seeds=len(spec.seeds), claims=len(spec.claims), paired=paired, prior=prior))
    return ClaimsPlan(prior, tuple(promises))


def _paired(planned: PlannedSweep, names: Collection[str]) -> bool:
    streams = [stream_identities(config) for variant, config in planned.sweep.configs if variant.name in names]
    return all(one[stream] == streams[0][stream] for one in streams for stream in PAIRING)


def _prior(planned: PlannedSweep, settings: Settings) -> Prior:
    """From this sweep's finished trials, else from stored sweeps of the same kind, else as stated."""
    spec = planned.sweep.spec
    store = existing_store(settings)
    if store is not None:
        with store:
            found = _measured(planned, store)
        if found is not None:
            return found
    return stated_prior(spec.metric.assumed_spread)


def _measured(planned: PlannedSweep, store: ResultsStore) -> Prior | None:
    name, profile = planned.sweep.spec.name, planned.sweep.profile
    known = store.sweeps()
    if any((one.name, one.profile) == (name, profile) for one in known):
        mine = prior_of(_values(planned, store.snapshot(name, profile)), "measured on this sweep's finished trials")
        if mine is not None:
            return mine
    others: dict[str, dict[int, float]] = {}
    used: list[str] = []
    for one in [one for one in known if (one.name, one.profile) != (name, profile)][:OTHER_SWEEPS]:
        snapshot = store.snapshot(one.name, one.profile)
        if _same_kind(planned, snapshot):
            found = _values(planned, snapshot)
            others |= {f"{one.name}/{one.profile}: {variant}": values for variant, values in found.items()}
            used += [one.name] if found else []
    return prior_of(others, f"measured on {', '.join(dict.fromkeys(used))}, sweeps of the same metric, backbone, data and steps")


def _same_kind(planned: PlannedSweep, snapshot: SweepSnapshot) -> bool:
    def kind(base: Mapping[str, Any]) -> tuple[object, object]:
        data = base.get("data")
        return base.get("preset"), data.get("kind", "digits") if isinstance(data, dict) else "digits"

    same_metric = snapshot.spec.get("metric", {}).get("primary") == planned.sweep.spec.metric.primary
    return same_metric and kind(snapshot.spec.get("base", {})) == kind(planned.sweep.spec.base)


def _values(planned: PlannedSweep, snapshot: SweepSnapshot) -> dict[str, dict[int, float]]:
    """Of the primary metric, where it was measured after as many steps as are planned."""
    primary, steps = planned.sweep.spec.metric.primary, {trial.steps for trial in planned.trials}
    found: dict[str, dict[int, float]] = {}
    for outcome in snapshot.outcomes:
        if outcome.state == "finished" and outcome.steps in steps and primary in outcome.metrics:
            found.setdefault(outcome.variant, {})[outcome.seed] = outcome.metrics[primary]
    return found
