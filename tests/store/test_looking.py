"""A look at the results writes nothing, needs no right to, waits for no writer, and misses nothing that was committed."""

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from sweeper.errors import StoreError
from sweeper.records import PlannedTrial
from sweeper.store import engine
from sweeper.store.database import Database
from sweeper.store.results_reader import IsDead, ResultsReader, nobody_is_dead
from sweeper.store.results_store import ResultsStore
from tests.unprivileged import unprivileged

MakeTrials = Callable[..., list[PlannedTrial]]
RECORDS_AND_DIES = """
import os, sys
from sweeper.store.results_store import ResultsStore
from tests.unprivileged import unprivileged
store = ResultsStore.open(sys.argv[1])
store.record_sweep(name="killed", profile="default", version="v1", spec={}, trials=[])
os._exit(0)
"""
LOOKS = """
import sys
from sweeper.errors import StoreError
from sweeper.store.results_reader import ResultsReader
try:
    with ResultsReader.look(sys.argv[1]) as found:
        print([one.name for one in found.sweeps()])
except StoreError as error:
    print(error)
"""


def looked_at(url: str, is_dead: IsDead = nobody_is_dead) -> ResultsReader:
    found = ResultsReader.look(url, is_dead)
    assert found is not None
    return found


def record(url: str, name: str) -> None:
    with ResultsStore.open(url) as store:
        store.record_sweep(name=name, profile="default", version="v1", spec={}, trials=[])


def names(url: str) -> list[str]:
    with looked_at(url) as found:
        return [one.name for one in found.sweeps()]


def path_of(url: str) -> Path:
    return Path(str(sa.make_url(url).database))


def test_where_nothing_ran_a_look_makes_nothing(url: str) -> None:
    assert ResultsReader.look(url) is None
    if url.startswith("sqlite"):
        assert not path_of(url).parent.exists()
        path_of(url).parent.mkdir()
        path_of(url).touch()
        assert ResultsReader.look(url) is None
        assert path_of(url).stat().st_size == 0
    else:
        server = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
        assert sa.inspect(server).get_table_names() == []


