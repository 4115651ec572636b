"""From a sweep file to decisions: loaded, checked against its data and this machine, reconciled with the store."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.config import modules_also_in
from model.errors import ConfigError
from model.train_trial import DataFacts
from sweeper.errors import SpecError
from sweeper.plan.cost import disk_bytes
from sweeper.plan.expand import data_facts, expand
from sweeper.plan.machine import Allotment, Machine, allot, expected_key
from sweeper.plan.reconcile import Plan, reconcile
from sweeper.records import KnownTrial, PlannedTrial
from sweeper.spec.load import LoadedSweep, load_sweep

LookUp = Callable[[Collection[str]], Mapping[str, KnownTrial]]
"""What the store knows of the trials with these fingerprints; nothing where there is no store yet."""


@dataclass(frozen=True)
class SweepRequest:
    """What the command line asked for."""

    spec: Path
    profile: str | None = None
    overrides: tuple[str, ...] = ()
    allow_mixed: tuple[str, ...] = ()
    fresh: bool = False
    max_concurrent: int | None = None


@dataclass(frozen=True)
class PlannedSweep:
    """A sweep, its trials and what will happen to each."""

    sweep: LoadedSweep
    facts: Mapping[str, DataFacts]
    """By variant."""
    allotment: Allotment
    trials: tuple[PlannedTrial, ...]
    plan: Plan
    disk_bytes: int
    """Largest size of the folders of the trials that will run."""
    user_code: tuple[Path, ...]
    """Folders in which classes that the sweep names were looked for."""


def plan_sweep(request: SweepRequest, look_up: LookUp, *, machine: Machine | None = None, refuse_missing: bool = True) -> PlannedSweep:
    """Raises SpecError. `look_up` asks the store, and only once the request is known to mean something.

    `refuse_missing`: resources that are not here are an error. A class of the user's is looked for on PYTHONPATH, then beside the sweep
    file, then in the current folder.
    """
    named = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    user_code = tuple(folder.absolute() for folder in (*map(Path, named), request.spec.parent, Path.cwd()))
    with modules_also_in(user_code):
        return _plan(request, look_up, machine, refuse_missing, user_code)


def _plan(
    request: SweepRequest, look_up: LookUp, machine: Machine | None, refuse_missing: bool, user_code: tuple[Path, ...]
) -> PlannedSweep:
    sweep = load_sweep(request.spec, profile=request.profile, overrides=request.overrides)
    here = machine or Machine.here()
    if not refuse_missing:
        here = Machine(here.cores, here.gpus, cluster=True) if _exceeds(sweep, here) else here
    allotment = allot(sweep.spec.resources, here, request.max_concurrent)
    facts = data_facts(sweep)
    trials = expand(sweep, facts, gpu=allotment.gpus > 0)
    known = look_up([trial.fingerprint for trial in trials])
    keys = _expected_keys(sweep, allotment)
    expected: dict[str, Mapping[str, Any]] = {trial.fingerprint: keys[trial.variant] for trial in trials}
    plan = reconcile(trials, known, expected, allow_mixed=request.allow_mixed, fresh=request.fresh)
    configs = {variant.name: config for variant, config in sweep.configs}
    disk = sum(disk_bytes(configs[d.trial.variant], facts[d.trial.variant]) for d in plan.to_run())
    return PlannedSweep(sweep, facts, allotment, trials, plan, disk, user_code)


def _expected_keys(sweep: LoadedSweep, allotment: Allotment) -> dict[str, Mapping[str, Any]]:
    """By variant."""
    keys = {}
    for variant, config in sweep.configs:
        try:
            keys[variant.name] = expected_key(config, allotment)
        except ConfigError as error:
            raise SpecError(f"{sweep.place}: variant {variant.name}: {error}") from error
    return keys


def _exceeds(sweep: LoadedSweep, machine: Machine) -> bool:
    wanted = sweep.spec.resources
    return wanted.cpus > machine.cores or (wanted.gpus != "auto" and wanted.gpus > len(machine.gpus))
