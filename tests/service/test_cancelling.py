"""A cancelled trial checkpoints and stops, under whatever driver, and stays so until somebody asks for it."""

from pathlib import Path

from queue_of import Desk, planned, say, work

from sweeper.driver.driver import Driver
from sweeper.execution.jobs import AttemptResult, Job
from sweeper.service.cancel import cancel_trial
from sweeper.trial_folder import STOP_FILE


def took(driver: Driver) -> Job:
    job = driver.next_job()
    assert job is not None, driver.failure
    say(driver, job, "started", 0)
    return job


def state(desk: Desk, seed: int = 0) -> str:
    return next(outcome.state for outcome in desk.store.snapshot("desk").outcomes if outcome.seed == seed)


def cancel(desk: Desk, seed: int = 0, undo: bool = False) -> str:
    return cancel_trial(desk.settings, planned(seed).fingerprint, undo=undo)


UNDO = "`sweeper cancel --undo single-0` has the next run go on with it"


def test_a_running_trial_stops_and_no_run_takes_it_up_before_it_is_asked_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [planned(seed) for seed in (0, 1)])
    driver = desk.driver()
    job, other = took(driver), took(driver)
    assert cancel(desk) == f"trial single-0 (single, seed 0) is cancelled: attempt 1 writes a checkpoint and stops; {UNDO}"
    assert (job.folder / STOP_FILE).exists()
    assert not (other.folder / STOP_FILE).exists()
    assert state(desk) == "running", "until it has stopped"
    say(driver, job, "checkpoint", 5)
    driver.on_end(job, AttemptResult("stopped"))
    assert state(desk) == "cancelled"
    assert f"stopped   single  seed 0  cancelled; {UNDO}  [0/2]" in desk.said
    assert driver.next_job() is None
    work(driver, other)
    assert driver.finished(), "it is not waited for"

    again = desk.driver(trials=desk.trials[:1])
    assert again.next_job() is None
    again._elsewhere = [(decision, 0.0) for decision, _ in again._elsewhere]
    assert again.next_job() is None
    assert again.finished()
    assert desk.said[-1] == f"cancelled single  seed 0  {UNDO}"

    assert cancel(desk, undo=True) == "trial single-0 (single, seed 0) may run again: sweeper run SPEC"
    assert state(desk) == "pending"
    assert [folder.name for folder in took(desk.driver(trials=desk.trials[:1])).earlier] == ["attempt-1"]


def test_a_driver_on_another_machine_finds_out_from_the_store(tmp_path: Path) -> None:
    """Whoever cancelled does not see the folder that the worker looks into."""
    desk = Desk(tmp_path, [planned()])
    driver = desk.driver()
    job = took(driver)
    desk.store.cancel(job.key.partition("/")[0])
    assert not (job.folder / STOP_FILE).exists()
    driver._kept -= desk.settings.lease_seconds
    driver.abandoned()
    assert (job.folder / STOP_FILE).exists()


def test_a_lost_worker_of_a_cancelled_trial_is_not_replaced(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [planned()])
    driver = desk.driver()
    job = took(driver)
    cancel(desk)
    driver.on_end(job, AttemptResult("lost", "died", "lost"))
    assert driver.next_job() is None
    driver._elsewhere = [(decision, 0.0) for decision, _ in driver._elsewhere]
    assert driver.next_job() is None
    assert driver.finished()
    assert (state(desk), len(desk.attempts())) == ("cancelled", 1)


def test_a_trial_that_finished_all_the_same_has_its_result(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [planned()])
    driver = desk.driver()
    job = took(driver)
    cancel(desk)
    work(driver, job)
    assert state(desk) == "finished"


def test_a_trial_stopped_with_its_run_is_not_cancelled(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [planned()])
    driver = desk.driver()
    job = took(driver)
    driver.stop()
    driver.on_end(job, AttemptResult("stopped"))
    assert (state(desk), desk.attempts()[0][3]) == ("pending", None)
