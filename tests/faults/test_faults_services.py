"""PostgreSQL and MLflow, stopped and started under a running sweep."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.mlflow_away import slow_server
from sweeper.store.results_store import ResultsStore
from sweeper.tracking.ui import ui_command
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MlflowServer:
    """A real tracking server on its own database, which can be stopped and started."""

    def __init__(self, folder: Path, migrated: Path) -> None:
        self.database, self.port, self._folder = folder / "mlflow.db", free_port(), folder
        shutil.copy(migrated, self.database)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        arguments, environment = ui_command(f"sqlite:///{self.database}", self._folder / "artifacts", "127.0.0.1", self.port)
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                arguments, env=os.environ | environment | {"PYTHONWARNINGS": "ignore"}, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._answers)

    def stop(self) -> None:
        """As a crash would: the server and its worker are killed."""
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@pytest.fixture
def mlflow(tmp_path: Path, migrated: Path) -> Iterator[MlflowServer]:
    (tmp_path / "server").mkdir()
    server = MlflowServer(tmp_path / "server", migrated)
    yield server
    server.stop()


def test_mlflow_down_at_the_start_and_stopped_in_the_middle(
    furnish: Callable[..., Home], tmp_path: Path, wide_cluster: dict[str, str], mlflow: MlflowServer, undisturbed: Table
) -> None:
    home = furnish(tmp_path / "home", {**wide_cluster, "SWEEPER_MLFLOW_URI": mlflow.uri})
    (home.path / "mlflow.db").unlink()
    process = start(home)
    wait_until(lambda: training(home, at_least=0), process)  # it is not there at the start
    mlflow.start()
    time.sleep(1)
    mlflow.stop()  # nor for long in the middle
    finish(process)
    assert table(home) == undisturbed
    with home.store() as store:
        waiting = store.backlog()
    assert waiting > 0, "it waits in the store"
    mlflow.start()
    run(home)
    assert_nothing_lost_nothing_twice(home, undisturbed)
    assert_mirrored_once(mlflow.database, len(undisturbed))


def test_a_slow_mlflow_holds_up_no_trial(
    furnish: Callable[..., Home], tmp_path: Path, wide_cluster: dict[str, str], undisturbed: Table
) -> None:
    """A server that takes 5 s for every answer: the sweep is over while the mirror still waits for its first words."""
    with slow_server() as server:
        home = furnish(tmp_path / "home", {**wide_cluster, "SWEEPER_MLFLOW_URI": server.uri})
        (home.path / "mlflow.db").unlink()
        output = run(home)
    assert server.asked.is_set()
    assert "MLflow has yet to hear of" in output
    assert table(home) == undisturbed
