"""How far a running sweep is: one value, changed by events, read by whatever shows it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sweeper.driver.board import Board
from sweeper.metrics import MetricInfo, metric_info
from sweeper.plan.reconcile import UNDO
from sweeper.records import PlannedTrial
from sweeper.states import ATTEMPT_STATES, AttemptState
from sweeper.visible import visible


@dataclass
class TrialProgress:
    """One trial on a worker."""

    trial: PlannedTrial
    attempt: int
    step: int = 0
    steps_per_second: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass
class Progress:
    """Counts and rates of one `run`; `say` gets one line per start and end of a trial."""

    total: int
    """Trials of the sweep."""
    reused: int
    """Finished before this run."""
    to_run: int
    primary: MetricInfo
    """The metric that decides."""
    device: str
    say: Callable[[str], None]
    running: dict[str, TrialProgress] = field(default_factory=dict)
    finished: int = 0
    failed: int = 0
    remaining_steps: int = 0
    """Optimizer steps of this run that are still to do."""
    stopping: bool = False
    board: Board = field(default_factory=lambda: Board((), metric_info("held_out_loss")))
    """Every trial of the sweep."""
    tells: Literal["all", "ends", "failures"] = "all"
    """Which events `say` gets; the display shows the others."""
    _done_steps: int = 0
    _since: float = field(default_factory=time.monotonic)

    def started(self, key: str, trial: PlannedTrial, attempt: int) -> None:
        self.running[key] = TrialProgress(trial, attempt)
        self.board.update(trial.fingerprint, "running")
        again = f", attempt {attempt}" if attempt > 1 else ""
        if self.tells == "all":
            self.say(f"started   {name_of(trial)}{again}")

    def stepped(self, key: str, step: int, metrics: dict[str, float]) -> None:
        now = self.running[key]
        if now.step:
            self._done_steps += max(step - now.step, 0)
        self.remaining_steps -= max(step - now.step, 0)
        now.step = max(step, now.step)
        now.steps_per_second = metrics.get("steps_per_second", now.steps_per_second)
        now.metrics |= metrics
        self.board.update(now.trial.fingerprint, "running", step=now.step, value=now.metrics.get(self.primary.name))

    def ended(self, key: str, state: AttemptState, error: str | None, policy: str | None = None) -> None:
        """`policy`: what is done about a failure."""
        over = self.running.pop(key)
        self.remaining_steps -= max(over.trial.steps - over.step, 0)
        properties = ATTEMPT_STATES[state]
        self.finished += properties.has_result
        self.failed += properties.is_failure
        shown = "  ".join(
            written(metric, over.metrics[metric.name])
            for metric in dict.fromkeys((self.primary, *map(metric_info, ("held_out_loss", "class_accuracy"))))
            if properties.has_result and metric.name in over.metrics
        )
        first = (error or "").splitlines()[:1]
        done = self.reused + self.finished
        why = "; ".join(filter(None, (*first, policy)))
        why = why or (f"at step {over.step:,} of {over.trial.steps:,}" if state == "stopped early" else "")
        self.board.update(over.trial.fingerprint, properties.trial, value=over.metrics.get(self.primary.name), error=error)
        if self.tells == "failures" and properties.has_result:
            return
        self.say(f"{state:<9} {name_of(over.trial)}  {shown}{why}  [{done}/{self.total}]")

    def settled_elsewhere(self, trial: PlannedTrial, state: AttemptState, error: str | None) -> None:
        """Another driver found that the trial fails or diverges."""
        self.remaining_steps -= trial.steps
        self.failed += 1
        self.board.update(trial.fingerprint, ATTEMPT_STATES[state].trial, error=error)
        self.say(f"{state:<9} {name_of(trial)}  under another driver: {(error or '').splitlines()[0] if error else ''}")

    def cancelled(self, trial: PlannedTrial) -> None:
        """A user wants the trial left alone, and no attempt of this run has begun."""
        self.remaining_steps -= trial.steps
        self.board.update(trial.fingerprint, "cancelled")
        self.say(f"cancelled {name_of(trial)}  {UNDO.format(trial.fingerprint[:8])}")

    def seconds_left(self) -> float | None:
        """From the rate of this run so far, evaluations and starts included; None before there is a rate."""
        elapsed = time.monotonic() - self._since
        return elapsed * self.remaining_steps / self._done_steps if self._done_steps > 0 else None


def written(metric: MetricInfo, value: float) -> str:
    """A value with the label of its metric."""
    return f"{metric.label} {value:.{metric.decimals}f}"


def name_of(trial: PlannedTrial) -> str:
    """How a trial is called on screen."""
    return visible(f"{trial.variant}  seed {trial.seed}")
