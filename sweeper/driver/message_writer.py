"""What a worker says goes into the store."""

from typing import Any

from sweeper.driver.running_attempts import RunningAttempt
from sweeper.execution.jobs import WorkerMessage
from sweeper.records import Result
from sweeper.store.results_store import ResultsStore


def held_back(attempt: RunningAttempt, what: WorkerMessage, now: int) -> Result | None:
    """The evaluation that the trial is for, received at `now` (ms since 1970): it goes in together with the attempt's end."""
    trial, report = attempt.decision.trial, what.report
    if report.kind != "evaluation" or report.step != trial.steps:
        return None
    return Result(report.step, trial.evaluation_fingerprint, report.metrics, report.details, now)


def write(store: ResultsStore, attempt: RunningAttempt, what: WorkerMessage, now: int) -> None:
    """One word of its worker, but for what is `held_back`. Raises Fenced when the attempt is not ours any more; twice is once."""
    lease, trial, report = attempt.lease, attempt.decision.trial, what.report
    match report.kind:
        case "started":
            comparability = report.details["comparability"]
            store.started(lease, start_step=report.step, comparability=comparability, provenance=provenance_of(what))
        case "points":
            store.points(lease, report.step, report.metrics, now)
        case "checkpoint":
            store.checkpointed(lease, report.step)
        case "evaluation" if report.step == trial.steps:
            store.alive(lease)
        case "evaluation":
            store.evaluated(lease, report.step, trial.evaluation_fingerprint, report.metrics, report.details, now)
        case "alive":
            store.alive(lease)


def provenance_of(what: WorkerMessage) -> dict[str, Any]:
    """Of a worker that says where it begins."""
    known = {name: what.report.details.get(name) for name in ("classes", "compiled")}  # which label is which, where that is not plain
    return {**what.provenance, **{name: text for name, text in known.items() if text}, "checkpoints_passed_over": passed_over(what)}


def passed_over(what: WorkerMessage) -> list[str]:
    """Checkpoints that a worker found damaged as it started, each with what is wrong; none in any other word."""
    return list(what.report.details["checkpoints_passed_over"]) if what.report.kind == "started" else []
