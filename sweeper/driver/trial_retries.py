"""What a run did about the failures of its trials, so that it does not do the same for ever."""

from dataclasses import dataclass

from sweeper.execution.jobs import AttemptResult, Job
from sweeper.plan.failures import Verdict, decide


@dataclass
class _Past:
    """Of one trial in this run."""

    accumulation: int | None = None
    """Micro-batches of a step after it ran out of memory."""
    lost: int = 0
    """In a row without getting further."""
    furthest: int = 0
    """The furthest step that an attempt reported."""


class TrialRetries:
    """By trial; each runs in so many `processes`."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._past: dict[str, _Past] = {}

    def accumulation(self, fingerprint: str) -> int | None:
        """Micro-batches of a step that the trial's next attempt must have; None is as its config says."""
        past = self._past.get(fingerprint)
        return past.accumulation if past else None

    def decide(self, fingerprint: str, job: Job, how: AttemptResult, step: int, *, smaller: bool) -> Verdict | None:
        """What is done about an attempt that ended at `step`; None for one that finished, or was asked to stop.

        `smaller`: its micro-batches were smaller than its config's from the start, for lack of memory in an earlier run.
        """
        if how.failure is None:
            return None
        past = self._past.setdefault(fingerprint, _Past())
        past.lost = past.lost + 1 if step <= past.furthest else 1
        past.furthest = max(step, past.furthest)
        verdict = decide(
            how.failure,
            batch=job.config["batch_size"],
            processes=self._processes,
            accumulation=job.config["accumulation"],
            smaller=smaller or past.accumulation is not None,
            lost=past.lost,
        )
        past.accumulation = verdict.accumulation or past.accumulation
        return verdict
