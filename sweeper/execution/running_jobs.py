"""The jobs that Tune holds at this moment: shared by what starts them, what hears of them and what ends the run."""

from dataclasses import dataclass, field

from sweeper.execution.jobs import Ended, Job, JobQueue


@dataclass
class RunningJobs:
    """By Tune's trial id."""

    jobs: dict[str, Job] = field(default_factory=dict)
    said: dict[str, Ended] = field(default_factory=dict)
    """How a worker said its attempt ended."""

    def over(self, trial_id: str, queue: JobQueue, otherwise: str = "the worker process died without a word") -> None:
        """Tells the queue, once, that a job is over; a worker that did not say how was lost, and `otherwise` says why."""
        job = self.jobs.pop(trial_id, None)
        if job is not None:
            queue.ended(job, self.said.pop(trial_id, Ended("lost", otherwise, "lost")))
