"""Killing a worker that hangs, on whichever machine of the cluster it is."""

import os
import signal

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


def kill_process(address: str, process: int) -> None:
    """kill -9 of a process on the node with this address, from a task that takes no core; nothing happens where either is gone.

    Whoever hangs in a driver of a GPU or in a file system takes no other signal.
    """
    node = next((node["NodeID"] for node in ray.nodes() if node["Alive"] and node["NodeManagerAddress"] == address), None)
    if node is not None:
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        ray.remote(num_cpus=0, max_retries=0)(_kill).options(scheduling_strategy=there).remote(process)


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:  # it died by itself
        return
