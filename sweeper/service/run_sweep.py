"""Run a sweep: plan, refuse or start, drive, and say how it ended."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

from sweeper.errors import RequestError
from sweeper.plan.machine import Machine
from sweeper.plan.reconcile import Decision
from sweeper.records import SweepSnapshot, TrialCurves
from sweeper.service.allowance import NO_LIMITS, Allowance, Limits
from sweeper.service.board import Board
from sweeper.service.driver import Driver
from sweeper.service.mirror_process import MirrorProcess
from sweeper.service.opening import look_up_in, store_to_write, timings_in
from sweeper.service.ownership import this_process
from sweeper.service.plan_sweep import PlannedSweep, SweepRequest, plan_sweep
from sweeper.service.preflight import ensure_all_trainable, preflight
from sweeper.service.progress import Progress
from sweeper.service.remembering import as_sweeper_error
from sweeper.settings import Settings
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
    behind: int
    """Events that MLflow has not heard of yet."""
    left_out: int = 0
    """Trials that were not started, or stopped, for want of time."""
    why_left_out: str | None = None


Show = Callable[[Progress], contextlib.AbstractContextManager[Any]]
"""Opens whatever shows a progress while the sweep runs."""


def run_sweep(request: SweepRequest, settings: Settings, say: Callable[[str], None], show: Show, limits: Limits = NO_LIMITS) -> RunOutcome:
    """Raises RequestError before anything was started; StoreLost and SweepPaused under way."""
    planned = plan_sweep(request, look_up_in(settings), timings_in(settings))
    _refuse(planned, limits)
    if planned.allotment.gpus:  # on CPUs the first trial of a shape finds the same fault as soon, and stops no other
        preflight(planned)
    sweep = planned.sweep
    with store_to_write(settings) as store:
        spec = sweep.spec.model_dump(mode="json")
        store.record_sweep(
            name=sweep.spec.name,
            profile=sweep.profile,
            version=sweep.version,
            spec=spec,
            trials=planned.trials,
            command=request.command,
        )
        to_run, counts = planned.plan.to_run(), planned.plan.count()
        device = planned.allotment.device or "the Ray cluster's devices"
        progress = Progress(len(planned.trials) - counts["fold"], counts["reuse"], len(to_run), sweep.spec.metric.primary, device, say)
        progress.remaining_steps = sum(d.trial.steps for d in to_run)
        progress.board = Board.of(store.snapshot(sweep.spec.name, sweep.profile), sweep.spec.metric.primary)
        allowance = _allowance(limits, planned)
        driver = Driver(store, settings, this_process(), to_run, planned.allotment, allowance, planned.user_code, progress)
        if to_run:
            _run(driver, planned, settings, store, show)
        elif store.backlog():
            with MirrorProcess(settings):
                pass
        if driver.failure is not None:
            raise as_sweeper_error(driver.failure) from driver.failure
        if driver.paused is not None:
            raise driver.paused
        snapshot = store.snapshot(sweep.spec.name, sweep.profile)
        left_out = sum(outcome.state == "pending" for outcome in snapshot.outcomes) if allowance.reason else 0
        code = _exit_code(snapshot, driver)
        return RunOutcome(
            snapshot, store.curves(snapshot), code, progress.finished, counts["reuse"], store.backlog(), left_out, allowance.reason
        )


def _allowance(limits: Limits, planned: PlannedSweep) -> Allowance:
    """What was measured counts; a trial is not refused for a guess at its length."""
    paces = {variant: pace for variant, pace in planned.time.paces.items() if pace.source != "estimated"}
    return Allowance(limits, gpus=planned.allotment.gpus, concurrent=planned.allotment.concurrent, paces=paces)


def _run(driver: Driver, planned: PlannedSweep, settings: Settings, store: ResultsStore, show: Show) -> None:
    from sweeper.execution.ray_tune import TrialShare, run_jobs

    machine, allotment = Machine.here(), planned.allotment
    with MirrorProcess(settings) as mirror, _stopping_on_signals(driver):
        mirror.hurried = True  # whatever leaves this block by an exception, a second Ctrl-C above all, does not wait for MLflow
        with show(driver.progress):
            run_jobs(
                driver,
                each=TrialShare(allotment.cpus, allotment.gpus, allotment.processes),
                concurrent=allotment.concurrent,
                cores=machine.cores,
                cluster=machine.cluster,
                scratch=settings.root / "ray",
            )
        mirror.hurried = driver.stopped
        if settings.mlflow_pages and driver.progress.finished and not driver.stopped and driver.failure is None:
            store.post_pages(planned.sweep.spec.name, planned.sweep.profile)


def _refuse(planned: PlannedSweep, limits: Limits) -> None:
    if limits.gpu_seconds is not None and not planned.allotment.gpus:
        raise RequestError("--gpu-hours: the trials of this sweep use no GPU; use --deadline")
    ensure_all_trainable(planned)
    mixed = [d for d in planned.plan.decisions if d.action == "mixed"]
    if mixed:
        raise RequestError(_mixed_message(mixed))


def _mixed_message(mixed: list[Decision]) -> str:
    fields = list(dict.fromkeys(field for decision in mixed for field in decision.differs))
    first = mixed[0]
    options = " ".join(f"--allow-mixed {field}" for field in fields)
    return (
        f"{len(mixed)} trials were run under other conditions ({first.trial.variant}, seed {first.trial.seed}: {first.reason});"
        f" use {options} to count them all the same, or --fresh to train them again here"
    )


def _exit_code(snapshot: SweepSnapshot, driver: Driver) -> int:
    if driver.stopped:
        return INTERRUPTED
    return ALL_FINISHED if all(outcome.state == "finished" for outcome in snapshot.outcomes) else SOME_FAILED


@contextlib.contextmanager
def _stopping_on_signals(driver: Driver) -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP asks trials to checkpoint and stop; a second SIGINT raises KeyboardInterrupt at once.

    Under nohup, which has SIGHUP ignored, a closed terminal stops nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread; whoever called us from another one handles them
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if driver.stopped and number == signal.SIGINT:
            raise KeyboardInterrupt
        driver.stop()

    chosen = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        chosen.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in chosen}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
