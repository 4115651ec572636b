"""What this machine has, found out without loading torch."""

import math
import os
import platform
from pathlib import Path


def usable_cores() -> int:
    """Cores this process may use: its affinity, and the container's quota where there is one; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, math.ceil(int(quota) / int(period))) if quota != "max" else cores
    except (OSError, ValueError):
        pass  # no cgroup v2 here: the affinity is all there is
    return max(cores, 1)


def cpu_model() -> str:
    """The processor's name, such as `cpu (AMD EPYC 7763)`: part of the comparability key."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"cpu ({name})"


def gpu_models(driver: Path = Path("/proc/driver/nvidia/gpus")) -> tuple[str, ...]:
    """Names of the NVIDIA GPUs that this process may see, in the driver's order; empty without a driver."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1"):
        return ()
    try:
        found = sorted(driver.glob("*/information"))
        names = [line.split(":", 1)[1].strip() for file in found for line in file.read_text().splitlines() if line.startswith("Model:")]
    except OSError:
        return ()
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return tuple(names[: len(chosen.split(","))] if chosen else names)
