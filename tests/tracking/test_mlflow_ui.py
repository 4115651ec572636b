"""The command that serves MLflow's pages."""

import socket
import sys
from pathlib import Path

import pytest

from sweeper.errors import RequestError
from sweeper.tracking.ui import check_port, ui_command


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
