"""Run a sweep: plan, refuse or start, drive, and say how it ended."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from model.config import outside_files
from sweeper.driver.board import Board
from sweeper.driver.budget import NO_LIMITS, Budget, Limits
from sweeper.driver.captured_failure import as_sweeper_error
from sweeper.driver.driver import Driver
from sweeper.driver.progress import Progress
from sweeper.driver.retry_policy import RetryPolicy
from sweeper.errors import RequestError
from sweeper.execution.cluster import ask_cluster
from sweeper.execution.cluster_room import Wanted, ensure_room
from sweeper.liveness import this_process
from sweeper.plan.machine import Machine, cluster_address
from sweeper.plan.reconcile import ensure_comparable
from sweeper.records import SweepSnapshot, TrialAnalysis, TrialCurves
from sweeper.secret_variables import DOWNLOADS
from sweeper.service.analyses_of_run import analyse_after
from sweeper.service.backups import DailyBackups
from sweeper.service.contrast_warnings import not_comparable
from sweeper.service.disk_space import disk_space
from sweeper.service.kept_files import kept_in
from sweeper.service.measured_weights import measured_names_in, take_in_folders
from sweeper.service.open_store import cache_in, look_up_in, placed_in, store_to_write, store_with_results, timings_in
from sweeper.service.plan_sweep import PlannedSweep, SweepRequest, plan_sweep
from sweeper.service.preflight import ensure_all_trainable, preflight
from sweeper.service.prune import finish_interrupted
from sweeper.service.report_sweep import random_beside
from sweeper.service.search_run import open_search
from sweeper.service.sweep_records import write_sweep_record
from sweeper.service.tracker_process import TrackerProcesses
from sweeper.service.trackers import ensure_trackers, register_trackers, waiting
from sweeper.settings import Settings
from sweeper.states import TRIAL_STATES
from sweeper.store.results_store import ResultsStore

ALL_FINISHED, SOME_FAILED, INTERRUPTED = 0, 3, 130


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended."""

    snapshot: SweepSnapshot
    curves: Mapping[str, TrialCurves]
    """Evaluations at every step, for tables that show them."""
    exit_code: int
    trained: int
    """Attempts that finished in this run."""
    reused: int
    behind: Mapping[str, int]
    """By the names of trackers: events that they have yet to receive; without those that have all."""
    left_out: int = 0
    """Trials that were not started, or stopped, for lack of time."""
    why_left_out: str | None = None
    random: SweepSnapshot | None = None
    """Of a search, a random search of its space that was run too."""
    analyses: Sequence[TrialAnalysis] = ()
    """Of the trials' weights, in this run or before."""


Show = Callable[[Progress], contextlib.AbstractContextManager[Any]]
"""Opens whatever shows a progress while the sweep runs."""


def run_sweep(request: SweepRequest, settings: Settings, say: Callable[[str], None], show: Show, limits: Limits = NO_LIMITS) -> RunOutcome:
    """Trains what is missing, then analyses the weights where `evaluation.analyses` asks for it.

    Raises RequestError before anything was started; StoreLost and SweepPaused under way.
    """
    planned, outcome = _run_trials(request, settings, say, show, limits)
    asked = tuple(dict.fromkeys(name for _, config in planned.sweep.configs for name in config.evaluation.analyses))
    if asked and outcome.exit_code != INTERRUPTED and any(one.has_result for one in outcome.snapshot.outcomes):
        analyse_after(planned, asked, settings, say)
    return replace(outcome, analyses=RetryPolicy(settings.store_patience, say)(lambda: _analyses(outcome.snapshot, settings)))


def _analyses(snapshot: SweepSnapshot, settings: Settings) -> list[TrialAnalysis]:
    with store_with_results(settings) as store:
        return store.analyses({outcome.fingerprint for outcome in snapshot.outcomes if outcome.has_result})


