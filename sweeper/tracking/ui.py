"""The command that opens MLflow's pages on our own database."""

import errno
import os
import socket
import sys
from pathlib import Path

from sweeper.errors import RequestError

_ENVIRONMENT = {
    # Without these it starts fifteen processes and takes 3 GB.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def ui_command(tracking_uri: str, artifact_root: Path, host: str, port: int) -> tuple[list[str], dict[str, str]]:
    """The argument list and the whole environment of a process that serves MLflow's pages at http://host:port.

    The database goes into the environment: its URI may hold a password, and anyone on the machine can read arguments.
    Raises `RequestError` when the tracking URI is a server, which has pages of its own, or when the address cannot be used.
    """
    if tracking_uri.startswith(("http://", "https://")):
        raise RequestError(
            "SWEEPER_MLFLOW_URI is an MLflow server, which shows these results itself; open its address in a browser, "
            "or unset SWEEPER_MLFLOW_URI to look at the local mlflow.db"
        )
    check_port(host, port)
    # Not by the name `mlflow`: the virtual environment that we run in need not be on the PATH.
    command = [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--host", host, "--port", str(port)]
    database = {
        "MLFLOW_BACKEND_STORE_URI": tracking_uri,
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": (artifact_root.absolute() / "mlflow").as_uri(),
    }
    return command, {**os.environ, **_ENVIRONMENT, **database}


def check_port(host: str, port: int) -> None:
    """Raises `RequestError` when nothing could listen there now."""
    if not 1 <= port <= 65_535:
        raise RequestError(f"port {port}: a port is a number from 1 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do, so that connections of one that has just ended do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise RequestError(f"port {port} on {host} is in use; choose another, or stop what listens there") from error
        if isinstance(error, PermissionError):
            raise RequestError(f"port {port} on {host} needs more rights than you have; choose one above 1023") from error
        raise RequestError(f"cannot listen on {host}:{port}: {error}; use 127.0.0.1, or an address of this machine") from error
