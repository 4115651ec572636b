"""What a running driver leaves of its trials' files, with a worker that writes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from queue_of import Desk, planned, say, work

from sweeper.driver.driver import Driver
from sweeper.errors import StoreUnavailable
from sweeper.execution.jobs import AttemptResult, Job
from sweeper.removal import UNFINISHED
from tests.state_files import write_state


def took(driver: Driver) -> Job:
    job = driver.next_job()
    assert job is not None, driver.failure
    say(driver, job, "started", 0)
    return job


def checkpoint(driver: Driver, job: Job, step: int) -> None:
    """As the worker does: written, the older ones of its own folder deleted, told."""
    write_state(job.folder, "checkpoint", step)
    for old in sorted(job.folder.glob("checkpoint-*"))[:-2]:
        old.unlink()
    say(driver, job, "checkpoint", step)


def finish(driver: Driver, job: Job) -> None:
    checkpoint(driver, job, 10)
    write_state(job.folder, "average", 10)
    work(driver, job)


def files(desk: Desk) -> list[str]:
    root = desk.settings.trials / desk.trials[0].fingerprint
    return sorted(f"{path.parent.name[-1]}/{path.name.split('.')[0].replace('-000000', ' ')}" for path in root.glob("*/*.safetensors*"))


def test_a_trial_preempted_again_and_again_keeps_two_checkpoints(desk: Desk) -> None:
    driver = desk.driver()
    for step in range(1, 8):
        job = took(driver)
        (job.folder / f"checkpoint-x{UNFINISHED}").touch()
        checkpoint(driver, job, step)
        driver.on_end(job, AttemptResult("lost", "died", "lost"))
    assert files(desk) == ["6/checkpoint 06", "7/checkpoint 07"]
    unfinished = [path.parent.name for path in desk.settings.trials.rglob(f"*{UNFINISHED}")]
    assert unfinished == ["attempt-7"], "what killed workers left, but for the newest"
    finish(driver, took(driver))
    assert files(desk) == ["8/average 10", "8/checkpoint 10"]


def test_nothing_goes_before_the_store_has_heard_of_the_first_checkpoint(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = desk.driver()
    first = took(driver)
    checkpoint(driver, first, 4)
    checkpoint(driver, first, 5)
    driver.on_end(first, AttemptResult("lost", "died", "lost"))
    second = took(driver)
    write_state(second.folder, "checkpoint", 6)
    monkeypatch.setattr(desk.store, "checkpointed", away)
    say(driver, second, "checkpoint", 6)
    assert files(desk) == ["1/checkpoint 04", "1/checkpoint 05", "2/checkpoint 06"]


def away(*_: Any, **__: Any) -> Any:
    raise StoreUnavailable("away")


def test_a_store_that_is_away_when_files_could_go_ends_no_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = desk.driver()
    first = took(driver)
    checkpoint(driver, first, 4)
    driver.on_end(first, AttemptResult("lost", "died", "lost"))
    monkeypatch.setattr(desk.store, "uses", away)
    monkeypatch.setattr(desk.store, "idle", away)
    second = took(driver)
    checkpoint(driver, second, 6)
    finish(driver, second)
    assert driver.failure is None
    assert driver.finished()
    assert files(desk) == ["1/checkpoint 04", "2/average 10", "2/checkpoint 06", "2/checkpoint 10"]


def test_keep_average_is_kept_to_and_a_sweep_that_wants_more_steps_has_the_last_word(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [planned()], {"keep": "average"})
    desk.store.record_sweep(name="longer", profile="default", version="v", spec={"keep": "average"}, trials=[planned(steps=20)])
    driver = desk.driver()
    finish(driver, took(driver))
    assert files(desk) == ["1/average 10", "1/checkpoint 10"]
    longer = desk.driver(trials=[planned(steps=20)])
    job = took(longer)
    assert [folder.name for folder in job.earlier] == ["attempt-1"]
    checkpoint(longer, job, 20)
    write_state(job.folder, "average", 20)
    work(longer, job, steps=20)
    assert files(desk) == ["1/average 10", "2/average 20"]


def test_what_another_driver_has_begun_to_use_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the trial for more steps in the moment in which this one has ended."""
    desk = Desk(tmp_path, [planned()], {"keep": "average"})
    first, other = desk.driver("first"), desk.driver("other", trials=[planned(steps=20)])
    taken: list[Job] = []

    def then(end: Callable[..., None]) -> Callable[..., None]:
        def ended(*words: Any, **more: Any) -> None:
            end(*words, **more)
            taken.append(took(other))

        return ended

    monkeypatch.setattr(desk.store, "end", then(desk.store.end))
    finish(first, took(first))
    assert [folder.name for folder in taken[0].earlier] == ["attempt-1"]
    assert files(desk) == ["1/average 10", "1/checkpoint 10"]
    assert first.failure is None
