"""Workers that fall silent: named to be killed once per silence, and never for a sleep of the driver itself."""

import os
import time
from collections.abc import Callable

import pytest
from queue_of import Desk, say

from sweeper.driver import running_attempts
from sweeper.execution.jobs import AttemptResult
from sweeper.execution.running_jobs import Place, RunningJobs
from sweeper.trial_folder import HEARTBEAT_FILE

Pass = Callable[[float], None]


@pytest.fixture
def seconds_pass(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Moves the clock of the attempts."""
    clock = [1000.0]
    monkeypatch.setattr(running_attempts.time, "monotonic", lambda: clock[0])

    def move(seconds: float) -> None:
        clock[0] += seconds

    return move


def test_a_worker_that_falls_silent_is_named_once(desk: Desk, seconds_pass: Pass) -> None:
    desk.settings = desk.settings.model_copy(update={"silence_seconds": 60.0})
    driver = desk.driver()
    job = driver.next_job()
    assert job is not None
    for _ in range(10):
        seconds_pass(20)
        assert driver.hung() == [], "it waits for its place, and nobody expects a word"
    say(driver, job, "started", 0)
    for _ in range(3):
        seconds_pass(20)
        assert driver.hung() == []
    seconds_pass(1)
    assert driver.hung() == [job]
    assert "hangs     single  seed 0  its worker said nothing for 60 s and is killed" in desk.said
    assert driver.hung() == []
    driver.on_end(job, AttemptResult("lost", "the worker hung", "lost"))
    again = driver.next_job()
    assert again is not None, "it is not counted against the trial"
    assert desk.attempts()[0][1:3] == ("lost", "lost")


def test_a_worker_that_says_nothing_keeps_its_trial_while_its_heart_beats(desk: Desk) -> None:
    desk.settings = desk.settings.model_copy(update={"lease_seconds": 3.0})
    driver, other = desk.driver(), desk.driver("other")
    job = driver.next_job()
    assert job is not None
    driver.on_placed(job)
    heart = job.folder / HEARTBEAT_FILE
    for beat in range(8):
        heart.touch()
        os.utime(heart, ns=(beat, beat))  # whatever clock that file system has
        time.sleep(0.5)
        assert not driver.abandoned()
        assert other.next_job() is None
        other._elsewhere = [(decision, 0.0) for decision, _ in other._elsewhere]
    deadline = time.monotonic() + 60
    while other.next_job() is None:
        assert time.monotonic() < deadline
        assert not driver.abandoned()
        other._elsewhere = [(decision, 0.0) for decision, _ in other._elsewhere]
        time.sleep(0.05)
    assert [state for _, state, *_ in desk.attempts()] == ["lost", "running"], "it was stopped, or died, and its lease ended"


def test_a_worker_that_never_says_a_word_after_it_was_placed_hangs(desk: Desk, seconds_pass: Pass) -> None:
    desk.settings = desk.settings.model_copy(update={"silence_seconds": 60.0})
    driver = desk.driver()
    job = driver.next_job()
    assert job is not None
    driver.on_placed(job)
    for _ in range(3):
        seconds_pass(20)
        assert driver.hung() == []
    seconds_pass(1)
    assert driver.hung() == [job]


def test_a_driver_that_slept_itself_listens_before_it_kills(desk: Desk, seconds_pass: Pass) -> None:
    desk.settings = desk.settings.model_copy(update={"silence_seconds": 60.0})
    driver = desk.driver()
    job = driver.next_job()
    assert job is not None
    say(driver, job, "started", 0)
    assert driver.hung() == []
    seconds_pass(3600)
    assert driver.hung() == [], "the machine slept, and what the worker said is on its way"
    for _ in range(3):
        seconds_pass(20)
        assert driver.hung() == []
    seconds_pass(20)
    assert driver.hung() == [job]


def test_a_hung_job_ends_as_lost_unless_its_worker_says_more(desk: Desk) -> None:
    driver, running = desk.driver(), RunningJobs()
    job = driver.next_job()
    assert job is not None
    running.jobs["tune-1"] = job
    assert running.hangs(job) is None, "it never said where it is"
    running.places["tune-1"] = Place("10.0.0.1", 17)
    running.report_from("tune-1")
    assert running.hung == set()
    assert running.hangs(job) == Place("10.0.0.1", 17)
    running.over("tune-1", driver)
    assert driver.failure is None
    history = desk.store.history(desk.trials[0].fingerprint)
    assert history.attempts[0].error == "the worker hung: it said nothing for too long and was killed"
    assert running.places == {}
