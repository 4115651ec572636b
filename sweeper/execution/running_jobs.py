"""The jobs that Tune holds at this moment: shared by what starts them, what learns of them and what ends the run."""

from dataclasses import dataclass, field

from sweeper.execution.jobs import AttemptResult, Job, JobQueue


@dataclass(frozen=True)
class Place:
    """A process on a node of the cluster."""

    address: str
    process: int


@dataclass
class RunningJobs:
    """By Tune's trial id."""

    jobs: dict[str, Job] = field(default_factory=dict)
    said: dict[str, AttemptResult] = field(default_factory=dict)
    """How a worker said its attempt ended."""
    places: dict[str, Place] = field(default_factory=dict)
    """Where the process that trains is: of several, the first, whose death ends the others in good order. (Ray Tune's own process for the
    trial is not killed: what Ray Train reserved for the others would stay taken.)
    """
    hung: set[str] = field(default_factory=set)
    """Trial ids whose workers are killed, since they say nothing any more."""

    def over(self, trial_id: str, queue: JobQueue, otherwise: str = "the worker process died without a word") -> None:
        """Tells the queue, once, that a job is over; a worker that did not say how was lost, and `otherwise` says why."""
        job = self.jobs.pop(trial_id, None)
        self.places.pop(trial_id, None)
        if trial_id in self.hung:
            self.hung.remove(trial_id)
            otherwise = "the worker hung: it said nothing for too long and was killed"
        if job is not None:
            queue.on_end(job, self.said.pop(trial_id, AttemptResult("lost", otherwise, "lost")))

    def report_from(self, trial_id: str) -> None:
        """A worker said something."""
        self.hung.discard(trial_id)

    def hangs(self, job: Job) -> Place | None:
        """Where the worker of a job is, if it said something; unless it says more, it ended there as lost."""
        trial_id = next((trial_id for trial_id, running in self.jobs.items() if running is job), None)
        if trial_id is None:
            return None
        self.hung.add(trial_id)
        return self.places.get(trial_id)
