"""Each attempt's folder says what it was; what a store that was away was never told is told before the trial goes on."""

import json
from typing import Any

from queue_of import STARTED, Desk, say, work

from sweeper.driver.attempt_records import AttemptRecords, read_record, read_trials
from sweeper.driver.driver import Driver
from sweeper.errors import StoreUnavailable
from sweeper.execution.jobs import AttemptResult, Job, WorkerMessage
from sweeper.trial_folder import RECORD_FILE
from tests.state_files import write_state


def took(driver: Driver) -> Job:
    job = driver.next_job()
    assert job is not None, driver.failure
    return job


def test_the_folder_of_an_attempt_that_ended_says_what_the_store_says(desk: Desk) -> None:
    driver = desk.driver()
    job = took(driver)
    say(driver, job, "evaluation", 5, {"held_out_loss": 0.7}, {"samples": 5})
    work(driver, job)
    part = read_record(job.folder / RECORD_FILE)
    name = desk.trials[0].fingerprint
    assert (part.fingerprint, part.config, len(part.attempts)) == (name, desk.trials[0].config, 1)
    assert part.attempts[0] == desk.store.attempt_history(name, 1)
    assert part.attempts[0].attempt.state == "finished"
    assert [one.metrics for one in part.attempts[0].evaluations] == [{"held_out_loss": 0.7}, {"held_out_loss": 0.5}]
    assert [(found, missing) for found, missing in read_trials(desk.settings)] == [(part, [])]


def test_the_folder_of_one_that_runs_says_what_was_heard_so_far_and_torn_lines_hurt_no_other(desk: Desk) -> None:
    driver = desk.driver()
    job = took(driver)
    path = job.folder / RECORD_FILE
    say(driver, job, "started", 0)
    say(driver, job, "points", 4, {"train_loss": 1.0})
    with path.open("a") as file:
        file.write('{"points": {"step": 5, "metr')  # the disk was full, or the machine died
    say(driver, job, "points", 8, {"train_loss": 0.5})
    say(driver, job, "checkpoint", 8)
    (history,) = read_record(path).attempts
    assert (history.attempt.state, history.attempt.number, history.attempt.owner) == ("running", 1, "me")
    assert (history.attempt.start_step, history.attempt.step, history.attempt.checkpoint_step) == (0, 8, 8)
    assert [(point.step, point.metrics) for point in history.points] == [(4, {"train_loss": 1.0}), (8, {"train_loss": 0.5})]


class AwayLater:
    """A store that goes away for good when it is told to."""

    def __init__(self, desk: Desk) -> None:
        self._store, self.away = desk.store, False

    def __getattr__(self, name: str) -> Any:
        if self.away:
            raise StoreUnavailable("connection refused")
        return getattr(self._store, name)


def test_what_the_store_was_not_told_is_told_before_the_trial_goes_on(desk: Desk) -> None:
    """Its trials trained on while it was away, and kept no older checkpoint than those it knows nothing of."""
    name, store = desk.trials[0].fingerprint, AwayLater(desk)
    first = desk.driver("first", store=store)
    job = took(first)
    say(first, job, "started", 0)
    say(first, job, "points", 2, {"train_loss": 2.0})
    say(first, job, "checkpoint", 2)
    store.away = True
    say(first, job, "points", 4, {"train_loss": 1.0})
    assert isinstance(first.failure, StoreUnavailable)
    records = AttemptRecords(desk.store, desk.settings)  # of one that died while the store was away, its points and checkpoint in its hands
    lease = first._running.report_from(job)
    assert lease is not None
    for kind, step, metrics in (("points", 6, {"train_loss": 0.9}), ("checkpoint", 6, {})):
        records.reported(lease.lease, desk.trials[0], _heard(kind, step, metrics), 3_000)
    write_state(job.folder, "checkpoint", 6)
    assert [point.step for point in desk.store.history(name).points] == [2]
    desk.store.alive(lease.lease)
    assert desk.driver("second").next_job() is None, "the first one's lease is not over: it may live"
    records.catch_up(name, lambda _: False)
    assert [point.step for point in desk.store.history(name).points] == [2], "nor is anything told for it"
    records.catch_up(name, lambda _: True)
    assert [point.step for point in desk.store.history(name).points] == [2, 4, 6]
    first.failure = None
    desk.store.end(lease.lease, "lost")
    job = took(desk.driver("third", key=STARTED["comparability"]))
    assert job.recorded == {job.folder.parent / "attempt-1": 6}, "so that it goes on from there, with a whole curve"
    records.catch_up(name, lambda _: True)
    assert [point.step for point in desk.store.history(name).points] == [2, 4, 6]


def test_a_claim_catches_up_by_itself(desk: Desk) -> None:
    store = AwayLater(desk)
    first = desk.driver("first", store=store)
    job = took(first)
    say(first, job, "started", 0)
    store.away = True
    say(first, job, "points", 4, {"train_loss": 1.0})
    first.on_end(job, AttemptResult("lost", "died", "lost"))
    desk.settings = desk.settings.model_copy(update={"lease_seconds": 1.0})
    second = desk.driver("first")  # a driver of the same process knows that nobody runs it
    took(second)
    assert [point.step for point in desk.store.history(desk.trials[0].fingerprint).points] == [4]


def test_attempts_of_older_versions_get_theirs(desk: Desk) -> None:
    driver = desk.driver()
    job = took(driver)
    work(driver, job)
    path = job.folder / RECORD_FILE
    written = path.read_text()
    path.unlink()
    ((found, missing),) = read_trials(desk.settings)
    assert (found, missing) == (None, [f"{job.folder} holds no record.jsonl: an older version of sweeper wrote it"])
    assert AttemptRecords(desk.store, desk.settings).complete() == 1
    assert path.read_text() == written
    assert AttemptRecords(desk.store, desk.settings).complete() == 0


def test_a_record_in_the_folder_of_another_attempt_is_none(desk: Desk) -> None:
    driver = desk.driver()
    job = took(driver)
    work(driver, job)
    other = job.folder.with_name("attempt-7")
    other.mkdir()
    (other / RECORD_FILE).write_text((job.folder / RECORD_FILE).read_text())
    ((found, missing),) = read_trials(desk.settings)
    assert found is not None
    assert missing == [f"{other / RECORD_FILE} is of another attempt"]
    for line in (job.folder / RECORD_FILE).read_text().splitlines():
        json.loads(line)


def _heard(kind: Any, step: int, metrics: dict[str, float]) -> WorkerMessage:
    from model.train_trial import TrialReport

    return WorkerMessage(TrialReport(kind, step, metrics))
