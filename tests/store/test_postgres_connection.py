"""What a connection to PostgreSQL asks of the network."""

import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sweeper.store.engine import make_engine, parse_url


@pytest.fixture
def over_tcp(postgres_url: str) -> Iterator[str]:
    """The same database; the throw-away server, which listens at a Unix socket alone, is reached through a port for one connection."""
    url = sa.make_url(postgres_url)
    folder = str(url.query.get("host", ""))
    if not folder.startswith("/"):
        yield postgres_url
        return
    with socket.create_server(("127.0.0.1", 0)) as port:
        threading.Thread(target=_forward, args=(port, Path(folder) / ".s.PGSQL.5432"), daemon=True).start()
        forwarded = url.set(host="127.0.0.1", port=port.getsockname()[1]).difference_update_query(["host"])
        yield forwarded.render_as_string(hide_password=False)


def _forward(port: socket.socket, server: Path) -> None:
    client, _ = port.accept()
    with client, socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(server))
        back = threading.Thread(target=_copy, args=(wire, client), daemon=True)
        back.start()
        _copy(client, wire)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError), source.makefile("rb", 0) as read, target.makefile("wb", 0) as write:
        shutil.copyfileobj(read, write, 65_536)
        target.shutdown(socket.SHUT_WR)


def test_a_server_that_vanished_from_the_network_is_noticed_in_half_a_minute(over_tcp: str) -> None:
    engine = make_engine(parse_url(over_tcp))
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=os.dup(driver.fileno())) as wire:
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle, interval, count, unanswered = (
                wire.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"))
                for name in ("KEEPIDLE", "KEEPINTVL", "KEEPCNT", "USER_TIMEOUT")
            )
    engine.dispose()
    assert idle + interval * count <= 30, "seconds, where nothing is being asked"
    assert unanswered <= 30_000, "milliseconds, where a question got no answer"
