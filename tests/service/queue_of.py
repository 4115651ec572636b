"""A driver over a real store, without Ray: the test is the worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.train_trial import TrialReport
from sweeper.driver.budget import NO_LIMITS, Budget
from sweeper.driver.driver import Driver
from sweeper.driver.progress import Progress
from sweeper.execution.jobs import AttemptResult, Job, WorkerMessage
from sweeper.metrics import metric_info
from sweeper.plan.machine import Allotment
from sweeper.plan.reconcile import Decision
from sweeper.records import PlannedTrial
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore

STARTED = {"comparability": {"device": "cpu"}, "checkpoints_passed_over": []}


def planned(seed: int = 0, variant: str = "single", steps: int = 10, accumulation: int = 1) -> PlannedTrial:
    config = {"batch_size": 16, "accumulation": accumulation}
    return PlannedTrial(variant, {}, seed, f"{variant}-{seed}-fingerprint", "eval", steps, config)


@dataclass
class Desk:
    """A store with one sweep recorded, and what its drivers said."""

    folder: Path
    trials: list[PlannedTrial]
    spec: Mapping[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    url: str | None = None
    retry: float = 0.3

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.folder, store_patience=self.retry)
        self.store = ResultsStore.open(self.url or f"sqlite:///{self.folder / 'sweeper.db'}")
        self.store.record_sweep(name="desk", profile="default", version="v1", spec=self.spec, trials=self.trials)

    def driver(self, owner: str = "me", budget: Budget | None = None, store: Any = None, trials: Any = None, **decided: Any) -> Driver:
        """`decided`: fields of its decisions."""
        chosen = self.trials if trials is None else trials
        return Driver(
            store or self.store,
            self.settings,
            owner,
            [Decision(trial, "run", "new", **{"seen": len(self.attempts(trial)), **decided}) for trial in chosen],
            Allotment(1, 0, 2, "cpu"),
            budget or Budget(NO_LIMITS, gpus=0, concurrent=2, paces={}),
            (),
            Progress(len(chosen), 0, len(chosen), metric_info("held_out_loss"), "cpu", self.said.append),
        )

    def attempts(self, trial: PlannedTrial | None = None) -> list[tuple[int, str, str | None, str | None]]:
        history = self.store.history((trial or self.trials[0]).fingerprint)
        return [(a.number, a.state, a.failure, a.policy) for a in history.attempts]


def say(driver: Driver, job: Job, kind: Any, step: int, metrics: Mapping[str, float] | None = None, details: Any = None) -> None:
    """As the job's worker would."""
    driver.on_report(job, WorkerMessage(TrialReport(kind, step, metrics or {}, details if details is not None else STARTED)))


def work(driver: Driver, job: Job, steps: int = 10, loss: float = 0.5, end: bool = True) -> None:
    """All that the worker of a trial that goes well says."""
    say(driver, job, "started", 0)
    say(driver, job, "points", steps, {"train_loss": 1.0})
    say(driver, job, "checkpoint", steps)
    say(driver, job, "evaluation", steps, {"held_out_loss": loss}, {"samples": 5})
    if end:
        driver.on_end(job, AttemptResult("finished"))
