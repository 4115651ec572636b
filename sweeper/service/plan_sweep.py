"""From a sweep file to decisions: loaded, checked against its data and this machine, reconciled with the store."""

import os
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.config import TrainConfig, modules_also_in
from model.errors import ConfigError
from model.train_trial import DataFacts
from sweeper.errors import SpecError
from sweeper.execution.cluster import Cluster, ask_cluster
from sweeper.plan.cost import DiskNeed, disk_need, kept_bytes, largest_bytes
from sweeper.plan.expand import data_facts, expand
from sweeper.plan.machine import Allotment, Machine, allot, cluster_address, expected_key
from sweeper.plan.reconcile import GoesOnFrom, Plan, from_nothing, reconcile
from sweeper.plan.timing import NEWEST, Looking, Pace, SweepTime, counted_pace, looking_of, measured_pace, shape_of, sweep_time, untried_of
from sweeper.records import KnownTrial, PlannedTrial, TrialTiming
from sweeper.report.published import published_names
from sweeper.report.weights_beside import ensure_known
from sweeper.service.search_plan import Placed, SearchPlan, placed_trials, search_plan, with_placed
from sweeper.spec.load import LoadedSweep, load_sweep
from sweeper.spec.search_design import SearchDesign

LookUp = Callable[[Collection[str]], Mapping[str, KnownTrial]]
"""What the store knows of the trials with these fingerprints; nothing where there is no store yet."""
LookUpPlaced = Callable[[str, str, str], Sequence[Placed]]
"""The trials that a version (name, profile, hash) of a search has so far."""
LookUpMeasured = Callable[[], Collection[str]]
"""Names of the weights that `sweeper evaluate` measured here."""
LookUpTimings = Callable[[int], Sequence[TrialTiming]]
"""How long the newest so many finished attempts of the store took."""


@dataclass(frozen=True)
class SweepRequest:
    """What the command line asked for."""

    spec: Path
    profile: str | None = None
    overrides: tuple[str, ...] = ()
    allow_mixed: tuple[str, ...] = ()
    fresh: bool = False
    max_concurrent: int | None = None
    retry_failed: bool = False
    """Try failed trials again whatever their failure was."""
    pilot: bool = False
    """Of the sweep, its pilot (`sweeper.spec.pilot`)."""

    @property
    def command(self) -> str:
        """The command line that goes on with this sweep; what it did once (`--fresh`, `--retry-failed`) is not part of that."""
        words = ["sweeper", "run", str(self.spec)]
        for option, values in (
            ("--profile", [self.profile] if self.profile else []),
            ("--set", self.overrides),
            ("--max-concurrent", [str(self.max_concurrent)] if self.max_concurrent else []),
            ("--allow-mixed", self.allow_mixed),
        ):
            words += [word for value in values for word in (option, value)]
        words += ["--pilot"] if self.pilot else []
        return shlex.join(words)


