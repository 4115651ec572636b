"""Mistakes about Ray, each in one line before anything was recorded."""

import http.server
import socket
import socketserver
import threading
from collections.abc import Callable

import pytest

from sweeper.execution.ray_session import _why

HERE = "run the command on a node of the cluster, with RAY_ADDRESS=auto or HOST:PORT of its head (6379 by default)"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray://head:10001", f"RAY_ADDRESS ray://head:10001 is for Ray Client, and a sweep would end with its connection; {HERE}"),
        ("http://head:8265", f"RAY_ADDRESS http://head:8265 is of the cluster's dashboard, through which no sweep runs; {HERE}"),
        ("head", f"RAY_ADDRESS head is no HOST:PORT; {HERE}"),
        ("head:ray", f"RAY_ADDRESS head:ray is no HOST:PORT; {HERE}"),
    ],
)
def test_an_address_that_no_sweep_can_use(address: str, message: str, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert refused("run", "sweep.yaml") == message


def test_an_address_where_nothing_answers(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    message = refused("run", "sweep.yaml")
    assert message.startswith(f"RAY_ADDRESS 127.0.0.1:{port}: nothing answers there (")
    assert message.endswith(f"Connection refused); is the cluster up? {HERE}")


def test_what_answers_and_is_no_head_of_a_cluster(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the dashboard's own port."""
    with socketserver.TCPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        assert refused("run", "sweep.yaml") == f"RAY_ADDRESS {address}: what answers there is no head of a Ray cluster; {HERE}"
        server.shutdown()


def test_a_cluster_of_other_versions() -> None:
    said = """Version mismatch: The cluster was started with:
    Ray: 2.59.0
    Python: 3.12.1
This process on node 10.0.0.1 was started with:
    Ray: 2.60.0
    Python: 3.11.9
"""
    assert _why(RuntimeError(said), "", "head:6379", None) == (
        "RAY_ADDRESS head:6379: the cluster has Ray 2.59.0 and Python 3.12.1, this machine Ray 2.60.0 and Python 3.11.9; install the same"
        " here, or start the cluster with these"
    )


def test_no_folder_short_enough(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/" + "y" * 60)
    assert refused("run", "sweep.yaml").startswith(f"RAY_TMPDIR /{'y' * 60}: Ray makes sockets there, and it has 61 bytes, at most ")
