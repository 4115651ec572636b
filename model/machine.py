"""What this machine has, found out without loading torch."""

import ctypes
import math
import os
import platform
import subprocess
import sys
from pathlib import Path

CUDA_LIBRARY = "libcuda.so.1"
ANSWER_SECONDS = 60.0
"""That the driver may take: without its persistence daemon it wakes every card first."""
_ASK_CUDA = """
import ctypes, sys
cuda, count, device, name = ctypes.CDLL(sys.argv[1]), ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
if cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0:
    for number in range(count.value):
        if cuda.cuDeviceGet(ctypes.byref(device), number) == 0 and cuda.cuDeviceGetName(name, len(name), device) == 0:
            print(name.value.decode())
"""


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
    """Names of the GPUs that this process may use, in CUDA's order.

    CUDA is asked, in a process of its own that cannot disturb this one: only CUDA knows what CUDA_VISIBLE_DEVICES leaves (a number, a
    UUID, a part of a card), and which of several models it counts first. Without its library the driver's table is read.

    Args:
        driver: Folder with a sub-folder per card, as the NVIDIA driver makes it.

    Returns:
        One name per device, as `torch.cuda.get_device_name` gives it; empty where there is none.
    """
    try:
        ctypes.CDLL(CUDA_LIBRARY)
    except OSError:
        return _visible(_cards(driver), os.environ.get("CUDA_VISIBLE_DEVICES"))
    try:
        command = [sys.executable, "-I", "-S", "-c", _ASK_CUDA, CUDA_LIBRARY]
        answer = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=ANSWER_SECONDS, check=False)
    except subprocess.TimeoutExpired:  # a driver that hangs would hang every trial, too
        return ()
    return tuple(answer.stdout.splitlines())


def _cards(driver: Path) -> list[tuple[str, str]]:
    """(model, UUID) of every card in the driver's table, by its place on the bus."""
    found = []
    try:
        for file in sorted(driver.glob("*/information")):
            lines = (line.partition(":") for line in file.read_text(encoding="utf-8").splitlines())
            entries = {key.strip(): value.strip() for key, _, value in lines}
            found.append((entries.get("Model", "unknown GPU"), entries.get("GPU UUID", "")))
    except OSError:
        return []
    return found


def _visible(cards: list[tuple[str, str]], chosen: str | None) -> tuple[str, ...]:
    """What CUDA_VISIBLE_DEVICES leaves of whole cards: numbers and beginnings of UUIDs, up to the first that names no card.

    Source: CUDA Programming Guide, "CUDA Environment Variables".
    """
    if chosen is None:
        return tuple(model for model, _ in cards)
    models = []
    for entry in map(str.strip, chosen.split(",")):
        named = [model for model, uuid in cards if entry.startswith("GPU-") and uuid.startswith(entry)]
        if entry.isdecimal() and int(entry) < len(cards):
            named = [cards[int(entry)][0]]
        if len(named) != 1:
            break
        models += named
    return tuple(models)
