"""A store that answers nothing holds up neither the driver nor its workers; what they said is stored in order when it answers again."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from queue_of import Desk, planned, say, work

from sweeper.driver import store_calls
from sweeper.driver.budget import Budget, Limits
from sweeper.driver.driver import Driver
from sweeper.driver.retry_policy import RetryPolicy
from sweeper.driver.store_calls import StoreCalls
from sweeper.errors import StoreUnavailable, StoreUnreachable
from sweeper.execution.jobs import AttemptResult, Job
from sweeper.plan.timing import Pace
from sweeper.store import postgres
from sweeper.store.results_store import ResultsStore
from sweeper.trial_folder import STOP_FILE
from tests.local_postgres import LocalPostgres, local_postgres

LONG = 120.0
"""Seconds after which a test would have hung."""


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_calls, "PROMPT_SECONDS", 0.3)


class Hanging:
    """A store each of whose calls waits for as long as `answers` is not set."""

    def __init__(self, store: ResultsStore) -> None:
        self._store, self.answers = store, threading.Event()
        self.answers.set()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*arguments: Any, **named: Any) -> Any:
            assert self.answers.wait(LONG)
            return method(*arguments, **named)

        return call


@pytest.fixture
def hanging(desk: Desk) -> Iterator[Hanging]:
    made = Hanging(desk.store)
    yield made
    made.answers.set()


def took(driver: Driver) -> Job:
    job = driver.next_job()
    assert job is not None, driver.failure
    return job


def job_of(driver: Driver) -> Job:
    """As soon as it has one."""
    found: list[Job] = []

    def look() -> bool:
        job = driver.next_job()
        found.extend([job] if job is not None else [])
        return bool(found)

    until(look)
    return found[0]


def until(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LONG
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_what_workers_say_meanwhile_is_stored_in_order(desk: Desk, hanging: Hanging) -> None:
    driver = desk.driver(store=hanging)
    job = took(driver)
    hanging.answers.clear()
    began = time.monotonic()
    work(driver, job)  # all that a worker ever says, its end included
    assert time.monotonic() - began < LONG / 10
    assert not driver.finished(), "the end is not stored yet"
    assert driver.next_job() is None
    assert desk.attempts() == [(1, "running", None, None)]
    hanging.answers.set()
    until(lambda: driver.next_job() is None and driver.finished())
    assert driver.failure is None
    assert desk.attempts() == [(1, "finished", None, None)]
    history = desk.store.history(desk.trials[0].fingerprint)
    assert [(point.step, point.value) for point in history.points] == [(10, 1.0)]
    assert [point.value for point in history.evaluations] == [0.5]
    assert driver.progress.finished == 1


def test_a_trial_is_granted_when_the_store_answers_and_not_twice(desk: Desk, hanging: Hanging) -> None:
    driver = desk.driver(store=hanging)
    hanging.answers.clear()
    assert driver.next_job() is None
    assert driver.next_job() is None, "asked once"
    assert not driver.finished()
    hanging.answers.set()
    job = job_of(driver)
    assert [number for number, *_ in desk.attempts()] == [1]
    work(driver, job)
    until(driver.finished)  # a call to the store may still be on its way


def test_meanwhile_the_driver_kills_what_hangs_and_stops_at_the_deadline(desk: Desk, hanging: Hanging) -> None:
    clock = [0.0]
    desk.settings = desk.settings.model_copy(update={"silence_seconds": 0.1})
    budget = Budget(Limits(seconds=100), gpus=0, concurrent=1, paces={"single": Pace(5.0, 0.0, "measured", "")}, clock=lambda: clock[0])
    driver = desk.driver(store=hanging, budget=budget)
    job = took(driver)
    hanging.answers.clear()
    say(driver, job, "started", 0)
    time.sleep(0.2)
    assert driver.hung() == [job]
    assert not (job.folder / STOP_FILE).exists()
    clock[0] = 101.0
    assert not driver.abandoned()
    assert (job.folder / STOP_FILE).exists()


def test_a_run_that_is_stopped_does_not_wait_for_ever(desk: Desk, hanging: Hanging) -> None:
    desk.settings = desk.settings.model_copy(update={"stop_seconds": 0.5})
    driver = desk.driver(store=hanging)
    job = took(driver)
    hanging.answers.clear()
    say(driver, job, "started", 0)
    driver.stop()
    assert (job.folder / STOP_FILE).exists(), "at once: the store is not asked"
    driver.on_end(job, AttemptResult("stopped"))
    assert not driver.finished()
    driver.close()
    assert driver.finished()
    assert isinstance(driver.failure, StoreUnavailable)
    assert str(driver.failure).startswith("the sweep is paused, since its store did not answer for 1 s; what it has is kept")


def test_what_is_granted_after_the_end_is_given_back(desk: Desk, hanging: Hanging) -> None:
    driver = desk.driver(store=hanging)
    hanging.answers.clear()
    assert driver.next_job() is None
    driver.stop()
    hanging.answers.set()
    until(lambda: not driver.abandoned() and driver.finished())
    assert desk.attempts() == [(1, "stopped", None, None)]


def test_after_a_question_that_failed_none_is_asked() -> None:
    """Points that were lost, then a checkpoint that was stored, would be a curve with a gap."""
    calls, asked = StoreCalls(), list[str]()
    holds = threading.Event()

    def fail() -> None:
        assert holds.wait(LONG)
        raise StoreUnavailable("gone")

    calls.ask(fail, lambda _: None)
    calls.ask(lambda: asked.append("second"), lambda _: None)
    holds.set()
    with pytest.raises(StoreUnavailable, match="gone"):
        until(lambda: calls.deliver())
    calls.ask(lambda: asked.append("third"), lambda _: None)
    assert (asked, calls.busy) == ([], False)


@pytest.fixture
def server() -> Iterator[LocalPostgres]:
    with local_postgres() as made:
        yield made
        made.thaw()


def test_a_frozen_postgresql_under_a_driver(tmp_path: Path, server: LocalPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real thing: every process of the server stopped, for longer than an answer is waited for."""
    monkeypatch.setattr(postgres, "SILENT_SECONDS", 1.0)
    desk = Desk(tmp_path, [planned(seed) for seed in range(2)], url=server.url, retry=LONG)
    driver = desk.driver()
    first = took(driver)
    server.freeze()
    began = time.monotonic()
    work(driver, first)
    assert driver.next_job() is None
    assert time.monotonic() - began < LONG / 10
    until(lambda: any("the store does not answer and is asked again" in line for line in desk.said))
    assert any("connection timeout expired" in line or "the server did not answer for 1 s" in line for line in desk.said)
    server.thaw()
    work(driver, job_of(driver))
    driver.close()
    assert driver.finished()
    assert [desk.attempts(trial)[-1][1] for trial in desk.trials] == ["finished", "finished"]
    assert [desk.store.snapshot("desk").outcomes[seed].metrics for seed in range(2)] == [{"held_out_loss": 0.5}] * 2
    desk.store.close()


def test_opening_is_as_patient_as_running() -> None:
    """Nobody listens on the port; then somebody does, and cuts every connection; then there is the server."""
    said, tries = (
        list[str](),
        list[Exception]([StoreUnreachable("refused"), StoreUnreachable("cut"), StoreUnavailable("cut in the middle")]),
    )

    def open_it() -> str:
        if tries:
            raise tries.pop(0)
        return "open"

    assert RetryPolicy(LONG, said.append)(open_it) == "open"
    assert said[0] == f"the store does not answer and is asked again for {LONG:g} s: refused"
    assert said[-1].startswith("the store answers again after ")
    tries[:] = [StoreUnreachable("refused, for good")] * 3
    with pytest.raises(StoreUnreachable, match=r"^refused, for good$"):
        RetryPolicy(0.0, said.append)(open_it)
