"""What a search tries next when two drivers share it: both read it from the store."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from queue_of import work

from sweeper.driver.board import Board
from sweeper.driver.budget import NO_LIMITS, Budget
from sweeper.driver.driver import Driver
from sweeper.driver.progress import Progress
from sweeper.plan.reconcile import from_nothing
from sweeper.service.plan_sweep import SweepRequest, plan_sweep
from sweeper.service.search_run import SearchRun
from sweeper.settings import Settings
from sweeper.store.results_store import ResultsStore

SMALL = Path(__file__).parents[1] / "faults" / "small_search.yaml"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    raw = yaml.safe_load(SMALL.read_text())
    raw["design"] |= {"trials": 2, "stopping": None}
    path = tmp_path / "search.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


class Two:
    """Two drivers of one search, without Ray."""

    def __init__(self, folder: Path, spec: Path) -> None:
        self.settings = Settings(home=folder)
        self.store = ResultsStore.open(f"sqlite:///{folder / 'sweeper.db'}")
        self.drivers = [self._driver(owner, SweepRequest(spec)) for owner in ("one", "other")]

    def _driver(self, owner: str, request: SweepRequest) -> Driver:
        planned = plan_sweep(request, self.store.known)
        sweep = planned.sweep
        named: dict[str, Any] = {"name": sweep.spec.name, "profile": sweep.profile, "version": sweep.version}
        self.store.record_sweep(**named, spec=sweep.spec.model_dump(mode="json"), trials=planned.trials, grows=True)
        progress = Progress(5, 0, 5, sweep.spec.primary, "cpu", lambda text: None)
        progress.board = Board.of(self.store.snapshot(sweep.spec.name, sweep.profile), sweep.spec.primary)
        source = SearchRun(planned, request, self.store, from_nothing, progress, lambda proposals: 0)
        budget = Budget(NO_LIMITS, gpus=0, concurrent=1, paces={})
        return Driver(self.store, self.settings, owner, planned.plan.to_run(), planned.allotment, budget, (), progress, source)

    def train(self, driver: Driver, loss: float) -> tuple[str, int]:
        """One trial, from its start to its end: its variant and seed."""
        job = driver.next_job()
        assert job is not None, driver.failure
        work(driver, job, steps=96, loss=loss)
        name, _, _ = job.key.partition("/")
        outcomes = self.store.snapshot("small-search").outcomes
        return next((o.variant, o.seed) for o in outcomes if o.fingerprint == name)


def test_the_best_is_confirmed_by_a_driver_that_did_not_propose_it(tmp_path: Path, spec: Path) -> None:
    two = Two(tmp_path, spec)
    one, other = two.drivers
    first, second = two.train(one, 0.5), two.train(other, 0.4)
    assert first != second
    assert two.train(one, 0.4) == (second[0], 100)
    two.store.close()
