"""The attempts that workers have, and how long each has been silent."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from sweeper.execution.jobs import Job
from sweeper.plan.reconcile import Decision
from sweeper.records import Lease, Result
from sweeper.trial_folder import HEARTBEAT_FILE

ASLEEP_SECONDS = 30.0
"""Between two looks: then this process itself slept, or waited for the store, and what workers said meanwhile is still to be read."""


@dataclass
class RunningAttempt:
    """One that a worker has."""

    decision: Decision
    lease: Lease
    job: Job
    last_report: float | None = None
    """When its worker last said something; None while it is not placed."""
    beat: int | None = None
    """When its worker's heart last beat, by the clock of that file system."""
    result: Result | None = None
    """Held back until its end, so that both go in together."""
    stops_early: bool = False
    """A search has asked it to stop."""

    def lives(self) -> bool:
        """Whether it waits for a worker still, or its worker's heart beat since this was last asked."""
        if self.last_report is None:
            return True
        try:
            beat = (self.job.folder / HEARTBEAT_FILE).stat().st_mtime_ns
        except OSError:
            return False
        before, self.beat = self.beat, beat
        return beat != before


class RunningAttempts:
    """By the key of their jobs."""

    def __init__(self, silence_seconds: float) -> None:
        self._silence_seconds = silence_seconds
        self._by_key: dict[str, RunningAttempt] = {}
        self._looked = time.monotonic()

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[RunningAttempt]:
        return iter(list(self._by_key.values()))

    def add(self, attempt: RunningAttempt) -> None:
        self._by_key[attempt.job.key] = attempt

    def pop(self, job: Job) -> RunningAttempt:
        return self._by_key.pop(job.key)

    def report_from(self, job: Job) -> RunningAttempt | None:
        """The attempt of a job whose worker says something; None when it is over."""
        attempt = self._by_key.get(job.key)
        if attempt is not None:
            attempt.last_report = time.monotonic()
        return attempt

    def hung(self) -> list[RunningAttempt]:
        """Those whose worker has been silent for too long, each once per such silence."""
        now = time.monotonic()
        asleep, self._looked = now - self._looked > ASLEEP_SECONDS, now
        placed = [attempt for attempt in self if attempt.last_report is not None]
        found = [a for a in placed if not asleep and a.last_report is not None and now - a.last_report > self._silence_seconds]
        for attempt in placed if asleep else found:
            attempt.last_report = now
        return found
