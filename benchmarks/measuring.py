"""What the benchmarks share: interleaved timing, the facts of the machine, and the files that results are kept in."""

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from model.machine import cpu_model

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "numpy", "ray", "mlflow", "timm")
UNMEASURED = "unmeasured"


@dataclass(frozen=True)
class Clock:
    """Seconds of work on a device.

    On a CPU with one thread, those that the process had the processor: other processes on the machine add none but by the caches they
    empty. Else the wall clock's, after a GPU has done what it was told.
    """

    device: torch.device
    threads: int = 1

    @property
    def name(self) -> str:
        return "processor" if self.device.type == "cpu" and self.threads == 1 else "wall"

    def __call__(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.process_time() if self.name == "processor" else time.perf_counter()


@dataclass(frozen=True)
class Spread:
    """The middle of some numbers, and the half of them about it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        low, median, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
        return cls(median, low, high)

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class Rounds:
    """Seconds of each contender in each round."""

    seconds: Mapping[str, list[float]]

    def of(self, name: str) -> Spread:
        """Seconds of a contender."""
        return Spread.of(self.seconds[name])

    def ratio(self, name: str, to: str) -> Spread:
        """Of two contenders' seconds in one round: what slows a whole round down falls out."""
        return Spread.of([a / b for a, b in zip(self.seconds[name], self.seconds[to], strict=True)])


def interleaved(contenders: Mapping[str, Callable[[], object]], *, rounds: int, clock: Callable[[], float]) -> Rounds:
    """Seconds of one call of each, called in turn `rounds` times after one call that is not counted."""
    for call in contenders.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            started = clock()
            call()
            seconds[name].append(clock() - started)
    return Rounds(seconds)


def device_name(device: torch.device) -> str:
    """Model of the GPU or CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_model()


def facts(device: torch.device, *, clock: str, threads: int | None = None) -> dict[str, Any]:
    """What a figure needs beside it: device, clock, load, versions, date, commit."""
    return {
        "device": device_name(device),
        "cores": os.cpu_count(),
        "threads": threads,
        "clock": clock,
        "load_average": round(os.getloadavg()[0], 1),
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


def keep(name: str, about: Mapping[str, Any], rows: list[dict[str, Any]], folder: Path = RESULTS) -> Path:
    """Writes <name>.json; the last measurement of a name stands."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**about, "rows": [{key: _rounded(value) for key, value in row.items()} for row in rows]}, indent=1) + "\n")
    return path


def _rounded(value: Any) -> Any:
    if isinstance(value, Spread):
        return [_rounded(part) for part in (value.median, value.low, value.high)]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def kept(name: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """What was measured under a name, or None."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None
