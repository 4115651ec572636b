"""Mistakes about Ray, each in one line before anything was recorded."""

import socket
from collections.abc import Callable

import pytest

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


def test_no_folder_short_enough(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/" + "y" * 60)
    assert refused("run", "sweep.yaml").startswith(f"RAY_TMPDIR /{'y' * 60}: Ray makes sockets there, and it has 61 bytes, at most ")
