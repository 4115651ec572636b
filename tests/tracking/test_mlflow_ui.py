"""The command that serves MLflow's pages."""

import fnmatch
import os
import socket
import sys
from pathlib import Path

import pytest

from sweeper.errors import RequestError
from sweeper.tracking.ui import announcement, check_port, ui_command


def admits(allowed: list[str], called: str) -> bool:
    """As MLflow judges a Host header (`mlflow.server.security_utils`, which takes seconds to load)."""
    return any(fnmatch.fnmatch(called, pattern) if "*" in pattern else called == pattern for pattern in allowed)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_command_is_the_cheap_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "true")
    monkeypatch.setenv("KEPT", "yes")
    port = free_port()
    command, environment = ui_command("postgresql://ann:s3cret@host/db", tmp_path / "a b", "127.0.0.1", port)
    assert command == [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    assert environment["MLFLOW_BACKEND_STORE_URI"] == "postgresql://ann:s3cret@host/db"
    assert environment["MLFLOW_DEFAULT_ARTIFACT_ROOT"].endswith("/a%20b/mlflow")
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["KEPT"] == "yes"


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1"), ("localhost", "http://localhost"), ("::1", "http://[::1]"), ("[::1]", "http://[::1]")],
)
def test_the_address_is_one_that_a_browser_opens(host: str, url: str, tmp_path: Path) -> None:
    port = free_port()
    assert announcement(host, port) == [f"MLflow at {url}:{port} in some seconds; Ctrl-C ends it"]
    command, environment = ui_command("sqlite:///mlflow.db", tmp_path, host, port)
    assert command[command.index("--host") + 1] == host.strip("[]"), "as a socket takes it"
    assert "MLFLOW_SERVER_ALLOWED_HOSTS" not in environment.keys() - os.environ.keys()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_that_others_reach_comes_with_a_warning(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "lab-7")
    monkeypatch.delenv("MLFLOW_SERVER_ALLOWED_HOSTS", raising=False)
    port = free_port()
    opened, warning = announcement(host, port)
    assert opened.startswith(f"MLflow at http://{'[::1]' if host == '::' else '127.0.0.1'}:{port}")
    assert warning == (
        f"There is no log-in: whoever reaches port {port} of this machine can read, change and delete all that MLflow shows."
        f" To look from another machine alone, leave --host out and use there: ssh -L {port}:127.0.0.1:{port} lab-7"
    )
    _, environment = ui_command("sqlite:///mlflow.db", tmp_path, host, port)
    allowed = environment["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    for called in (f"lab-7:{port}", f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", f"192.168.1.5:{port}"):
        assert admits(allowed, called), called
    assert not admits(allowed, f"evil.example:{port}"), "a page elsewhere that points its name here"
    monkeypatch.setenv("MLFLOW_SERVER_ALLOWED_HOSTS", "lab")
    assert ui_command("sqlite:///mlflow.db", tmp_path, host, port)[1]["MLFLOW_SERVER_ALLOWED_HOSTS"] == "lab"


def test_a_server_has_pages_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="open its address in a browser") as caught:
        ui_command("https://ann:s3cret@mlflow.example", tmp_path, "127.0.0.1", 5000)
    assert "s3cret" not in str(caught.value)


def test_a_port_in_use_is_refused_by_number() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(RequestError, match=rf"port {port} on 127\.0\.0\.1 is in use"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 0, "1 to 65535"),
        ("127.0.0.1", 70_000, "1 to 65535"),
        ("192.0.2.1", 5000, "cannot listen on"),
        ("no such host", 5000, "cannot listen on"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(host: str, port: int, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        check_port(host, port)