def _run_trials(
    request: SweepRequest, settings: Settings, say: Callable[[str], None], show: Show, limits: Limits
) -> tuple[PlannedSweep, RunOutcome]:
    retrying = RetryPolicy(settings.store_patience, say)
    planned = plan_sweep(
        request,
        retrying.wrap(look_up_in(settings)),
        retrying.wrap(timings_in(settings)),
        kept_in(settings),
        placed=retrying.wrap(placed_in(settings)),
        measured=retrying.wrap(measured_names_in(settings)),
        cache=cache_in(settings),
    )
    _refuse(planned, limits)
    ensure_trackers(settings, planned.user_code)
    if apart := not_comparable(planned):
        say(apart)
    for remark in planned.remarks:
        say(f"data: {remark}")
    if planned.allotment.gpus:  # on CPUs the first trial of a shape finds the same fault as soon, and stops no other
        preflight(planned)
    sweep = planned.sweep
    with contextlib.ExitStack() as resources:
        if planned.plan.to_run() or planned.search is not None:  # before anything is recorded, since it may not start
            resources.enter_context(_ray(planned, settings, say))
            if cluster_address() is not None:
                _check_nodes(planned, settings, say)
        store = resources.enter_context(retrying(lambda: store_to_write(settings)))
        resources.enter_context(DailyBackups(settings, say))
        retrying.wrap(finish_interrupted)(store, settings, [])
        retrying.wrap(take_in_folders)(store, settings)
        retrying.wrap(register_trackers)(store, settings, say)
        spec = sweep.spec.model_dump(mode="json")
        retrying.wrap(store.record_sweep)(
            name=sweep.spec.name,
            profile=sweep.profile,
            version=sweep.version,
            spec=spec,
            trials=planned.trials,
            command=request.command,
            grows=planned.search is not None,
        )
        retrying.wrap(write_sweep_record)(store, settings, sweep.spec.name, sweep.profile, sweep.version)
        to_run, counts = planned.plan.to_run(), planned.plan.count()
        device = planned.allotment.device or "the Ray cluster's devices"
        progress = Progress(len(planned.trials) - counts["fold"], counts["reuse"], len(to_run), sweep.spec.primary, device, say)
        progress.remaining_steps = sum(d.trial.steps for d in to_run)
        if planned.search is not None:
            progress.total, progress.to_run = planned.search.total, planned.search.left
            progress.remaining_steps = planned.search.left * sweep.configs[0][1].steps
        source = None
        if planned.search is not None:
            source = resources.enter_context(open_search(planned, request, store, settings, progress))
        progress.board = Board.of(retrying.wrap(store.snapshot)(sweep.spec.name, sweep.profile), sweep.spec.primary)
        budget = _budget(limits, planned)
        driver = Driver(store, settings, this_process(), to_run, planned.allotment, budget, planned.user_code, progress, source)
        if warning := disk_space(planned, settings).warning():
            say(warning)
        if to_run or source is not None:
            _run(driver, planned, settings, store, show)
        elif retrying.wrap(waiting)(store, settings):
            with _trackers(planned, settings):
                pass
        if planned.search is not None:  # trials were added
            driver.retrying.wrap(write_sweep_record)(store, settings, sweep.spec.name, sweep.profile, sweep.version)
        if driver.failure is not None:
            raise as_sweeper_error(driver.failure) from driver.failure
        if driver.paused is not None:
            raise driver.paused
        snapshot = driver.retrying.wrap(store.snapshot)(sweep.spec.name, sweep.profile)
        left_out = sum(outcome.state == "pending" for outcome in snapshot.outcomes) if budget.reason else 0
        code = _exit_code(snapshot, driver, search=planned.search is not None)
        curves, behind = driver.retrying.wrap(store.curves)(snapshot), driver.retrying.wrap(waiting)(store, settings)
        random = driver.retrying.wrap(random_beside)(store, snapshot)
        return planned, RunOutcome(snapshot, curves, code, progress.finished, counts["reuse"], behind, left_out, budget.reason, random)


def _trackers(planned: PlannedSweep, settings: Settings) -> TrackerProcesses:
    return TrackerProcesses(settings, settings.tracker_names, planned.user_code)


def _budget(limits: Limits, planned: PlannedSweep) -> Budget:
    """What was measured counts; a trial is not refused for a guess at its length."""
    paces = {variant: pace for variant, pace in planned.time.paces.items() if pace.source != "estimated"}
    return Budget(limits, gpus=planned.allotment.gpus, concurrent=planned.allotment.concurrent, paces=paces)


