"""What the benchmarks share: interleaved timing, the facts of the machine, and the files that results are kept in."""

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from model.machine import cpu_model

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "numpy", "ray", "mlflow", "timm")


def interleaved(contenders: Mapping[str, Callable[[], object]], *, rounds: int, device: torch.device) -> dict[str, float]:
    """Median seconds of one call of each, called in turn `rounds` times after one call that is not counted.

    In turn, so that whatever else the machine does falls on all alike.
    """
    for call in contenders.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            settle(device)
            started = time.perf_counter()
            call()
            settle(device)
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def settle(device: torch.device) -> None:
    """Waits until a GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def device_name(device: torch.device) -> str:
    """Model of the GPU or CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_model()


def facts(device: torch.device | None, *, threads: int | None = None) -> dict[str, Any]:
    """What a figure needs beside it: device, versions, date, commit."""
    return {
        "device": cpu_model() if device is None else device_name(device),
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """Short hash of the checked-out commit, with a plus where files differ from it."""
    try:
        head = _git("rev-parse", "--short", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=Path(__file__).parent, check=True, capture_output=True, text=True).stdout.strip()


def keep(name: str, about: Mapping[str, Any], rows: list[dict[str, Any]]) -> Path:
    """Writes results/<name>.json; the last measurement of a name stands."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
    return path
