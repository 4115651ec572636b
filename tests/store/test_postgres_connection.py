"""What a connection to PostgreSQL asks of the network."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from sweeper.errors import StoreUnavailable
from sweeper.store import postgres
from sweeper.store.database import Database
from sweeper.store.engine import make_engine, parse_url
from tests.local_postgres import LocalPostgres, forward, local_postgres


@pytest.fixture
def over_tcp(postgres_url: str) -> Iterator[str]:
    """The same database; the throw-away server, which listens at a Unix socket alone, is reached through a port for one connection."""
    url = sa.make_url(postgres_url)
    folder = str(url.query.get("host", ""))
    if not folder.startswith("/"):
        yield postgres_url
        return
    with socket.create_server(("127.0.0.1", 0)) as port:
        threading.Thread(target=_accept_one, args=(port, Path(folder) / ".s.PGSQL.5432"), daemon=True).start()
        forwarded = url.set(host="127.0.0.1", port=port.getsockname()[1]).difference_update_query(["host"])
        yield forwarded.render_as_string(hide_password=False)


def _accept_one(port: socket.socket, server: Path) -> None:
    client, _ = port.accept()
    forward(client, server)


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


@pytest.fixture
def freezable() -> Iterator[LocalPostgres]:
    """A server of this test alone, running again when it is over."""
    with local_postgres() as server:
        yield server
        server.thaw()


def test_a_frozen_server_is_given_up_and_found_again(freezable: LocalPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SILENT_SECONDS", 1.0)
    with closing(Database.open(freezable.url)) as database:

        def write(name: str) -> None:
            with database.writing() as session:
                session.execute(sa.text("INSERT INTO sweep (name, profile) VALUES (:name, 'x')"), {"name": name})
                if name == "frozen":
                    freezable.freeze()

        write("before")
        with pytest.raises(StoreUnavailable, match=r"the server did not answer for 1 s; what was written is kept"):
            write("frozen")
        freezable.thaw()
        write("after")
        with database.reading() as session:
            assert set(session.scalars(sa.text("SELECT name FROM sweep"))) in ({"before", "after"}, {"before", "frozen", "after"})


def test_a_long_answer_that_comes_in_pieces_is_waited_for(freezable: LocalPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is limited, not length."""
    monkeypatch.setattr(postgres, "SILENT_SECONDS", 1.0)
    pieces = "SELECT pg_sleep(0.3), repeat('x', 100000) FROM generate_series(1, 6)"
    with closing(Database.open(freezable.url)) as database, database.reading() as session:
        assert len(list(session.execute(sa.text(pieces)))) == 6
        with pytest.raises(StoreUnavailable), database.reading() as another:
            another.execute(sa.text("SELECT pg_sleep(3)"))


@pytest.fixture
def interrupted_as_usual() -> Iterator[None]:
    """A shell starts what runs in its background with Ctrl-C ignored, and so would be all its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupted_as_usual")
def test_ctrl_c_leaves_a_frozen_server_at_once(freezable: LocalPostgres) -> None:
    with closing(Database.open(freezable.url)) as database, database.reading() as session:
        session.execute(sa.text("SELECT 1"))
        freezable.freeze()
        interrupt = threading.Timer(0.5, signal.raise_signal, (signal.SIGINT,))
        interrupt.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            session.execute(sa.text("SELECT 1"))
        waited = time.monotonic() - began
    assert waited < postgres.SILENT_SECONDS / 2, "psycopg itself would ask the server to cancel, and wait for that"
