"""A run with passwords and tokens in both its URLs, one trial of which finishes and one fails: nobody finds them afterwards."""

import base64
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sweeper_home import TINY, Home

from sweeper.store.results_store import ResultsStore

SECRET = "correct-horse-battery"


class Echo(http.server.BaseHTTPRequestHandler):
    """An MLflow that turns everything down and quotes what it was sent, its password included."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        sent = base64.b64decode(self.headers.get("Authorization", "Basic ").partition(" ")[2]).decode()
        said = {"error_code": "INVALID_PARAMETER_VALUE", "message": f"no: http://{sent}@host{self.path}?token={SECRET}"}
        body = json.dumps(said).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.heard.append(sent)  # type: ignore[attr-defined]

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.heard = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_secrets_in_urls_are_nowhere_after_a_run(
    furnish: Callable[..., Home], cluster: dict[str, str], server: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    home = furnish(
        tmp_path / "home",
        cluster
        | {
            "SWEEPER_DATABASE_URL": f"sqlite:///{tmp_path / 'home' / 'results.db'}?key={SECRET}",
            "SWEEPER_MLFLOW_URI": f"http://ann:{SECRET}@127.0.0.1:{server.server_address[1]}/?token={SECRET}",
        },
    )
    rates = "{rate: {path: optimizer.learning_rate, levels: [0.001, 1.0e+30]}}"
    said = home.run("run", str(TINY), "--set", f"design.factors={rates}", "--set", "contrasts=[]", exit_code=3)
    said += home.run("status") + home.run("report", "--format", "json") + home.run("status", "--profile", "none", "--debug", exit_code=2)
    with ResultsStore.open(f"sqlite:///{home.path / 'results.db'}") as store:
        states = {outcome.variant: outcome for outcome in store.snapshot().outcomes}
    assert {name: outcome.state for name, outcome in states.items()} == {"0.001": "finished", "1e+30": "diverged"}
    for outcome in states.values():
        said += home.run("show", outcome.fingerprint)
    assert f"ann:{SECRET}" in server.heard, "the server was asked with the password"  # type: ignore[attr-defined]
    assert SECRET not in said
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert {"results.db", "mirror.log", "log.txt"} <= {path.name for path in files}
    log = (home.path / "mirror.log").read_text()
    assert re.search(r"^20\S+Z MLflow does not take outbox row \d+ \(sweep\).*: no: http://\*\*\*@host", log, re.MULTILINE), log
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
