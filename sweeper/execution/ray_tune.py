"""Ray Tune as a pool of workers: it draws jobs from our queue through a Searcher and brings their reports back.

Order, retries and stopping are the queue's; Tune only places attempts on cores and GPUs.
"""

import contextlib
import shutil
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.execution.jobs import JobQueue
from sweeper.execution.ray_session import without_noise
from sweeper.execution.running_jobs import RunningJobs
from sweeper.secret_variables import secrets_kept


@dataclass(frozen=True)
class TrialShare:
    """What every trial takes of the machines."""

    cpus: float
    gpus: float
    processes: int = 1
    """That share it evenly."""


def run_jobs(queue: JobQueue, *, each: TrialShare, concurrent: int, scratch: Path, log: Path, needed: Collection[str] = ()) -> None:
    """Runs jobs until the queue is finished, at most `concurrent` at a time, in the Ray of a `ray_session`.

    Args:
        queue: What is to run.
        each: What every trial takes.
        concurrent: Trials at the same time.
        scratch: A folder for Tune's own bookkeeping, removed at the end.
        log: A file to which is added what Ray writes of the cluster's faults.
        needed: Secret variables that workers need, by name.
    """
    from ray import tune

    from sweeper.execution.searcher import QueueSearcher, QueueStopper

    running = RunningJobs()
    name = f"queue-{uuid.uuid4().hex[:8]}"
    scratch.mkdir(parents=True, exist_ok=True)
    # Tune copies AWS's keys from this environment into every trial's, which Ray writes to a log and to arguments of its processes.
    # What libpq reads when it connects again (PGPASSWORD) is this process's own.
    with without_noise(log), secrets_kept(needed=needed, but=("RAY_", "PG")):
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
                    stop=QueueStopper(queue, running),
                    failure_config=tune.FailureConfig(max_failures=0),
                ),
            ).fit()
        finally:
            import ray

            ray.shutdown()  # before jobs that were not over are given up: none of their workers lives any more
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
