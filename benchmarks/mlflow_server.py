"""A real MLflow tracking server, and a way to it on which every request takes its time."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sweeper.tracking.ui import ui_command

ANSWER_SECONDS = 5.0
START_SECONDS = 300.0
"""For a server to answer, on a loaded machine and with a database to migrate."""
_OF_ONE_CONNECTION = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length"})
"""Headers that are not passed on."""


class MlflowServer:
    """On its own database, a copy of `migrated` where that is given; it can be stopped and started."""

    def __init__(self, folder: Path, migrated: Path | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.database, self.port, self._folder = folder / "mlflow.db", _free_port(), folder
        if migrated is not None:
            shutil.copy(migrated, self.database)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers."""
        arguments, environment = ui_command(f"sqlite:///{self.database}", self._folder / "artifacts", "127.0.0.1", self.port)
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                arguments, env=os.environ | environment | {"PYTHONWARNINGS": "ignore"}, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"MLflow's server does not answer; {self._folder / 'server.log'} says why")
            time.sleep(0.1)

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


class SlowProxy(ThreadingHTTPServer):
    """Hands every request on to a server, late, and the answer back."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Late)
        self.to, self.ends = port, threading.Event()
        self.late: float | None = ANSWER_SECONDS
        """Seconds before a request is handed on, 0 allowed; None hangs up on everybody."""
        self.answered, self.hung_up = 0, 0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked went away."""


class _Late(BaseHTTPRequestHandler):
    server: SlowProxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        late = self.server.late
        if late is None or self.server.ends.wait(late):
            self.server.hung_up += 1
            self.close_connection = True
            return
        connection = HTTPConnection("127.0.0.1", self.server.to, timeout=60)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, body, _passed_on(self.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
        self.server.answered += answer.status < 400
        self.send_response(answer.status)
        for name, value in _passed_on(answer.getheaders()).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def slowed(server: MlflowServer) -> Iterator[SlowProxy]:
    """The slow way to a server that runs; what waits when it is closed is never handed on."""
    with SlowProxy(server.port) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.ends.set()
            proxy.shutdown()


def _passed_on(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in _OF_ONE_CONNECTION}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
