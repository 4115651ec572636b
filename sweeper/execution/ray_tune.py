"""Ray Tune as a pool of workers: it draws jobs from our queue through a Searcher and brings their reports back.

Order, retries and stopping are the queue's; Tune only places attempts on cores and GPUs.
"""

import contextlib
import logging
import os
import shutil
import signal
import sys
import threading
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

from sweeper.execution.jobs import JobQueue
from sweeper.execution.running_jobs import RunningJobs

QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # the queue decides what an interrupt means
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_worker_niceness": "0",  # trials come before the MLflow mirror
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@dataclass(frozen=True)
class TrialShare:
    """What every trial takes of the machines."""

    cpus: float
    gpus: float
    processes: int = 1
    """That share it evenly."""


def run_jobs(queue: JobQueue, *, each: TrialShare, concurrent: int, cores: int, cluster: bool, scratch: Path) -> None:
    """Runs jobs until the queue is finished, at most `concurrent` at a time; `cores` are those that Ray may count on.

    Ray is started here and shut down at the end. `scratch` is a folder for Tune's own bookkeeping, removed at the end.
    """
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    import ray
    from ray import tune

    from sweeper.execution.searcher import QueueCallback, QueueSearcher, WhenFinished

    for noisy in ("ray", "ray.tune", "ray.air", "ray.train", "ray.data"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    running = RunningJobs()
    name = f"queue-{uuid.uuid4().hex[:8]}"
    scratch.mkdir(parents=True, exist_ok=True)
    with _without_raylet_noise():
        _start_ray(cores=max(cores, round(each.cpus * concurrent)), cluster=cluster)
        try:
            tune.Tuner(
                _trainable(each, scratch / name),
                tune_config=tune.TuneConfig(
                    search_alg=QueueSearcher(queue, running, _fitting(each, concurrent)),
                    num_samples=-1,
                    reuse_actors=not each.gpus or each.processes > 1,  # on a GPU a fresh process returns all its memory
                    trial_name_creator=_name,
                    trial_dirname_creator=_name,
                ),
                run_config=tune.RunConfig(
                    name=name,
                    storage_path=str(scratch),
                    verbose=0,
                    callbacks=[QueueCallback(queue, running)],
                    stop=WhenFinished(queue, running),
                    failure_config=tune.FailureConfig(max_failures=0),
                ),
            ).fit()
        finally:
            ray.shutdown()
            for trial_id in list(running.jobs):
                running.over(trial_id, queue, "given up before it could stop by itself")
            shutil.rmtree(scratch / name, ignore_errors=True)
            with contextlib.suppress(OSError):  # another run still uses it
                scratch.rmdir()


def _trainable(each: TrialShare, scratch: Path) -> Any:
    """What Tune runs for an attempt: the attempt itself, or what starts its processes, which then takes no core of its own."""
    from ray import tune

    from sweeper.execution.searcher import trainable

    if each.processes == 1:
        return tune.with_resources(trainable, {"cpu": each.cpus, "gpu": each.gpus} if each.gpus else {"cpu": each.cpus})
    from sweeper.execution.process_group import run_in_processes

    def starts_processes(config: dict[str, Any]) -> None:
        run_in_processes(config["job"], tune.report, each.processes, cpus=each.cpus, gpus=each.gpus, scratch=scratch)

    return tune.with_resources(starts_processes, {"memory": 1})  # a byte: Tune does not take a request for nothing


def _fitting(each: TrialShare, concurrent: int) -> int:
    """Tune does not see what the processes of a trial take, so as many trials are started as the cluster has room for."""
    import ray

    if each.processes == 1:
        return concurrent
    held = ray.cluster_resources()
    rooms = [held.get(name, 0.0) / wanted for name, wanted in (("CPU", each.cpus), ("GPU", each.gpus)) if wanted]
    return max(1, min(concurrent, *map(int, rooms)))


def _name(trial: Any) -> str:
    return str(trial.trial_id)


def _start_ray(*, cores: int, cluster: bool) -> None:
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    with _keeping_signal_handlers():
        if cluster:
            ray.init(**quiet)  # RAY_ADDRESS names it
        else:
            ray.init(num_cpus=cores, include_dashboard=False, **quiet)


@contextlib.contextmanager
def _keeping_signal_handlers() -> Iterator[None]:
    """Ray takes SIGTERM for itself, prints a stack and exits; what a signal means is the queue's to decide.

    What Ray starts here inherits that SIGHUP is blocked: a terminal that is closed sends it to all of them, and they are to live until the
    trials have checkpointed.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


class _WithoutRaysThread:
    """Standard output, but for what Ray's thread of cluster errors prints: paragraphs on a dead worker, whom we report in a line."""

    def __init__(self, under: TextIO) -> None:
        self._under = under

    def write(self, text: str) -> int:
        return len(text) if threading.current_thread().name == "ray_listen_error_messages" else self._under.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._under, name)


@contextlib.contextmanager
def _without_raylet_noise() -> Iterator[None]:
    """Ray's own warnings go to its logs, not onto the live display; what failed is reported by us."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(cast(TextIO, _WithoutRaysThread(sys.stdout))):
        warnings.simplefilter("ignore")
        yield
