"""A result is there with the end of its attempt or not at all; what is told late, twice or by the wrong one changes nothing."""

import pytest
from queue_of import Desk, planned, say, work

from sweeper.driver.driver import Driver
from sweeper.errors import StoreUnavailable
from sweeper.execution.jobs import AttemptResult, Job
from sweeper.records import SweepSnapshot
from sweeper.trial_folder import STOP_FILE, attempt_folder, is_newest


def took(driver: Driver) -> Job:
    job = driver.next_job()
    assert job is not None, driver.failure
    return job


def evaluations(desk: Desk) -> list[float]:
    return [point.value for point in desk.store.history(desk.trials[0].fingerprint).evaluations]


def snapshot(desk: Desk) -> SweepSnapshot:
    return desk.store.snapshot("desk")


def test_the_result_comes_with_the_end(desk: Desk) -> None:
    driver = desk.driver()
    job = took(driver)
    work(driver, job, end=False)
    kinds = [row.kind for row in desk.store.pending(20)]
    assert "evaluation" not in kinds
    driver.on_end(job, AttemptResult("finished"))
    assert [row.kind for row in desk.store.pending(20)] == [*kinds, "evaluation", "attempt"]
    assert snapshot(desk).outcomes[0].metrics == {"held_out_loss": 0.5}
    assert driver.finished()


@pytest.mark.parametrize(
    "end", [AttemptResult("lost", "died", "lost"), AttemptResult("failed", "KeyError: x", "fault"), AttemptResult("stopped")]
)
def test_an_attempt_that_did_not_finish_leaves_no_result(desk: Desk, end: AttemptResult) -> None:
    driver = desk.driver()
    job = took(driver)
    work(driver, job, end=False)
    driver.on_end(job, end)
    assert evaluations(desk) == []
    assert snapshot(desk).outcomes[0].state != "finished"


def test_of_two_drivers_one_has_the_trial_and_the_other_waits_for_it(desk: Desk) -> None:
    first, second = desk.driver("first"), desk.driver("second")
    job = took(first)
    assert second.next_job() is None
    assert not second.finished()
    work(first, job)
    second._elsewhere = [(decision, 0.0) for decision, _ in second._elsewhere]  # not in five seconds but now
    assert second.next_job() is None
    assert second.finished()
    assert second.progress.reused == 1
    assert [number for number, *_ in desk.attempts()] == [1]


def test_a_driver_whose_trial_was_taken_over_is_refused_and_its_worker_told(desk: Desk) -> None:
    desk.settings = desk.settings.model_copy(update={"lease_seconds": 0.0})  # over as soon as it is given
    slept, quick = desk.driver("slept"), desk.driver("quick")
    late = took(slept)
    say(slept, late, "started", 0)
    assert is_newest(late.folder)
    other = took(quick)
    assert (other.key[-1], other.earlier, other.recorded) == ("2", (late.folder,), {late.folder: 0})
    assert not is_newest(late.folder), "the worker finds a newer folder before it writes"
    assert is_newest(other.folder)
    work(slept, late, loss=9.0, end=False)
    assert (late.folder / STOP_FILE).exists()
    assert not (other.folder / STOP_FILE).exists()
    slept.on_end(late, AttemptResult("finished"))
    work(quick, other)
    assert evaluations(desk) == [0.5]
    assert [(number, state) for number, state, *_ in desk.attempts()] == [(1, "lost"), (2, "finished")]
    assert slept.failure is None
    assert any(line.startswith("lost") and "another driver took it over" in line for line in desk.said)


def test_folders_are_ordered_by_number_not_by_letters(desk: Desk) -> None:
    trial = desk.settings.trials / "x"
    for number in (2, 9, 10):
        attempt_folder(trial, number).mkdir(parents=True)
    assert [is_newest(attempt_folder(trial, number)) for number in (2, 9, 10)] == [False, False, True]


class Deaf:
    """A store that does what it is told and whose answer is lost, once per kind of write."""

    def __init__(self, desk: Desk) -> None:
        self._store, self._lost = desk.store, set[str]()

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        method = getattr(self._store, name)

        def call(*arguments, **named):  # type: ignore[no-untyped-def]
            answer = method(*arguments, **named)
            if name not in self._lost and name != "history":
                self._lost.add(name)
                raise StoreUnavailable("the answer was lost")
            return answer

        return call


def test_writes_whose_answer_was_lost_are_done_once(desk: Desk) -> None:
    driver = desk.driver(store=Deaf(desk))
    job = took(driver)  # its lease was granted twice: the first was nobody's, since nobody had heard of it
    work(driver, job)
    assert driver.failure is None
    assert [(number, state) for number, state, *_ in desk.attempts()] == [(1, "lost"), (2, "finished")]
    assert evaluations(desk) == [0.5]
    assert snapshot(desk).outcomes[0].state == "finished"
    assert [row.kind for row in desk.store.pending(50)].count("evaluation") == 1


class Away(Deaf):
    """A store that is never there again after the first lease."""

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        if name == "acquire_lease" and name not in self._lost:
            self._lost.add(name)
            return getattr(self._store, name)
        raise StoreUnavailable("connection refused")


def test_a_store_that_stays_away_pauses_the_sweep_and_its_trials_are_told_to_checkpoint(desk: Desk) -> None:
    driver = desk.driver(store=Away(desk))
    job = took(driver)
    say(driver, job, "started", 0)
    assert str(driver.failure).startswith("the sweep is paused, since its store did not answer for")
    assert isinstance(driver.failure, StoreUnavailable)
    assert (job.folder / STOP_FILE).exists()
    assert not driver.abandoned(), "its trials have some seconds to write a checkpoint"
    driver.on_end(job, AttemptResult("stopped"))
    assert driver.finished()
    assert "connection refused" in desk.said[1]


def test_a_retried_trial_is_not_started_when_another_sweep_finished_it(desk: Desk) -> None:
    first = desk.driver("first")
    job = took(first)
    first.on_end(job, AttemptResult("lost", "died", "lost"))
    other = desk.driver("second", trials=[planned()])
    work(other, took(other))
    assert first.next_job() is None
    assert [(number, state) for number, state, *_ in desk.attempts()] == [(1, "lost"), (2, "finished")]
