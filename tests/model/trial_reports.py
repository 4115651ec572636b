"""Run a tiny trial as a driver does and keep all that it reports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from model.config import TrainConfig
from model.reports import TrialReport, TrialResult
from model.train_trial import train_trial

NOT_REPRODUCIBLE = ("steps_per_second", "step_seconds", "peak_memory_mib")


@dataclass(frozen=True)
class Told:
    """What an attempt said and left behind."""

    result: TrialResult
    reports: list[TrialReport]
    folder: Path

    def of(self, kind: str) -> list[tuple[int, dict[str, float]]]:
        """(step, reproducible metrics) of the reports of a kind, in order."""
        return [(r.step, reproducible(r)) for r in self.reports if r.kind == kind]

    def started(self) -> TrialReport:
        assert self.reports[0].kind == "started"
        return self.reports[0]

    def tensors(self, name: str) -> dict[str, Tensor]:
        return load_file(self.folder / name)

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


def reproducible(report: TrialReport) -> dict[str, float]:
    return {name: value for name, value in report.metrics.items() if name not in NOT_REPRODUCIBLE}


def run(
    config: TrainConfig,
    folder: Path,
    cache: Path,
    *,
    resume_from: Sequence[Path] = (),
    stop: Callable[[TrialReport], bool] = lambda _: False,
    **more: Any,
) -> Told:
    """Trains; a report for which `stop` holds is answered with False."""
    said: list[TrialReport] = []

    def report(event: TrialReport) -> bool:
        said.append(event)
        return not stop(event)

    return Told(train_trial(config, folder, report, cache=cache, resume_from=resume_from, **more), said, folder)
