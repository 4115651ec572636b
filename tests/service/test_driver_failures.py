"""What a run does about each class of failure, and what it stores of that."""

from pathlib import Path

import pytest
from queue_of import Desk, planned, say, work

from sweeper.driver.budget import Budget, Limits
from sweeper.driver.driver import Driver
from sweeper.driver.progress import TrialProgress
from sweeper.errors import SweepPaused
from sweeper.execution.jobs import AttemptResult, Job
from sweeper.plan.failures import LOST_IN_A_ROW
from sweeper.plan.reconcile import Decision
from sweeper.plan.timing import Pace
from sweeper.records import FailureClass
from sweeper.trial_folder import STOP_FILE
from tests.state_files import write_state


def took(driver: Driver) -> Job:
    job = driver.next_job()
    assert job is not None, driver.failure
    say(driver, job, "started", 0)
    return job


@pytest.mark.parametrize("failure", ["config error", "data error", "fault"])
def test_a_failure_that_would_repeat_is_stored_and_left_alone(desk: Desk, failure: FailureClass) -> None:
    driver = desk.driver()
    driver.on_end(took(driver), AttemptResult("failed", "KeyError: x\nTraceback", failure))
    ((number, state, stored, policy),) = desk.attempts()
    assert (number, state, stored) == (1, "failed", failure)
    assert policy is not None
    assert policy.startswith("not tried again")
    assert driver.finished()
    assert desk.store.known([desk.trials[0].fingerprint])[desk.trials[0].fingerprint].failure == failure
    assert f"KeyError: x; {policy}" in desk.said[-1]


def test_a_want_of_memory_is_tried_once_more_with_half_the_batch_at_a_time(desk: Desk) -> None:
    driver = desk.driver()
    first = took(driver)
    assert first.config["accumulation"] == 1
    driver.on_end(first, AttemptResult("failed", "OutOfMemoryError: ...", "out of memory"))
    second = took(driver)
    assert (second.config["accumulation"], second.config["batch_size"]) == (2, 16)
    driver.on_end(second, AttemptResult("lost", "died", "lost"))
    third = took(driver)
    assert third.config["accumulation"] == 2, "a lost worker changes nothing about that"
    driver.on_end(third, AttemptResult("failed", "OutOfMemoryError: ...", "out of memory"))
    assert driver.finished()
    policies = [policy for *_, policy in desk.attempts()]
    assert policies[0] == "tried again once with 2 micro-batches of 8 a step, the same batch of 16"
    assert policies[2] == "not tried again: micro-batches of 8 were too large as well"
    known = desk.store.known([desk.trials[0].fingerprint])[desk.trials[0].fingerprint]
    assert (known.failure, known.out_of_memory) == ("out of memory", True)
    assert desk.store.snapshot("desk").outcomes[0].out_of_memory


def test_lost_workers_are_replaced_as_long_as_the_trial_gets_further(desk: Desk) -> None:
    driver = desk.driver()
    for step in range(1, LOST_IN_A_ROW + 3):
        job = took(driver)
        say(driver, job, "checkpoint", step)
        driver.on_end(job, AttemptResult("lost", "died", "lost"))
    for _ in range(LOST_IN_A_ROW - 1):
        job = took(driver)
        driver.on_end(job, AttemptResult("lost", "died", "lost"))
    assert driver.finished()
    assert desk.attempts()[-1][3] == f"lost {LOST_IN_A_ROW} times in a row without getting further; left alone until the next run"
    assert desk.store.snapshot("desk").outcomes[0].state == "pending", "not counted against the trial"


def test_a_full_disk_pauses_the_sweep(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [planned(seed) for seed in range(3)])
    driver = desk.driver()
    first, second = took(driver), took(driver)
    driver.on_end(first, AttemptResult("failed", "DiskFull: no space left to write x\nTraceback", "disk full"))
    assert driver.next_job() is None
    assert not driver.finished(), "what runs goes on"
    assert not (second.folder / STOP_FILE).exists()
    work(driver, second)
    assert driver.finished()
    assert str(driver.paused) == "the sweep is paused: DiskFull: no space left to write x"
    assert driver.paused is not None
    assert driver.paused.exit_code == 4
    desk.store.close()


def test_a_folder_that_cannot_be_made_pauses_the_sweep(desk: Desk) -> None:
    desk.settings.trials.write_text("a file where the folder should be")
    driver = desk.driver()
    assert driver.next_job() is None
    assert driver.finished()
    assert str(driver.failure).startswith(
        f"the sweep is paused: {desk.settings.trials / desk.trials[0].fingerprint / 'attempt-1'} cannot be made ("
    )
    assert isinstance(driver.failure, SweepPaused)


