"""A search that is killed, shared by two drivers, or robbed of its copy ends as one that was left alone."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import yaml

from sweeper.records import SweepSnapshot
from tests.faults.disturbing import PATIENCE, Table, attempts, finish, run, start, table
from tests.sweep.sweeper_home import Home, wait_for

SEARCH = Path(__file__).with_name("small_search.yaml")
NAME = "small-search"
SINGLE_PROCESS = ("--max-concurrent", "1")
STATES = {"finished", "stopped early"}

pytestmark = pytest.mark.slow


def snapshot_of(home: Home) -> SweepSnapshot | None:
    if not (home.path / "sweeper.db").exists():
        return None
    with home.store() as store:
        return store.snapshot(NAME) if any(one.name == NAME for one in store.sweeps()) else None


def search(home: Home) -> None:
    finish(home.start("run", str(SEARCH), *SINGLE_PROCESS))


def order(home: Home) -> list[tuple[str, int]]:
    found = snapshot_of(home)
    assert found is not None
    return [(outcome.variant, outcome.seed) for outcome in found.outcomes]


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory, furnish: Callable[..., Home], wide_cluster: dict[str, str]) -> Home:
    """A home whose search ended by itself, one trial at a time."""
    home = furnish(tmp_path_factory.mktemp("searched"), wide_cluster)
    search(home)
    return home


@pytest.fixture(scope="session")
def undisturbed_search(searched: Home) -> Table:
    return table(searched, NAME)


def test_a_search_ends_with_its_proposals_and_their_confirmation(searched: Home, undisturbed_search: Table) -> None:
    assert {row["state"] for row in undisturbed_search.values()} <= STATES
    at_seed = [seed for _, seed in order(searched)]
    assert at_seed == [0] * 5 + [100, 100, 101, 101], "proposals first, then the best and the baseline on fresh seeds"
    stopped = [row for row in undisturbed_search.values() if row["state"] == "stopped early"]
    assert stopped, "the space is wide enough for a bad proposal"
    assert all(not row["metrics"] for row in stopped)


def test_killed_in_the_middle_it_ends_with_the_same_proposals_and_values(faulty: Home, searched: Home, undisturbed_search: Table) -> None:
    for wanted in (2, 4):  # while its second, and then its fourth proposal is trained
        process = faulty.start("run", str(SEARCH), *SINGLE_PROCESS)

        def under_way(wanted: int = wanted) -> bool:
            found = snapshot_of(faulty)
            return found is not None and len(found.outcomes) >= wanted and found.outcomes[wanted - 1].step > 0

        wait_for(under_way, PATIENCE)
        process.kill()
        process.communicate()
    search(faulty)
    assert order(faulty) == order(searched)
    assert table(faulty, NAME) == undisturbed_search
    tried = attempts(faulty, NAME)
    assert any(attempt.state == "lost" for mine in tried.values() for attempt in mine)
    assert all(sum(attempt.state in STATES for attempt in mine) == 1 for mine in tried.values()), "nothing was trained twice"


def test_two_drivers_share_one_search(faulty: Home) -> None:
    drivers = [start(faulty, spec=SEARCH) for _ in range(2)]
    outputs = [driver.communicate(timeout=PATIENCE)[0] for driver in drivers]  # of both, so that a failure leaves neither running
    assert [driver.returncode for driver in drivers] == [0, 0], outputs
    found = snapshot_of(faulty)
    assert found is not None
    proposals = {outcome.variant for outcome in found.outcomes if outcome.seed == 0}
    assert (len(proposals), len(found.outcomes)) == (5, 9)
    assert {outcome.state for outcome in found.outcomes} <= STATES
    assert {len(mine) for mine in attempts(faulty, NAME).values()} == {1}, "each was trained once, by one of the two"
    assert len(copied(faulty)) == 5


def test_a_lost_copy_is_made_again_and_nothing_is_trained_for_it(searched: Home) -> None:
    before, tried = copied(searched), attempts(searched, NAME)
    (searched.path / "optuna.db").unlink()
    output = finish(searched.start("run", str(SEARCH), *SINGLE_PROCESS))
    assert attempts(searched, NAME) == tried
    assert copied(searched) == before
    assert "Confirmed: held-out loss" in output


def test_a_trial_that_was_stopped_early_is_finished_by_a_sweep_that_wants_it_in_full(searched: Home, tmp_path: Path) -> None:
    found = snapshot_of(searched)
    assert found is not None
    stopped = next(outcome for outcome in found.outcomes if outcome.state == "stopped early")
    raw = yaml.safe_load(SEARCH.read_text())
    paths = {name: factor["path"] for name, factor in raw["design"]["space"].items()}
    fields = {paths[name]: float(level) for name, level in stopped.levels.items()}
    raw |= {"name": "in-full", "design": {"kind": "variants", "variants": {"it": fields}}}
    spec = tmp_path / "in-full.yaml"
    spec.write_text(yaml.safe_dump(raw))
    output = run(searched, spec=spec)
    with searched.store() as store:
        (outcome,) = store.snapshot("in-full").outcomes
        history = store.history(stopped.fingerprint)
    assert (outcome.fingerprint, outcome.state) == (stopped.fingerprint, "finished")
    assert [attempt.state for attempt in history.attempts] == ["stopped early", "finished"]
    assert history.attempts[1].start_step == history.attempts[0].checkpoint_step > 0
    assert "0 of 1 already finished" in output


def copied(home: Home) -> list[tuple[str, str, dict[str, float]]]:
    """State and values of every trial in the copy for Optuna."""
    url = f"sqlite:///{home.path / 'optuna.db'}"
    (name,) = optuna.get_all_study_names(url)
    study = optuna.load_study(study_name=name, storage=url)
    return sorted((trial.user_attrs["variant"], trial.state.name, trial.params) for trial in study.trials)
