"""The copy that Optuna's own tools read: on SQLite, in a schema of its own on PostgreSQL, and in optuna-dashboard."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from pydantic import SecretStr

from sweeper.plan.proposals import Proposal, proposals_of
from sweeper.search.optuna_copy import OptunaCopy
from sweeper.service.optuna_storage import dashboard_command, optuna_url
from sweeper.settings import Settings
from sweeper.spec.factors import Level
from sweeper.store.results_store import ResultsStore
from tests.local_postgres import local_postgres
from tests.search.small_search import snapshot_of, spec_of

NAME = "small-search/default/abc"
CHOICES: list[dict[str, Level]] = [{"weight": 0.5, "layer": layer, "ratio": 0.1, "separation": "full"} for layer in (1, 2, 3)]


def proposals(number: int, stopped: dict[int, int] | None = None) -> tuple[Proposal, ...]:
    spec, _ = spec_of()
    known, curves = snapshot_of(spec, CHOICES[:number], stopped)
    return proposals_of(known, spec, curves)


def opened(url: str, folder: Path) -> OptunaCopy:
    spec, design = spec_of()
    return OptunaCopy(url, NAME, design, spec.objectives, str(folder / "optuna.lock"))


def test_sweeper_ui_names_the_command_that_shows_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert dashboard_command(settings) is None
    with opened(optuna_url(settings), tmp_path):
        pass
    assert dashboard_command(settings) == f"optuna-dashboard sqlite:///{tmp_path / 'optuna.db'}"
    shared = Settings(home=tmp_path, database_url=SecretStr("postgresql+psycopg://ann:s3cretword@host/db"))
    assert dashboard_command(shared) == "optuna-dashboard 'postgresql+psycopg://ann:***@host/db?options=-csearch_path%3Doptuna'"


def states(url: str) -> list[str]:
    storage = optuna.storages.RDBStorage(url)
    try:
        return [trial.state.name for trial in optuna.load_study(study_name=NAME, storage=storage).trials]
    finally:
        storage.remove_session()
        storage.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield optuna_url(Settings(home=tmp_path))
        return
    with local_postgres() as server:
        settings = Settings(home=tmp_path, database_url=SecretStr(server.url))
        with ResultsStore.open(server.url) as store:
            yield optuna_url(settings, store)
            assert store.sweeps() == [], "the store's own tables are as they were"


def test_each_ended_proposal_is_there_once_whoever_writes(url: str, tmp_path: Path) -> None:
    with opened(url, tmp_path) as one, opened(url, tmp_path) as other:
        assert one.write(proposals(1)) == 1
        assert other.write(proposals(3, {1: 20})) == 2
        assert one.write(proposals(3, {1: 20})) == 0
    assert states(url) == ["COMPLETE", "PRUNED", "COMPLETE"]
    with opened(url, tmp_path) as again:
        assert again.write(proposals(3)) == 3, "the stopped one was finished since: the copy is made anew"
    assert states(url) == ["COMPLETE"] * 3


def test_optuna_dashboard_opens_it(tmp_path: Path) -> None:
    url = optuna_url(Settings(home=tmp_path))
    with opened(url, tmp_path) as copy:
        copy.write(proposals(3, {1: 20}))
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = f"from optuna_dashboard import run_server; run_server({url!r}, host='127.0.0.1', port={port})"
    server = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        (study,) = asked(server, f"http://127.0.0.1:{port}/api/studies")["study_summaries"]
        assert (study["study_name"], study["directions"]) == (NAME, ["minimize"])
        page = asked(server, f"http://127.0.0.1:{port}/api/studies/{study['study_id']}")
        assert [trial["state"] for trial in page["trials"]] == ["Complete", "Pruned", "Complete"]
    finally:
        server.kill()
        server.wait()


def asked(server: subprocess.Popen[bytes], address: str) -> Any:
    deadline = time.monotonic() + 400
    while True:
        try:
            with urllib.request.urlopen(address, timeout=200) as answer:
                return json.loads(answer.read())
        except OSError:
            assert server.poll() is None, "the dashboard ended"
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.3)