@dataclass(frozen=True)
class PlannedSweep:
    """A sweep, its trials and what will happen to each."""

    sweep: LoadedSweep
    facts: Mapping[str, DataFacts]
    """By variant."""
    allotment: Allotment
    trials: tuple[PlannedTrial, ...]
    plan: Plan
    disk: DiskNeed
    """Of the trials that will run."""
    time: SweepTime
    """What those trials take."""
    untried: Mapping[str, PlannedTrial]
    """By variant: one trial of each shape that runs and that the store has not trained, or measured by the user's own metrics, lately."""
    search: SearchPlan | None
    """What is still to come of a search."""
    looking: Mapping[str, Looking]
    """By variant, of those that run: decoding samples, and looking at them."""
    user_code: tuple[Path, ...]
    """Folders in which classes that the sweep names were looked for."""
    allow_mixed: tuple[str, ...] = ()
    """Fields of their conditions in which results may differ, as asked."""
    cluster: Cluster | None = None
    """The Ray cluster of RAY_ADDRESS, where it was asked for its GPUs."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know of the data, each once."""
        return tuple(dict.fromkeys(remark for facts in self.facts.values() for remark in facts.remarks))

    def paced(self, seconds_per_step: Mapping[str, float]) -> "PlannedSweep":
        """With steps that a preflight measured on this CPU, by variant of `untried`; they hold for every variant of the same shape."""
        if self.allotment.gpus:
            return self
        by_shape = {shape_of(self.untried[name].config): seconds for name, seconds in seconds_per_step.items()}
        paces = dict(self.time.paces)
        for decision in self.plan.to_run():
            trial = decision.trial
            if paces[trial.variant].source == "estimated" and (seconds := by_shape.get(shape_of(trial.config))) is not None:
                config = TrainConfig.model_validate(trial.config)
                paces[trial.variant] = counted_pace(
                    config, self.facts[trial.variant], self.allotment, seconds, self.looking.get(trial.variant)
                )
        return replace(self, time=sweep_time(paces, self.plan.to_run(), self.allotment))


def plan_sweep(
    request: SweepRequest,
    look_up: LookUp,
    timings: LookUpTimings = lambda newest: (),
    goes_on_from: GoesOnFrom = from_nothing,
    *,
    placed: LookUpPlaced = lambda name, profile, version: (),
    measured: LookUpMeasured = lambda: (),
    machine: Machine | None = None,
    refuse_missing: bool = True,
    cache: Path | None = None,
) -> PlannedSweep:
    """Raises SpecError, and RequestError where a Ray cluster is asked for its GPUs and does not answer.

    `look_up`, `timings`, `placed` and `measured` ask the store, `goes_on_from` looks at the files of trials; all but `measured`, which is
    asked for names that the file mentions, only once the request is known to mean something.

    `refuse_missing`: resources that are not here are an error. A class of the user's is looked for on PYTHONPATH, then beside the sweep
    file, then in the current folder. `cache`: folder in which decoded pictures are kept.
    """
    user_code = user_code_beside(request.spec.parent)
    with modules_also_in(user_code):
        return _plan(request, look_up, timings, goes_on_from, placed, measured, machine, refuse_missing, user_code, cache)


def user_code_beside(folder: Path) -> tuple[Path, ...]:
    """Where classes of the user's are looked for, in order: PYTHONPATH, the `folder` of the sweep file, the current one."""
    named = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return tuple(path.absolute() for path in (*map(Path, named), folder, Path.cwd()))


