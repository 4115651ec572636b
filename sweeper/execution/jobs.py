"""What the queue hands out and what comes back: plain values that travel to a worker and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from model.train_trial import TrialReport
from sweeper.records import FailureClass
from sweeper.states import AttemptState


@dataclass(frozen=True)
class Job:
    """One attempt at one trial, ready for a worker."""

    key: str
    """Names the job within a run of the queue."""
    config: Mapping[str, Any]
    """JSON-ready `TrainConfig`."""
    folder: Path
    """The attempt's own folder."""
    earlier: tuple[Path, ...]
    """Folders of attempts whose checkpoints may be resumed from, newest first; only read."""
    recorded: Mapping[Path, int]
    """Of each of them, the newest checkpoint that the store knows of."""
    cache: Path
    """Folder shared by all trials."""
    device: str
    threads: int
    content: Mapping[str, str]
    """What the trial's name says of its data and of the user's code: an attempt that finds others there ends as a data error."""
    user_code: tuple[Path, ...]
    """Folders in which a class that the config names is looked for: a worker's own current folder and PYTHONPATH need not be the user's."""


@dataclass(frozen=True)
class AttemptResult:
    """How an attempt ended, as its worker says; a worker that cannot say so any more is `lost`."""

    state: AttemptState
    error: str | None = None
    """First line, then the traceback."""
    failure: FailureClass | None = None
    """Why it did not finish; None when it did, or was asked to stop."""


@dataclass(frozen=True)
class WorkerMessage:
    """A report of an attempt with what its worker knows of itself."""

    report: TrialReport
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Only with `started`."""


class JobQueue(Protocol):
    """Decides what runs. Called from one thread; must not raise (a failure inside becomes `finished() == True`)."""

    def next_job(self) -> Job | None:
        """The next job to start, or None when there is none at this moment."""

    def finished(self) -> bool:
        """Nothing will come any more: `next_job` would never again return a job."""

    def abandoned(self) -> bool:
        """Running jobs are to be given up at once, whatever they are doing."""

    def hung(self) -> Sequence[Job]:
        """Jobs whose workers are to be killed, since they say nothing any more."""

    def on_placed(self, job: Job) -> None:
        """A worker has it."""

    def on_report(self, job: Job, what: WorkerMessage) -> None:
        """A worker reported."""

    def on_end(self, job: Job, how: AttemptResult) -> None:
        """An attempt is over; called once per job."""
