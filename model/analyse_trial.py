"""The door for questions to trained weights: a trial's config and its moving average in, arrays with named axes out. Nothing is trained.

Names and descriptions are read without torch, which is loaded when an analysis is made.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from model.analyses.names import ANALYSES, AnalysisInfo
from model.analysis_result import AnalysisResult
from model.config import TrainConfig
from model.errors import ConfigError

__all__ = ["ANALYSES", "AnalysisInfo", "AnalysisMachine", "analyse_trial", "ensure_known_analyses"]

_NONE: Mapping[int, Path] = MappingProxyType({})
_NO_OTHERS: Mapping[str, Path] = MappingProxyType({})


@dataclass(frozen=True)
class AnalysisMachine:
    """What it is computed with; numbers agree between machines up to rounding."""

    device: str = "cpu"
    threads: int = 1


def ensure_known_analyses(names: Sequence[str]) -> None:
    """Raises ConfigError for a name that is no analysis."""
    for name in names:
        if name not in ANALYSES:
            near = difflib.get_close_matches(name, ANALYSES, n=1)
            hint = f"did you mean {near[0]}?" if near else "give some of them"
            raise ConfigError(f"there is no analysis {name!r}; they are {', '.join(ANALYSES)}; {hint}")


def analyse_trial(
    config: TrainConfig,
    average: Path,
    names: Sequence[str],
    machine: AnalysisMachine,
    say: Callable[[str], None],
    *,
    averages: Mapping[int, Path] = _NONE,
    others: Mapping[str, Path] = _NO_OTHERS,
    cache: Path,
) -> tuple[AnalysisResult, ...]:
    """The analyses `names`, in that order, of the weights in `average`; what does not apply to the trial says why in its details.

    Args:
        config: Of the trial, whole.
        average: Its moving average, or a checkpoint that holds one.
        names: Of `ANALYSES`.
        machine: What it is computed with.
        say: Gets a line an analysis.
        averages: The moving averages that are kept, by training step, for what goes over training.
        others: Averages of other trials of the same backbone and data by name, with which `alignment` compares the features.
        cache: Folder shared by trials (the evaluation classifier, decoded pictures), that of `model.train_trial`.

    Raises:
        ConfigError: A name is no analysis, config and machine do not fit each other, or samples are to be drawn while `guidance.best_of`
            lists scales: give the one that the trial's evaluation chose.
        CheckpointError: A file is not the network that the config describes, or gives values that are not finite.
        DataError: The data set cannot be read.
    """
    ensure_known_analyses(names)
    if not names:
        return ()
    from model.analyses.run import run

    return run(config, average, names, machine.device, machine.threads, say, averages, others, cache)