def _plan(
    request: SweepRequest,
    look_up: LookUp,
    timings: LookUpTimings,
    goes_on_from: GoesOnFrom,
    placed: LookUpPlaced,
    measured: LookUpMeasured,
    machine: Machine | None,
    refuse_missing: bool,
    user_code: tuple[Path, ...],
    cache: Path | None,
) -> PlannedSweep:
    sweep = load_sweep(request.spec, profile=request.profile, overrides=request.overrides, pilot=request.pilot)
    _ensure_shown_beside(sweep, measured)
    here = machine or Machine.here()
    cluster = _cluster(sweep) if here.cluster and machine is None else None
    if cluster is not None:
        here = replace(here, gpus=cluster.gpus)
    if not refuse_missing:
        here = Machine(here.cores, here.gpus, cluster=True) if _exceeds(sweep, here) else here
    allotment = allot(sweep.spec.resources, here, request.max_concurrent, mixed_devices="device" in request.allow_mixed)
    design = sweep.spec.design
    rows = placed(sweep.spec.name, sweep.profile, sweep.version) if isinstance(design, SearchDesign) else ()
    sweep = with_placed(sweep, rows)
    facts = data_facts(sweep, cache)
    trials = placed_trials(sweep, facts, rows, gpu=allotment.gpus > 0) if rows else expand(sweep, facts, gpu=allotment.gpus > 0)
    known = look_up([trial.fingerprint for trial in trials])
    keys = _expected_keys(sweep, allotment)
    expected: dict[str, Mapping[str, Any]] = {trial.fingerprint: keys[trial.variant] for trial in trials}
    plan = reconcile(
        trials,
        known,
        expected,
        allow_mixed=request.allow_mixed,
        fresh=request.fresh,
        retry_failed=request.retry_failed,
        goes_on_from=goes_on_from,
    )
    configs = {variant.name: config for variant, config in sweep.configs}
    to_run = plan.to_run()
    running: dict[str, PlannedTrial] = {}
    for decision in to_run:
        running.setdefault(decision.trial.variant, decision.trial)
    keep = sweep.spec.keep
    sizes = {name: (kept_bytes(configs[name], facts[name], keep), largest_bytes(configs[name], facts[name])) for name in running}
    once = {decision.trial.fingerprint: sizes[decision.trial.variant] for decision in to_run}
    by_shape: dict[str, list[TrialTiming]] = {}
    for timing in timings(NEWEST) if running or isinstance(design, SearchDesign) else ():
        by_shape.setdefault(shape_of(timing.config), []).append(timing)
    shapes = {name: shape_of(trial.config) for name, trial in running.items()}
    paces: dict[str, Pace] = {}
    looking: dict[str, Looking] = {}
    for name, trial in running.items():
        looking[name] = looking_of(configs[name], facts[name], keys[name], allotment.processes, by_shape)
        found = measured_pace(shapes[name], trial.evaluation_fingerprint, keys[name], by_shape, looking[name])
        paces[name] = found or counted_pace(configs[name], facts[name], allotment, None, looking[name])
    untried = untried_of(running, by_shape)
    search, to_come = None, []
    if isinstance(design, SearchDesign):
        baseline, config = sweep.configs[0]
        look = looking_of(config, facts[baseline.name], keys[baseline.name], allotment.processes, by_shape)
        pace = measured_pace(shape_of(config.model_dump(mode="json")), "", keys[baseline.name], by_shape, look)
        search = search_plan(sweep, plan, pace or counted_pace(config, facts[baseline.name], allotment, None, look), known)
        of_baseline = (kept_bytes(config, facts[baseline.name], keep), largest_bytes(config, facts[baseline.name]))
        to_come = [of_baseline] * (search.left - len(once))
    disk = disk_need([*once.values(), *to_come], allotment.concurrent)
    time = sweep_time(paces, to_run, allotment)
    return PlannedSweep(
        sweep, facts, allotment, trials, plan, disk, time, untried, search, looking, user_code, request.allow_mixed, cluster
    )


def _cluster(sweep: LoadedSweep) -> Cluster | None:
    """The cluster of RAY_ADDRESS, where it decides whether trials run on GPUs."""
    address = cluster_address()
    if address is None or sweep.spec.resources.gpus != "auto":
        return None
    cluster = ask_cluster(address)
    if cluster.groups and not cluster.gpus:
        raise SpecError(
            f"{sweep.place}: resources.gpus: auto: no node of the cluster has a GPU at this moment, and one may come, since the cluster"
            " may grow by itself; set resources.gpus: 1, or 0 to train on CPUs"
        )
    return cluster


def passes_by_variant(planned: PlannedSweep) -> dict[str, float]:
    """How often a trial of each variant sees a training image."""
    configs = {variant.name: config for variant, config in planned.sweep.configs}
    return {name: config.passes(config.steps, planned.facts[name].train) for name, config in configs.items()}


def _ensure_shown_beside(sweep: LoadedSweep, measured: LookUpMeasured) -> None:
    """Their names are known to the report alone, and a run does not end by finding out."""
    names = sweep.spec.report.published if sweep.spec.report is not None else ()
    known = () if set(names) <= set(published_names()) else measured()
    for name in names:
        ensure_known(name, known, f"{sweep.place}: report.published")


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
