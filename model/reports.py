"""What a trial says while it runs, and who runs it: plain values that cross process borders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class TrialReport:
    """Something that happened in a trial.

    `started`: details hold the comparability key, what was wrong with checkpoints passed over, and which label is which class, in words.
    `points`: metrics of the curves at `step`. `checkpoint`: a whole checkpoint of `step` lies in the folder. `evaluation`: metrics and
    details at `step`. `alive`: nothing new, but the trial lives.
    """

    kind: Literal["started", "points", "checkpoint", "evaluation", "alive"]
    step: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


Report = Callable[[TrialReport], bool]
"""Called with every report; False asks the trial to checkpoint and stop."""


@dataclass(frozen=True)
class DistributedContext:
    """The processes that train one trial together."""

    rank: int = 0
    size: int = 1


SINGLE_PROCESS = DistributedContext()
"""One process trains the trial."""


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended: at `step`, by itself or because a report asked for it."""

    step: int
    stopped: bool


@dataclass(frozen=True)
class PreflightResult:
    """That a config runs."""

    checked: str
    """What was done, and what of it was cut."""
    seconds_per_step: float | None
    """Of a whole step on this CPU; None where it was cut."""
