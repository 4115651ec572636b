"""A PostgreSQL that cuts connections while a run begins: it is asked again, as it is while trials run."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from stored_sweep import store_sweep

from tests.local_postgres import forward, local_postgres

pytest.importorskip("psycopg")


class CuttingPort:
    """A TCP port before a server's socket that cuts connections for as long as it is told to."""

    def __init__(self, server: Path) -> None:
        self._server, self.to_cut, self.cut = server, 0, 0
        self._port = socket.create_server(("127.0.0.1", 0))
        self.number = self._port.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._port.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._port.accept()
            except OSError:
                return
            if self.to_cut:
                self.to_cut, self.cut = self.to_cut - 1, self.cut + 1
                client.close()
                continue
            threading.Thread(target=forward, args=(client, self._server), daemon=True).start()


@pytest.fixture
def port(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CuttingPort]:
    """Before a server that SWEEPER_DATABASE_URL names, with the sweep in it, all finished."""
    with local_postgres() as server:
        url = sa.make_url(server.url)
        made = CuttingPort(Path(str(url.query["host"])) / ".s.PGSQL.5432")
        through = url.set(host="127.0.0.1", port=made.number).difference_update_query(["host"])
        monkeypatch.setenv("SWEEPER_DATABASE_URL", through.render_as_string(hide_password=False))
        monkeypatch.setenv("SWEEPER_MLFLOW_PAGES", "false")
        store_sweep()
        yield made
        made.close()


def run(sweeper: Callable[..., Any]) -> Any:
    said = sweeper("run", "sweep.yaml", "--profile", "smoke", "--set", "base.steps=40")
    said_once = " ".join(said.out.split())
    return said, said_once


def test_a_run_begins_in_a_loop_of_cut_connections(sweeper: Callable[..., Any], port: CuttingPort) -> None:
    port.to_cut = 6
    said, out = run(sweeper)
    assert (said.code, said.err) == (0, "")
    assert port.cut == 6
    assert "the store does not answer and is asked again for 120 s: the database postgresql+psycopg://sweeper:***@127.0.0.1" in out
    assert "the store answers again after" in out


def test_a_look_says_so_at_once(sweeper: Callable[..., Any], port: CuttingPort) -> None:
    port.to_cut = 1
    said = sweeper("status")
    assert (said.code, said.out, port.cut) == (2, "", 1)
    assert "cannot be opened: " in said.err


@pytest.mark.parametrize("what", ["refused", "no such user"])
def test_what_will_not_be_granted_later_either_is_not_waited_for(
    what: str, sweeper: Callable[..., Any], port: CuttingPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a port where nobody listens only as long as the setting says."""
    url = f"postgresql://ann@127.0.0.1:{port.number}/postgres" if what == "no such user" else "postgresql://ann@127.0.0.1:1/db"
    monkeypatch.setenv("SWEEPER_DATABASE_URL", url)
    monkeypatch.setenv("SWEEPER_STORE_PATIENCE", "120" if what == "no such user" else "0.2")
    said, out = run(sweeper)
    assert said.code == 2
    assert ("is asked again for 0 s: the database" in out) == (what == "refused")
    assert said.err.startswith("error: the database postgresql+psycopg://ann@127.0.0.1")
