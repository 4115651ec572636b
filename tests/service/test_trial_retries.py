"""What a run remembers of the failures of a trial, so that it ends."""

from pathlib import Path

from sweeper.driver.trial_retries import TrialRetries
from sweeper.execution.jobs import AttemptResult, Job
from sweeper.plan.failures import LOST_IN_A_ROW

LOST = AttemptResult("lost", "the worker process died without a word", "lost")
MEMORY = AttemptResult("failed", "CUDA out of memory", "out of memory")


def job(accumulation: int = 1) -> Job:
    return Job("k", {"batch_size": 16, "accumulation": accumulation}, Path("a"), (), {}, Path("c"), "cpu", 1, {}, ())


def test_a_worker_that_dies_at_the_same_step_each_time_is_given_up() -> None:
    retries = TrialRetries(processes=1)
    verdicts = [retries.decide("t", job(), LOST, step=7, smaller=False) for _ in range(LOST_IN_A_ROW)]
    assert [verdict.retry for verdict in verdicts if verdict] == [True] * (LOST_IN_A_ROW - 1) + [False]


def test_a_worker_that_gets_further_each_time_is_never_given_up() -> None:
    retries = TrialRetries(processes=1)
    for step in range(1, 3 * LOST_IN_A_ROW):
        verdict = retries.decide("t", job(), LOST, step=step, smaller=False)
        assert verdict is not None
        assert verdict.retry


def test_trials_are_counted_apart() -> None:
    retries = TrialRetries(processes=1)
    for _ in range(LOST_IN_A_ROW):
        retries.decide("one", job(), LOST, step=0, smaller=False)
    verdict = retries.decide("two", job(), LOST, step=0, smaller=False)
    assert verdict is not None
    assert verdict.retry


def test_smaller_micro_batches_are_tried_once_and_remembered() -> None:
    retries = TrialRetries(processes=1)
    first = retries.decide("t", job(), MEMORY, step=0, smaller=False)
    assert (first and first.retry, retries.accumulation("t"), retries.accumulation("other")) == (True, 2, None)
    second = retries.decide("t", job(accumulation=2), MEMORY, step=0, smaller=False)
    assert second is not None
    assert not second.retry
    lost = retries.decide("t", job(accumulation=2), LOST, step=3, smaller=False)
    assert lost is not None
    assert (lost.retry, retries.accumulation("t")) == (True, 2), "a later loss does not go back to the batch that was too large"


def test_an_end_that_is_no_failure_asks_for_nothing() -> None:
    assert TrialRetries(processes=1).decide("t", job(), AttemptResult("finished"), step=10, smaller=False) is None
