"""A removal that was killed at any moment: what the store knows is there again, and what it does not know is gone."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from queue_of import Desk, planned, work

from sweeper.driver.driver import ELSEWHERE_SECONDS
from sweeper.errors import StoreUnavailable, SweepPaused
from sweeper.liveness import is_dead
from sweeper.service import prune as pruning
from sweeper.service.prune import PruneRequest, delete_trials, finish_interrupted, prune
from sweeper.store.results_store import ResultsStore
from tests.state_files import write_state

KILLED = """
import os, signal, sys
from pathlib import Path
from sweeper.service import prune
from sweeper.service.delete_sweep import delete_sweep
from sweeper.service.prune import PruneRequest
from sweeper.settings import Settings

moment, what = sys.argv[1:]
settings = Settings()
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if moment == "put aside":
    put_aside = prune.put_aside
    prune.put_aside = lambda paths: (put_aside(paths), kill())
else:
    prune.remove = kill
delete_sweep(settings, "desk", "default") if what == "delete" else prune.prune(settings, PruneRequest(keep="average"))
"""


@pytest.fixture
def trained(tmp_path: Path) -> Desk:
    """Two finished trials with two checkpoints and an average each."""
    desk = Desk(tmp_path, [planned(seed) for seed in (0, 1)], {"keep": "resumable"})
    driver = desk.driver()
    while job := driver.next_job():
        work(driver, job)
        for step in (5, 10):
            write_state(job.folder, "checkpoint", step)
        write_state(job.folder, "average", 10)
    return desk


def killed(desk: Desk, moment: str, what: str) -> None:
    environment = {**os.environ, "SWEEPER_HOME": str(desk.folder)}
    done = subprocess.run([sys.executable, "-c", KILLED, moment, what], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL


def names(desk: Desk) -> set[str]:
    return {path.relative_to(desk.settings.trials).as_posix() for path in desk.settings.trials.rglob("*.safetensors*")}


def test_a_delete_killed_before_the_store_agreed_has_not_happened(trained: Desk) -> None:
    before = names(trained)
    killed(trained, "put aside", "delete")
    assert names(trained) != before
    assert {outcome.state for outcome in trained.store.snapshot("desk").outcomes} == {"finished"}
    assert finish_interrupted(trained.store, trained.settings, []) == []
    assert names(trained) == before


def test_a_delete_killed_after_the_store_agreed_is_finished_by_the_next(trained: Desk) -> None:
    killed(trained, "remove", "delete")
    assert trained.store.sweeps() == []
    assert names(trained), "put aside still"
    failed: list[str] = []
    removed = finish_interrupted(trained.store, trained.settings, failed)
    assert {removal.fingerprint for removal in removed} == {trial.fingerprint for trial in trained.trials}
    assert failed == []
    assert list(trained.settings.trials.iterdir()) == []


@pytest.mark.parametrize("moment", ["put aside", "remove"])
def test_a_prune_killed_at_any_moment_is_finished_by_the_next(trained: Desk, moment: str) -> None:
    killed(trained, moment, "prune")
    done = prune(trained.settings, PruneRequest(keep="average"))
    assert done.failed == []
    assert {Path(name).name for name in names(trained)} == {"average-00000010.safetensors"}
    assert {outcome.state for outcome in trained.store.snapshot("desk").outcomes} == {"finished"}


def test_a_store_that_does_not_answer_at_the_end_of_a_delete_leaves_every_file(trained: Desk) -> None:
    before = names(trained)

    class Away:
        def __enter__(self) -> list[str]:
            return [trial.fingerprint for trial in trained.trials]

        def __exit__(self, *_: Any) -> None:
            raise StoreUnavailable("the server is gone")

    with pytest.raises(StoreUnavailable):
        delete_trials(trained.settings, Away(), lambda gone: gone, [])
    assert names(trained) == before


def test_a_trial_that_began_to_run_since_the_look_is_left_alone(trained: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = pruning._scope

    def then_begun(store: ResultsStore, request: PruneRequest) -> Any:
        found = scope(store, request)
        first = trained.trials[0].fingerprint
        assert trained.store.acquire_lease(first, owner="elsewhere:1:1", lease_seconds=60, is_dead=is_dead) is not None
        return found

    monkeypatch.setattr(pruning, "_scope", then_begun)
    done = prune(trained.settings, PruneRequest(keep="average"))
    assert done.live == [trained.trials[0].fingerprint]
    left = {name.split("/")[0] for name in names(trained) if "checkpoint" in name}
    assert left == {trained.trials[0].fingerprint}


def test_a_sweep_deleted_under_its_driver_ends_the_run_in_words(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [planned(seed) for seed in (0, 1)])
    driver = desk.driver()
    driver._elsewhere = [(driver._pending.pop(), -ELSEWHERE_SECONDS)]
    with desk.store.deleting_sweep("desk", "default", is_dead):
        pass
    assert driver.next_job() is None
    assert isinstance(driver.failure, SweepPaused)
    assert str(driver.failure) == "trial single-0 was deleted while its sweep ran; run the same command again to train it anew"
