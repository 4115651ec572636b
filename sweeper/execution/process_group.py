"""One attempt in several processes: started, joined and watched by Ray Train, within a trial of Ray Tune.

Tune runs `run_in_processes` in a process of its own, which takes no core; Ray Train places the others as one group, starts
`torch.distributed` in them, and ends all when one dies. Retries stay ours. `ray.train.report` waits for every process, but only the first
of ours speaks, and also says that it lives while the others wait: so their words go through a queue.
"""

import concurrent.futures
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray.train
from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig, TrainingFailedError, WorkerGroupError
from ray.train.torch import TorchConfig, TorchTrainer, get_device
from ray.util.queue import Empty, Queue

from model.train_trial import DistributedContext
from sweeper.execution.jobs import Job
from sweeper.execution.trial_worker import AttemptFailed, Send, run_attempt
from sweeper.states import ATTEMPT_STATES

LISTEN_SECONDS = 1.0
"""Between looks whether the processes are still there."""
LONGEST_STEP_SECONDS = 3600
"""That a process waits for another within a step."""


def run_in_processes(job: Job, send: Send, processes: int, *, cpus: float, gpus: float, scratch: Path) -> None:
    """Trains the job's trial in so many processes, which share `cpus` and `gpus`; sends what one process would send.

    Raises AttemptFailed after a failure was sent, and, with nothing said of an end, when a process was lost.
    """
    os.environ.setdefault("RAY_TRAIN_METRICS_ENABLED", "0")
    words = Queue(actor_options={"num_cpus": 0})
    trainer = TorchTrainer(
        _one_of_several,
        train_loop_config={"job": job, "words": words},
        torch_config=TorchConfig(timeout_s=LONGEST_STEP_SECONDS),  # NCCL on GPUs, else gloo
        scaling_config=ScalingConfig(
            num_workers=processes,
            use_gpu=gpus > 0,
            resources_per_worker={"CPU": cpus / processes} | ({"GPU": gpus / processes} if gpus else {}),
        ),
        run_config=RunConfig(
            name=job.key.replace("/", "-"),
            storage_path=str(scratch / "processes"),
            failure_config=FailureConfig(max_failures=0, max_preemption_failures=0),  # a lost attempt is tried again by the queue
            logging_config=LoggingConfig(log_level="CRITICAL"),
        ),
    )
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        group = beside.submit(trainer.fit)
        said = _pass_on(words, send, group)
        words.shutdown()
        error = group.exception()
    if error is not None and not isinstance(error, TrainingFailedError):
        raise error
    if (ended := _verdict(said, error)) is None:
        raise AttemptFailed("a process of the trial died without a word")
    send({"ended": ended})
    if error is not None:
        raise AttemptFailed(ended["state"])


def _one_of_several(config: dict[str, Any]) -> None:
    """What each process runs."""
    context, job = ray.train.get_context(), config["job"]
    world = DistributedContext(context.get_world_rank(), context.get_world_size())
    if job.device == "cuda":
        job = replace(job, device=str(get_device()))
    run_attempt(job, lambda message: config["words"].put((world.rank, message)), world)


def _pass_on(words: Queue, send: Send, group: concurrent.futures.Future[Any]) -> list[tuple[int, dict[str, Any]]]:
    """Sends every report until the processes are gone; returns how each said that it ended, in the order they did."""
    said: list[tuple[int, dict[str, Any]]] = []
    while True:
        over = group.done()  # before the look, so that nothing said before the end is missed
        try:
            rank, message = words.get(timeout=LISTEN_SECONDS)
        except Empty:
            if over:
                return said
            continue
        if "ended" in message:
            said.append((rank, message["ended"]))
        else:
            send(message)


def _verdict(said: list[tuple[int, dict[str, Any]]], error: BaseException | None) -> dict[str, Any] | None:
    """How the attempt ended: as the first process says, or as the first to fail says; None when a process was lost.

    The others fail with a lost process, for they cannot reach it any more; that is not the attempt's own failure.
    """
    if error is None:
        return next(ended for rank, ended in said if rank == 0)
    failures = error.worker_failures if isinstance(error, WorkerGroupError) else {}
    if not failures or any(not isinstance(failure, AttemptFailed) for failure in failures.values()):
        return None
    return next((ended for _, ended in said if ATTEMPT_STATES[ended["state"]].is_failure), None)