def test_a_look_leaves_the_folder_as_it_is(sqlite_url: str) -> None:
    record(sqlite_url, "noise")
    folder = path_of(sqlite_url).parent
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert names(sqlite_url) == ["noise"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_look_never_waits_for_a_writer(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.1)
    record(sqlite_url, "noise")
    with closing(sqlite3.connect(path_of(sqlite_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE sweep SET name = 'not committed'")
        assert names(sqlite_url) == ["noise"]
        other.execute("COMMIT")
        assert names(sqlite_url) == ["not committed"]


def test_a_look_that_goes_on_sees_what_is_written_meanwhile(url: str) -> None:
    record(url, "first")
    with looked_at(url) as found:
        assert [one.name for one in found.sweeps()] == ["first"]
        record(url, "second")
        assert [one.name for one in found.sweeps()] == ["second", "first"]


def test_a_look_cannot_write(url: str) -> None:
    record(url, "noise")
    database = Database.look(url)
    assert database is not None
    with closing(database), database.reading() as session, pytest.raises(sa.exc.DBAPIError, match=r"read.?only"):
        session.execute(sa.text("DELETE FROM sweep"))


def test_what_a_killed_writer_committed_is_read(sqlite_url: str) -> None:
    subprocess.run([sys.executable, "-c", RECORDS_AND_DIES, sqlite_url], check=True)
    path = path_of(sqlite_url)
    assert path.with_name("sweeper.db-wal").stat().st_size > 0
    copy = path.parent.with_name("copy")
    shutil.copytree(path.parent, copy)

    def look() -> str:
        command = [*unprivileged(), sys.executable, "-c", LOOKS, f"sqlite:///{copy / 'sweeper.db'}"]
        for file in copy.iterdir():
            file.chmod(0o444)
        copy.chmod(0o555)
        try:
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        finally:
            copy.chmod(0o755)

    assert look() == "['killed']"
    (copy / "sweeper.db-shm").unlink()
    assert look() == "['killed']", "from a copy, since nobody can be writing without the index"
    assert sorted(file.name for file in copy.iterdir()) == ["sweeper.db", "sweeper.db-wal"]
    assert names(sqlite_url) == ["killed"]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with a database whose last writer was killed, without the index of its log, and without room for one."""
    disk, url = tmp_path / "disk", f"sqlite:///{tmp_path / 'sweeper.db'}"
    disk.mkdir()
    subprocess.run([sys.executable, "-c", RECORDS_AND_DIES, url], check=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk: mounting a tmpfs needs root with CAP_SYS_ADMIN ({mounted.stderr.strip()})")
    try:
        for name in ("sweeper.db", "sweeper.db-wal"):
            shutil.copyfile(tmp_path / name, disk / name)
        with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while filler.write(b"x" * 4096):
                pass
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_on_a_full_disk_the_last_writes_are_read_from_a_copy(full_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, elsewhere = f"sqlite:///{full_disk / 'sweeper.db'}", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    before = {name: (full_disk / name).read_bytes() for name in ("sweeper.db", "sweeper.db-wal")}
    for _ in range(2):  # the first look leaves an index that is empty or cut off
        with looked_at(url) as found:
            assert [one.name for one in found.sweeps()] == ["killed"]
            assert [one.name for one in found.sweeps()] == ["killed"]
            assert len(list(elsewhere.iterdir())) == 1, "copied once"
        del found
        gc.collect()
        assert list(elsewhere.iterdir()) == []
    assert {name: (full_disk / name).read_bytes() for name in before} == before


def test_where_no_copy_has_room_either_it_says_what_to_do(full_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(full_disk))
    with pytest.raises(StoreError) as caught:
        ResultsReader.look(f"sqlite:///{full_disk / 'sweeper.db'}")
    said = str(caught.value)
    assert said.startswith(
        f"the last writes of the database {full_disk / 'sweeper.db'} are in sweeper.db-wal beside it, which cannot be read"
    )
    assert f"nor from a copy in {full_disk} (No space left on device); free some space, or copy the folder" in said


def test_on_a_network_file_system_what_nobody_writes_can_be_read(sqlite_url: str) -> None:
    record(sqlite_url, "noise")
    mounts = f"disk / ext4 rw 0 0\nserver:/far {path_of(sqlite_url).parent} nfs4 ro 0 0\n"
    found = Database.look(sqlite_url, mounts=mounts)
    assert found is not None
    found.close()
    with ResultsStore.open(sqlite_url) as store:
        store.record_sweep(name="in use", profile="default", version="v1", spec={}, trials=[])
        with pytest.raises(StoreError, match=r"network file system \(nfs4\).*sweeper\.db-wal beside it"):
            Database.look(sqlite_url, mounts=mounts)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"this is not a database, and long enough to be looked at as one\n" * 20, "file is not a database"), (None, "is a directory")],
)
def test_what_is_no_database_is_refused_as_for_a_run(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "sweeper.db"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(StoreError, match=message):
        ResultsReader.look(f"sqlite:///{path}")


def test_an_attempt_whose_owner_is_dead_is_lost_and_stays_as_it_is_stored(url: str, trials: MakeTrials) -> None:
    with ResultsStore.open(url) as store:
        store.record_sweep(name="noise", profile="default", version="v1", spec={}, trials=trials(seeds=(0,)))
        for name, owner in (("single-0-fingerprint", "dead"), ("dual-0-fingerprint", "alive")):
            store.acquire_lease(name, owner=owner, lease_seconds=60, is_dead=lambda _: False)
        with looked_at(url, lambda owner: owner == "dead") as found:
            assert [outcome.state for outcome in found.snapshot().outcomes] == ["pending", "running"]
            (attempt,) = found.history("single-0-fingerprint").attempts
            assert attempt.state == "lost"
            assert "its driver died or fell silent" in str(attempt.policy)
            assert found.history("dual-0-fingerprint").attempts[0].state == "running"
        assert store.known(["single-0-fingerprint"])["single-0-fingerprint"].newest_state == "running"


def test_a_look_needs_no_more_than_the_right_to_read(postgres_url: str, postgres_server: str) -> None:
    record(postgres_url, "noise")
    reader = f"reader_{os.getpid()}"
    owner = sa.create_engine(
        sa.make_url(postgres_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with owner.connect() as connection:
        connection.execute(sa.text(f"CREATE ROLE {reader} LOGIN PASSWORD 'reads'"))
        connection.execute(sa.text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"))
    try:
        url = sa.make_url(postgres_url).set(username=reader, password="reads").render_as_string(hide_password=False)
        assert names(url) == ["noise"]
    finally:
        with owner.connect() as connection:
            connection.execute(sa.text(f"DROP OWNED BY {reader}; DROP ROLE {reader}"))
