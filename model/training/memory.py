"""Peak memory of one trial, also where a process runs several trials in turn."""

import contextlib
import ctypes
import resource
import sys
from pathlib import Path

import torch

PROCESS = Path("/proc/self")
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Of glibc's mallopt."""
LARGEST_KEPT = 2**25
"""Bytes of the largest block that glibc can be told to keep."""


def keep_freed() -> None:
    """Has glibc keep memory that is freed: a step frees its activations, and the next one's pages would be faulted in again.

    A tenth of a step on a CPU. Other allocators are left as they are.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(MMAP_THRESHOLD, LARGEST_KEPT)


def _give_back() -> None:
    """What an earlier trial of this process freed is none of the next one's memory."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def reset(device: torch.device) -> None:
    """Forget the peak so far, of the device and (where the kernel allows it) of the process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    _give_back()
    with contextlib.suppress(OSError):  # the peak is then that of the whole process
        (PROCESS / "clear_refs").write_text("5")


def peak_mib(device: torch.device) -> float:
    """Largest memory held since `reset`: allocated on a GPU, resident in the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        lines = (PROCESS / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 2**10
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)
