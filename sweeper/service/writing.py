"""What a worker says goes into the store."""

from sweeper.execution.jobs import Heard
from sweeper.records import Result
from sweeper.service.running_attempts import RunningAttempt
from sweeper.store.results_store import ResultsStore


def write(store: ResultsStore, attempt: RunningAttempt, what: Heard, now: int) -> None:
    """One word of its worker, heard at `now` (ms since 1970). Raises Fenced when the attempt is not ours any more; twice is once.

    The evaluation that the trial is for waits in `attempt.result`: it goes in together with the attempt's end.
    """
    claim, trial, report = attempt.claim, attempt.decision.trial, what.report
    match report.kind:
        case "started":
            provenance = {**what.provenance, "checkpoints_passed_over": passed_over(what)}
            store.started(claim, start_step=report.step, comparability=report.details["comparability"], provenance=provenance)
        case "points":
            store.points(claim, report.step, report.metrics, now)
        case "checkpoint":
            store.checkpointed(claim, report.step)
        case "evaluation" if report.step == trial.steps:
            attempt.result = Result(report.step, trial.evaluation_fingerprint, report.metrics, report.details, now)
            store.alive(claim)
        case "evaluation":
            store.evaluated(claim, report.step, trial.evaluation_fingerprint, report.metrics, report.details, now)
        case "alive":
            store.alive(claim)


def passed_over(what: Heard) -> list[str]:
    """Checkpoints that a worker found damaged as it started, each with what is wrong; none in any other word."""
    return list(what.report.details["checkpoints_passed_over"]) if what.report.kind == "started" else []
