"""PostgreSQL and MLflow, stopped and started under a running sweep."""

import contextlib
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.mlflow_server import MlflowServer, slowed
from sweeper.store.postgres import SILENT_SECONDS
from sweeper.store.results_store import ResultsStore
from tests.faults.disturbing import (
    Table,
    assert_mirrored_once,
    assert_nothing_lost_nothing_twice,
    attempts,
    finish,
    run,
    start,
    table,
    training,
    wait_until,
)
from tests.local_postgres import LocalPostgres, local_postgres
from tests.sweep.sweeper_home import Home

pytestmark = pytest.mark.slow


class OnPostgres(Home):
    """A home whose store is on a server."""

    def store(self) -> ResultsStore:
        return ResultsStore.open(self.more["SWEEPER_DATABASE_URL"])


@pytest.fixture
def postgres() -> Iterator[LocalPostgres]:
    with local_postgres() as server:
        yield server


def test_postgresql_stopped_and_started_under_load(faulty: Home, postgres: LocalPostgres, undisturbed: Table) -> None:
    home = OnPostgres(faulty.path, {**faulty.more, "SWEEPER_DATABASE_URL": postgres.url})
    sa.create_engine(postgres.url).dispose()
    (home.path / "sweeper.db").touch()  # `running` looks whether anything ran
    process = start(home)
    for mode in ("immediate", "fast"):
        if wait_until(lambda: training(home, at_least=0), process) is None:
            break
        postgres.stop(mode)
        time.sleep(4)
        postgres.start()
    output = finish(process)
    assert "the store answers again after" in output
    assert_nothing_lost_nothing_twice(home, undisturbed)


def test_a_postgresql_that_stays_away_pauses_the_sweep_and_the_same_command_goes_on(
    faulty: Home, postgres: LocalPostgres, undisturbed: Table
) -> None:
    home = OnPostgres(faulty.path, {**faulty.more, "SWEEPER_DATABASE_URL": postgres.url, "SWEEPER_STORE_PATIENCE": "4"})
    (home.path / "sweeper.db").touch()
    process = start(home)
    wait_until(lambda: training(home), process)
    postgres.stop("immediate")
    output = finish(process, exit_code=4)
    assert "the sweep is paused, since its store did not answer" in output
    assert "the same command goes on from it" in output
    assert "Traceback" not in output
    postgres.start()
    run(home)
    assert table(home) == undisturbed  # the curves too: nothing is resumed from behind points that the store never heard of
    assert all([a.state for a in tried].count("finished") == 1 for tried in attempts(home).values())


def test_ctrl_c_ends_a_run_whose_postgresql_is_frozen_and_the_same_command_goes_on(
    faulty: Home, postgres: LocalPostgres, undisturbed: Table
) -> None:
    """Every process of the server stopped; its kernel still acknowledges. The trials checkpoint, nobody waits for the server to answer."""
    home = OnPostgres(faulty.path, {**faulty.more, "SWEEPER_DATABASE_URL": postgres.url, "SWEEPER_STOP_SECONDS": "12"})
    (home.path / "sweeper.db").touch()
    process = start(home)
    wait_until(lambda: training(home), process)
    postgres.freeze()
    time.sleep(5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    output = finish(process, exit_code=4)
    # The server never answers while this lasts: one question may run into its limit, and the mirror is given its time to end.
    assert time.monotonic() - began < 3 * SILENT_SECONDS, "it does not wait for the server"
    assert "the sweep is paused, since its store did not answer" in output
    assert "Traceback" not in output
    postgres.thaw()
    run(home)
    assert table(home) == undisturbed
    assert all([a.state for a in tried].count("finished") == 1 for tried in attempts(home).values())


@pytest.fixture
def mlflow(tmp_path: Path, migrated: Path) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path / "server", migrated)
    yield server
    server.stop()


def runs_in(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as mlflow:
        return int(mlflow.execute("select count(*) from runs").fetchone()[0])


def test_mlflow_down_at_the_start_stopped_in_the_middle_and_restarted_empty_and_from_an_older_copy(
    furnish: Callable[..., Home], tmp_path: Path, wide_cluster: dict[str, str], mlflow: MlflowServer, undisturbed: Table, migrated: Path
) -> None:
    home = furnish(tmp_path / "home", {**wide_cluster, "SWEEPER_MLFLOW_URI": mlflow.uri})
    (home.path / "mlflow.db").unlink()
    process = start(home)
    wait_until(lambda: training(home, at_least=0), process)  # it is not there at the start
    mlflow.start()
    wait_until(lambda: runs_in(mlflow.database) > 1, process)
    mlflow.stop()  # nor for long in the middle
    older = tmp_path / "older.db"
    with contextlib.closing(sqlite3.connect(mlflow.database)) as live, contextlib.closing(sqlite3.connect(older)) as copy:
        live.backup(copy)
    finish(process)
    assert table(home) == undisturbed
    with home.store() as store:
        waiting = store.backlog()
    assert waiting > 0, "it waits in the store"
    assert "MLflow is away, its rows wait in the outbox" in (home.path / "mirror.log").read_text()
    for database in (migrated, older):
        shutil.copy(database, mlflow.database)
        mlflow.start()
        run(home)
        assert_nothing_lost_nothing_twice(home, undisturbed)
        assert_mirrored_once(mlflow.database, len(undisturbed))
        mlflow.stop()
        with home.store() as store:
            store.post_pages("small", "default")  # something to tell, which without pages changes nothing there


def test_a_slow_mlflow_holds_up_no_trial_and_hears_of_all_when_it_is_quick(
    furnish: Callable[..., Home], tmp_path: Path, wide_cluster: dict[str, str], mlflow: MlflowServer, undisturbed: Table
) -> None:
    """A server that takes 5 s for every answer: the sweep is over while the mirror is still at the first of it."""
    mlflow.start()
    with slowed(mlflow) as slow:
        home = furnish(tmp_path / "home", {**wide_cluster, "SWEEPER_MLFLOW_URI": slow.uri})
        (home.path / "mlflow.db").unlink()
        output = run(home)
    assert slow.answered > 0, "slow, but there"
    assert "not in MLflow yet" in output
    assert table(home) == undisturbed
    quick = Home(home.path, {**home.more, "SWEEPER_MLFLOW_URI": mlflow.uri})
    run(quick)
    assert_nothing_lost_nothing_twice(quick, undisturbed)
    assert_mirrored_once(mlflow.database, len(undisturbed))