def test_checkpoints_that_were_passed_over_are_named(desk: Desk) -> None:
    driver = desk.driver()
    job = driver.next_job()
    assert job is not None
    say(driver, job, "started", 5, details={"comparability": {}, "checkpoints_passed_over": ["x is damaged"]})
    assert "passed over x is damaged; an older state is used" in desk.said
    assert desk.store.history(desk.trials[0].fingerprint).attempts[0].provenance["checkpoints_passed_over"] == ["x is damaged"]


def test_nothing_is_started_that_cannot_finish_and_no_block_in_part(tmp_path: Path) -> None:
    clock = [0.0]
    desk = Desk(tmp_path, [planned(seed, variant) for seed in range(3) for variant in ("a", "b")])
    budget = Budget(Limits(seconds=100), gpus=0, concurrent=1, paces={}, clock=lambda: clock[0])
    driver = desk.driver(budget=budget)
    for _ in range(4):  # 20 s each: two blocks fit in 100 s, the third would end at 120
        job = took(driver)
        clock[0] += 20
        work(driver, job)
    assert driver.next_job() is None
    assert driver.finished()
    assert {d.trial.seed for d in driver.left_out} == {2}
    assert len(driver.left_out) == 2
    assert budget.reason == "the 2 trials of seed 2 would take about 40 s, and 20 s are left before the deadline"
    finished = {(o.seed, o.state) for o in desk.store.snapshot("desk").outcomes}
    assert finished == {(0, "finished"), (1, "finished"), (2, "pending")}
    desk.store.close()


def test_at_the_deadline_what_runs_is_told_to_checkpoint(desk: Desk) -> None:
    clock = [0.0]
    budget = Budget(Limits(seconds=100), gpus=0, concurrent=1, paces={"single": Pace(5.0, 0.0, "measured", "")}, clock=lambda: clock[0])
    driver = desk.driver(budget=budget)
    job = took(driver)
    assert not driver.abandoned()
    clock[0] = 101
    assert not driver.abandoned()
    assert (job.folder / STOP_FILE).exists()
    driver.on_end(job, AttemptResult("stopped"))
    assert driver.finished()
    assert not driver.stopped, "nobody interrupted it"
    assert budget.reason == "the deadline is reached"


def test_gpu_hours_are_those_of_all_trials_together(tmp_path: Path) -> None:
    clock = [0.0]
    desk = Desk(tmp_path, [planned(seed) for seed in range(5)])
    budget = Budget(
        Limits(gpu_seconds=2.9 * 3600), gpus=0.5, concurrent=2, paces={"single": Pace(300.0, 0.0, "measured", "")}, clock=lambda: clock[0]
    )
    driver = desk.driver(budget=budget)
    first, second = took(driver), took(driver)  # 3,000 s each, of half a GPU
    clock[0] = 3600.0  # slower than was thought
    work(driver, first)
    work(driver, second)
    took(driver)
    took(driver)
    clock[0] = 5400.0
    assert driver.next_job() is None
    # One is spent by the first two and half of one by the others, which have 3,600 s to go as far as anybody knows; so has the fifth.
    assert budget.reason == "single, seed 4, would take about 1.50 GPU hours, and 1.40 are left"
    desk.store.close()


def test_a_trial_that_was_nearly_done_does_not_seem_slow(tmp_path: Path) -> None:
    """Its start and evaluation take as long whether it does ten steps or one."""
    clock = [0.0]
    desk = Desk(tmp_path, [planned(seed, steps=100) for seed in range(2)])
    budget = Budget(Limits(seconds=200), gpus=0, concurrent=1, paces={}, clock=lambda: clock[0])
    driver = desk.driver(budget=budget)
    job = driver.next_job()
    assert job is not None
    say(driver, job, "started", 90)
    say(driver, job, "points", 100, {"train_loss": 1.0, "steps_per_second": 1.0})
    clock[0] = 50.0  # ten steps of a second, and 40 s for the rest
    say(driver, job, "evaluation", 100, {"held_out_loss": 0.5}, {"samples": 5})
    driver.on_end(job, AttemptResult("finished"))
    assert driver.next_job() is not None, "it takes 140 s, and 150 s are left; not 5 s a step"
    desk.store.close()


@pytest.mark.parametrize(
    ("rate", "first", "cost"),
    [
        (None, 0, 5.0 * 100),  # ten steps in 50 s
        (None, 5, 10.0 * 100),  # five of them by this attempt
        (1.0, 0, 1.0 * 100 + 40.0),  # a second each, and 40 s for start and evaluation
        (0.1, 0, 5.0 * 100),  # a rate that would make the trial longer than it was is not believed
    ],
)
def test_what_a_finished_trial_says_of_the_next(rate: float | None, first: int, cost: float) -> None:
    clock = [0.0]
    budget = Budget(Limits(seconds=50 + cost - 1), gpus=0, concurrent=1, paces={}, clock=lambda: clock[0])
    budget.started("a")
    budget.began("a", first)
    clock[0] = 50.0
    budget.ended("a", TrialProgress(planned(), 1, step=10, steps_per_second=rate), finished=True)
    following = Decision(planned(1, steps=100), "run", "new")
    assert not budget.admits(following, [following], [])
    assert budget.reason == f"single, seed 1, would take about {cost:.0f} s, and {cost - 1:.0f} s are left before the deadline"


