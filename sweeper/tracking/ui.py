"""The command that opens MLflow's pages on our own database."""

import errno
import ipaddress
import os
import socket
import sys
from pathlib import Path

from sweeper.errors import RequestError
from sweeper.tracking.artifact_locations import place_of

_ENVIRONMENT = {
    # Without these it starts fifteen processes and takes 3 GB.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


_ALLOWED_HOSTS = "MLFLOW_SERVER_ALLOWED_HOSTS"
_PRIVATE = ("localhost", "127.0.0.1", "[[]::1]", "10.*", "192.168.*", *(f"172.{second}.*" for second in range(16, 32)))
"""Host headers that MLflow takes by itself; naming one of one's own replaces them."""


def ui_command(tracking_uri: str, artifact_root: Path, host: str, port: int) -> tuple[list[str], dict[str, str]]:
    """The argument list and the whole environment of a process that serves MLflow's pages on this address and port.

    The database goes into the environment: its URI may hold a password, and anyone on the machine can read arguments.
    Raises `RequestError` when the tracking URI is a server, which has pages of its own, or when the address cannot be used.
    """
    if tracking_uri.startswith(("http://", "https://")):
        raise RequestError(
            "SWEEPER_MLFLOW_URI is an MLflow server, which shows these results itself; open its address in a browser, "
            "or unset SWEEPER_MLFLOW_URI to look at the local mlflow.db"
        )
    address = check_port(host, port)
    # Not by the name `mlflow`: the virtual environment that we run in need not be on the PATH.
    command = [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--host", _bare(host), "--port", str(port)]
    database = {
        "MLFLOW_BACKEND_STORE_URI": tracking_uri,
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": place_of(artifact_root).as_uri(),
    }
    names = {} if address.is_loopback else {_ALLOWED_HOSTS: _allowed_hosts(host, port)}
    return command, {**names, **os.environ, **_ENVIRONMENT, **database}


def announcement(host: str, port: int) -> list[str]:
    """What to say before MLflow's pages are served: the addresses for a browser and, where others reach them, that there is no log-in."""
    address = check_port(host, port)
    if address.is_loopback:
        return [f"MLflow at {_url(host, port)} in some seconds; Ctrl-C ends it"]
    name = socket.gethostname()
    if address.is_unspecified:
        # Uvicorn listens on :: for IPv6 alone, where a name may stand for another address.
        hosts = ("[::1]", *_addresses(name, socket.AF_INET6)) if address.version == 6 else ("127.0.0.1", name)
    else:
        hosts = (host,)
    urls = [_url(at, port) for at in hosts[:2]]
    return [
        f"MLflow at {' here, and at '.join(urls)}{' from other machines' if len(urls) > 1 else ''}, in some seconds; Ctrl-C ends it",
        f"There is no log-in: whoever reaches port {port} of this machine can read, change and delete all that MLflow shows."
        f" To look from another machine alone, leave --host out and use there: ssh -L {port}:127.0.0.1:{port} {name}",
    ]


def _bare(host: str) -> str:
    """The address as a socket takes it: [::1] is how a URL writes ::1."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _url(host: str, port: int) -> str:
    bare = _bare(host)
    return f"http://[{bare}]:{port}" if ":" in bare else f"http://{bare}:{port}"


def _addresses(name: str, family: socket.AddressFamily) -> list[str]:
    """Those that a name stands for and that other machines may reach."""
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)]
    except OSError:
        return []
    return [at for at in found if not ipaddress.ip_address(at).is_loopback and "%" not in at]


def _allowed_hosts(host: str, port: int) -> str:
    """What a browser may call this machine; MLflow answers 403 to any other Host header."""
    name = socket.gethostname()
    hosts = dict.fromkeys((host, name, socket.getfqdn(), *_addresses(name, socket.AF_UNSPEC)))
    names = [_url(at, port).removeprefix("http://") for at in hosts]
    private = [f"{pattern}:*" if not pattern.endswith("*") else pattern for pattern in _PRIVATE]
    return ",".join([*private, *names])


def check_port(host: str, port: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that would be listened on. Raises `RequestError` when nothing could listen there now."""
    if not 1 <= port <= 65_535:
        raise RequestError(f"port {port}: a port is a number from 1 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(_bare(host), port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do, so that connections of one that has just ended do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        return ipaddress.ip_address(address[0])
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise RequestError(f"port {port} on {host} is in use; choose another, or stop what listens there") from error
        if isinstance(error, PermissionError):
            raise RequestError(f"port {port} on {host} needs more rights than you have; choose one above 1023") from error
        raise RequestError(
            f"cannot listen on {_url(host, port).removeprefix('http://')}: {error}; use 127.0.0.1, or an address of this machine"
        ) from error