def _ray(planned: PlannedSweep, settings: Settings, say: Callable[[str], None]) -> contextlib.AbstractContextManager[None]:
    """The Ray that the trials run in; raises RequestError where it is a cluster that holds none of them."""
    from sweeper.execution.ray_session import ray_session

    machine, allotment, address = Machine.here(), planned.allotment, cluster_address()
    if address is not None:
        each = 1 / allotment.processes
        wanted = Wanted(allotment.cpus * each, allotment.gpus * each, allotment.processes)
        ensure_room(planned.cluster or ask_cluster(address), wanted, say)
    cores = max(machine.cores, round(allotment.cpus * allotment.concurrent))
    return ray_session(cores=cores, gpus=len(machine.gpus), address=address, say=say, log=settings.ray_log, needed=_needed(planned))


def _check_nodes(planned: PlannedSweep, settings: Settings, say: Callable[[str], None]) -> None:
    """Raises RequestError where a node of the cluster that was joined cannot hold trials."""
    from sweeper.execution.node_checks import Needs, ensure_nodes_fit

    configs = {variant.name: config for variant, config in planned.sweep.configs}
    data = {facts.content_hash: configs[name].data.model_dump_json(exclude={"train_images"}) for name, facts in planned.facts.items()}
    files = {(place, path): content for config in configs.values() for place, (path, content) in outside_files(config).items()}
    ensure_nodes_fit(Needs(settings.root, data, files, "torch" in planned.allow_mixed), say=say)


def _needed(planned: PlannedSweep) -> frozenset[str]:
    """Secret variables that workers need: those for downloads, where a trial's weights come over the network."""
    configs = [config for _, config in planned.sweep.configs]
    networks = [one for c in configs for one in (c.alignment.encoder, c.evaluation.extractor, c.evaluation.classifier)]
    return DOWNLOADS if any(getattr(network, "weights", None) in ("pretrained", "hub") for network in networks) else frozenset()


def _run(driver: Driver, planned: PlannedSweep, settings: Settings, store: ResultsStore, show: Show) -> None:
    from sweeper.execution.ray_tune import TrialShare, run_jobs

    allotment = planned.allotment
    with _trackers(planned, settings) as trackers, _stopping_on_signals(driver):
        trackers.is_ending = True  # whatever leaves this block by an exception, a second Ctrl-C above all, does not wait for them
        with show(driver.progress):
            run_jobs(
                driver,
                each=TrialShare(allotment.cpus, allotment.gpus, allotment.processes),
                concurrent=allotment.concurrent,
                scratch=settings.root / "ray",
                log=settings.ray_log,
                needed=_needed(planned),
            )
        driver.close()
        trackers.is_ending = driver.stopped
        if settings.mlflow_pages and driver.progress.finished and not driver.stopped and driver.failure is None:
            driver.retrying.wrap(store.post_pages)(planned.sweep.spec.name, planned.sweep.profile)


def _refuse(planned: PlannedSweep, limits: Limits) -> None:
    if limits.gpu_seconds is not None and not planned.allotment.gpus:
        raise RequestError("--gpu-hours: the trials of this sweep use no GPU; use --deadline")
    ensure_all_trainable(planned)
    ensure_comparable(planned.plan.decisions)


def _exit_code(snapshot: SweepSnapshot, driver: Driver, *, search: bool) -> int:
    if driver.stopped:
        return INTERRUPTED
    return (
        ALL_FINISHED
        if all(outcome.has_result or (search and TRIAL_STATES[outcome.state].is_complete) for outcome in snapshot.outcomes)
        else SOME_FAILED
    )


@contextlib.contextmanager
def _stopping_on_signals(driver: Driver) -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP asks trials to checkpoint and stop; a second SIGINT raises KeyboardInterrupt at once.

    So do SIGUSR1 and SIGUSR2, by which Slurm warns of a job's end (`--signal`). Under nohup, which has SIGHUP ignored, a closed terminal
    stops nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread; whoever called us from another one handles them
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if driver.stopped and number == signal.SIGINT:
            raise KeyboardInterrupt
        driver.stop()

    chosen = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        chosen.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in chosen}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
