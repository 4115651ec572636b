"""MLflow servers and http_proxy: one on this machine is asked directly, and a message names the proxy that was asked."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sweeper.tracking.proxies import asked_by_proxy, pass_the_proxy

ASK = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from sweeper.errors import SweeperError
from sweeper.tracking.mlflow_client import QuietClient
try:
    print(QuietClient(sys.argv[1], Path("/nowhere")).experiment_tags("x"))
except SweeperError as error:
    print(type(error).__name__, error)
"""
DEAD = "http://127.0.0.1:9"
"""A proxy that does not answer."""


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("no_proxy", "")  # so that what the code sets is taken back
    monkeypatch.setenv("NO_PROXY", "")


@pytest.fixture
def server() -> Iterator[int]:
    """The port of a server with no experiments."""

    class Empty(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def ask(uri: str) -> str:
    environment = os.environ | {"http_proxy": DEAD, "HTTP_PROXY": DEAD}
    return subprocess.run([sys.executable, "-c", ASK, uri], capture_output=True, text=True, env=environment, check=True).stdout.strip()


def test_a_server_on_this_machine_is_asked_past_the_proxy_and_another_is_not(server: int) -> None:
    assert ask(f"http://127.0.0.1:{server}") == "[]"
    assert re.fullmatch(
        r"TrackingAway .*ProxyError.* \(asked through the proxy of http_proxy; if that does not reach the server,"
        r" add mlflow\.example to no_proxy\)",
        ask("http://mlflow.example:5000"),
    )


@pytest.mark.parametrize(
    ("uri", "listed"),
    [
        ("http://127.0.0.1:5000", "127.0.0.1"),
        ("http://ann:pw@localhost:5000/x", "localhost"),
        ("https://[::1]:5000", "::1"),
        ("http://127.8.9.10", "127.8.9.10"),
        ("http://192.168.1.5:5000", ""),
        ("sqlite:///mlflow.db", ""),
        ("http://[::1", ""),
    ],
)
def test_only_addresses_of_this_machine_are_added(uri: str, listed: str) -> None:
    pass_the_proxy(uri)
    assert (os.environ["no_proxy"], os.environ["NO_PROXY"]) == (listed, listed)
    os.environ["no_proxy"], os.environ["NO_PROXY"] = "", "one.example"
    for _ in range(2):
        pass_the_proxy(uri)
    assert os.environ["NO_PROXY"] == ",".join(filter(None, ("one.example", listed)))


def test_a_message_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_by_proxy("http://mlflow.example:5000") == ""
    monkeypatch.setenv("HTTPS_PROXY", DEAD)
    assert asked_by_proxy("http://mlflow.example:5000") == ""
    assert "the proxy of HTTPS_PROXY" in asked_by_proxy("https://mlflow.example")
    monkeypatch.setenv("no_proxy", "mlflow.example")
    assert asked_by_proxy("https://mlflow.example") == ""
    assert asked_by_proxy("sqlite:///mlflow.db") == ""