def test_only_an_evaluation_takes_time_too(tmp_path: Path) -> None:
    paces = {"single": Pace(1.0, 40.0, "measured", "")}
    budget = Budget(Limits(seconds=30), gpus=0, concurrent=1, paces=paces, clock=lambda: 0.0)
    decision = Decision(planned(steps=100), "evaluate", "this evaluation is new", from_step=100)
    assert not budget.admits(decision, [decision], [])
    assert budget.reason == "single, seed 0, would take about 40 s, and 30 s are left before the deadline"


@pytest.mark.parametrize(("seconds", "admitted"), [(90, False), (100, True)])
def test_a_block_takes_as_long_as_its_longest_trial_however_many_run_at_once(seconds: float, admitted: bool) -> None:
    paces = {"slow": Pace(10.0, 0.0, "measured", ""), "quick": Pace(1.0, 0.0, "measured", "")}
    budget = Budget(Limits(seconds=seconds), gpus=0, concurrent=4, paces=paces, clock=lambda: 0.0)
    for key in "abcd":
        budget.started(key)  # four at once were seen to run
    block = [Decision(planned(0, variant), "run", "new") for variant in ("slow", "quick")]  # 100 s and 10 s
    assert budget.admits(block[0], block, []) is admitted
    if not admitted:
        assert budget.reason == "the 2 trials of seed 0 would take about 100 s, and 90 s are left before the deadline"


def test_what_still_runs_takes_its_share_of_the_places(tmp_path: Path) -> None:
    paces = {"slow": Pace(10.0, 0.0, "measured", "")}
    for still, admitted in ((1, True), (3, False)):
        budget = Budget(Limits(seconds=150), gpus=0, concurrent=2, paces=paces, clock=lambda: 0.0)
        budget.started("a")
        budget.started("b")
        running = [TrialProgress(planned(9, "slow"), 1) for _ in range(still)]
        block = [Decision(planned(0, "slow", steps=steps), "run", "new") for steps in (10, 1)]
        assert budget.admits(block[0], block, running) is admitted, "(110 + 100 n) / 2 s of 150"


def test_a_trial_begun_afresh_goes_on_from_its_own_checkpoint_when_its_worker_is_lost(desk: Desk) -> None:
    before = desk.driver()
    work(before, took(before))
    driver = desk.driver(fresh=True)
    first = took(driver)
    assert first.earlier == ()
    say(driver, first, "checkpoint", 5)
    driver.on_end(first, AttemptResult("lost", "the worker process died without a word", "lost"))
    second = took(driver)
    assert [folder.name for folder in second.earlier] == ["attempt-2"]
    work(driver, second)
    assert driver.finished()
    assert [state for _, state, *_ in desk.attempts()] == ["finished", "lost", "finished"]


def test_what_another_driver_found_to_fail_is_not_found_out_again(desk: Desk) -> None:
    first, second = desk.driver("first"), desk.driver("second")
    first.on_end(took(first), AttemptResult("diverged", "train_loss became nan at step 3", "diverged"))
    assert second.next_job() is None
    second._elsewhere = [(decision, 0.0) for decision, _ in second._elsewhere]  # not in five seconds but now
    assert second.next_job() is None
    assert second.finished()
    assert second.progress.failed == 1
    assert "diverged  single  seed 0  under another driver: train_loss became nan at step 3" in desk.said
    assert len(desk.attempts()) == 1


def test_a_checkpoint_made_under_other_conditions_is_passed_over(desk: Desk) -> None:
    first, second = desk.driver("first"), desk.driver("second", key={"device": "gpu"})
    job = took(first)
    write_state(job.folder, "checkpoint", 5)
    say(first, job, "checkpoint", 5)
    first.on_end(job, AttemptResult("stopped"))
    assert took(second).earlier == ()
    assert "passed over single  seed 0, attempt 1: it ran under other conditions than this one" in desk.said


def test_a_checkpoint_that_was_deleted_is_not_said_to_be_passed_over(desk: Desk) -> None:
    first, second = desk.driver("first"), desk.driver("second", key={"device": "gpu"})
    job = took(first)
    say(first, job, "checkpoint", 5)
    first.on_end(job, AttemptResult("stopped"))
    took(second)
    assert not any("passed over" in line for line in desk.said)
