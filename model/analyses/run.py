"""Makes analyses, one after another, of one trial."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import torch

from model.analyses.alignment import alignment
from model.analyses.attention_mass import attention_mass
from model.analyses.by_level import by_level, overfitting
from model.analyses.counterfactual import counterfactual
from model.analyses.loss_grid import loss_grid
from model.analyses.memorisation import memorisation
from model.analyses.probe import probe
from model.analyses.trained import Trained
from model.analyses.views import views
from model.analysis_result import AnalysisResult
from model.config import TrainConfig
from model.errors import CheckpointError
from model.transfer import device_of

MADE_BY: Mapping[str, Callable[[Trained], AnalysisResult]] = MappingProxyType(
    {
        "attention_mass": attention_mass,
        "loss_grid": loss_grid,
        "by_level": by_level,
        "probe": probe,
        "counterfactual": counterfactual,
        "memorisation": memorisation,
        "views": views,
        "alignment": alignment,
        "overfitting": overfitting,
    }
)
"""What makes each of `model.analyses.names.ANALYSES`."""


def run(
    config: TrainConfig,
    average: Path,
    names: Sequence[str],
    device: str,
    threads: int,
    say: Callable[[str], None],
    averages: Mapping[int, Path],
    others: Mapping[str, Path],
    cache: Path,
) -> tuple[AnalysisResult, ...]:
    """See `model.analyse_trial.analyse_trial`."""
    place = device_of(device)
    torch.set_num_threads(threads)
    trained = Trained(config, average, place, cache, averages, others)
    found = []
    for name in names:
        began = time.perf_counter()
        with trained.computing():
            result = MADE_BY[name](trained)
        _ensure_finite(result, average)
        found.append(result)
        why = result.details.get("not_applicable")
        say(f"{name}: does not apply: {why}" if why else f"{name}: {time.perf_counter() - began:.1f} s")
    return tuple(found)


def _ensure_finite(result: AnalysisResult, average: Path) -> None:
    """NaN is `there is none`; an infinite number is of weights that are broken."""
    for array in result.arrays:
        if any(math.isinf(value) for value in array.values.ravel().tolist()):
            raise CheckpointError(f"{average} gives {result.analysis}.{array.name} that is not finite; analyse an earlier moving average")
