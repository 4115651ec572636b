"""Databases that cannot be opened, and databases that fail later: one clear error each, never with a password."""

import os
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from sweeper.errors import StoreError, StoreLost
from sweeper.records import PlannedTrial
from sweeper.store import engine
from sweeper.store.database import Database
from sweeper.store.file_systems import network_file_system
from sweeper.store.results_store import ResultsStore

MakeTrials = Callable[..., list[PlannedTrial]]
REMEDY = "set SWEEPER_DATABASE_URL to sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"


def refusal(url: str, mounts: str | None = None) -> str:
    with pytest.raises(StoreError) as caught:
        Database.open(url, mounts=mounts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "the database URL cannot be read; "),
        ("", "the database URL cannot be read; "),
        ("postgresql://user:pass:secret@host:port/db", "the database URL cannot be read; "),
        ("mysql://user:secret@host/db", "a mysql database cannot hold the results, only SQLite and PostgreSQL can; "),
        ("sqlite://", "is not a file by its path, and results must outlive the command; "),
        ("sqlite:///:memory:", "is not a file by its path, and results must outlive the command; "),
        ("sqlite:///file:x.db?mode=memory&uri=true", "is not a file by its path, and results must outlive the command; "),
        ("postgresql://user:secret@127.0.0.1:1/db", r"postgresql\+psycopg://user:\*\*\*@127.0.0.1:1/db cannot be opened: .*refused"),
        ("postgres://user@127.0.0.1:1/db?password=secret", r"postgresql\+psycopg://user@127.0.0.1:1/db cannot be opened: .*refused"),
        ("postgresql://user:secret@/db?host=/no/such/folder", r"postgresql\+psycopg://user:\*\*\*@/db cannot be opened: .*/no/such/folder"),
    ],
)
def test_urls_that_lead_nowhere(url: str, message: str) -> None:
    refused = refusal(url)
    assert re.search(message, refused)
    assert refused.endswith(REMEDY)
    assert "secret" not in refused
    assert "\n" not in refused


def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "is not installed; install it with: pip install 'sweeper[postgres]'" in refusal("postgresql://user:secret@host/db")


def test_paths_that_are_no_database(tmp_path: Path) -> None:
    assert f"the database {tmp_path} is a directory" in refusal(f"sqlite:///{tmp_path}")
    text = tmp_path / "notes.db"
    text.write_text("this is not a database, and long enough to be looked at as one\n" * 20)
    assert (
        f"the database {text} cannot be opened: file is not a database; `sweeper db check` says what is damaged, `sweeper db rebuild` makes"
        f" the store again from its newest copy and the trials' folders; or {REMEDY}" in refusal(f"sqlite:///{text}")
    )
    assert f"the database {text / 'below.db'} cannot be opened: " in refusal(f"sqlite:///{text / 'below.db'}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "sweeper.db"
    ResultsStore.open(f"sqlite:///{path}").close()
    path.chmod(0)
    assert f"the database {path} cannot be opened: unable to open database file" in refusal(f"sqlite:///{path}")


def test_tables_of_another_program_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE runs (id INTEGER)")
    assert f"{path} holds the tables of another program (runs, ...), not sweeper's; set SWEEPER_HOME" in refusal(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("runs",)]


def test_the_folder_is_made_and_the_path_does_not_follow_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ResultsStore.open("sqlite:///a/b/sweeper.db") as store:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert store.sweeps() == []
    assert (tmp_path / "a" / "b" / "sweeper.db").is_file()


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /data/home nfs4 rw 0 0
/dev/sdb1 /data/home/scratch\\040disk xfs rw 0 0
user@host: /data/remote fuse.sshfs rw 0 0
pool /data/pool fuse.mergerfs rw 0 0
cluster /data/lustre lustre rw 0 0
/dev/sdc1 /data/lustre ext4 rw 0 0
//pc/share /data/share cifs rw 0 0
odd line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/home/ann/.sweeper/sweeper.db", "nfs4"),
        ("/data/home", "nfs4"),
        ("/data/homework/sweeper.db", None),
        ("/data/home/scratch disk/sweeper.db", None),
        ("/data/remote/x/../sweeper.db", "fuse.sshfs"),
        ("/data/pool/sweeper.db", None),
        ("/data/lustre/sweeper.db", None),
        ("/data/share/sweeper.db", "cifs"),
        ("/elsewhere/sweeper.db", None),
    ],
)
def test_the_longest_mount_point_tells_the_file_system(path: str, kind: str | None) -> None:
    assert network_file_system(Path(path), MOUNTS) == kind
    assert network_file_system(Path(path), "") is None


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "lustre", "gpfs", "ceph", "9p", "beegfs", "afs"])
def test_a_network_file_system_is_refused_with_the_remedy(tmp_path: Path, kind: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "far", target_is_directory=True)
    path = tmp_path / "link" / "sweeper.db"
    message = refusal(f"sqlite:///{path}", mounts=f"disk / ext4 rw 0 0\nserver:/far {tmp_path / 'far'} {kind} rw 0 0\n")
    assert message == (
        f"an SQLite database must lie on a local disk, and {path} is on a network file system ({kind}), where its locks do not hold; "
        "set SWEEPER_HOME to a folder on a local disk, or SWEEPER_DATABASE_URL to a PostgreSQL server (postgresql://USER:PASSWORD@HOST/DATABASE)"
    )
    assert not (tmp_path / "far").exists()


def test_sqlite_is_set_up_for_writers_and_readers_at_once(sqlite_url: str) -> None:
    with closing(Database.open(sqlite_url)) as opened, opened.reading() as session:
        settings = {name: session.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys", "busy_timeout")}
        assert settings == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_reader_sees_one_moment(url: str) -> None:
    with closing(Database.open(url)) as opened, opened.reading() as session:
        assert session.scalar(sa.text("SELECT count(*) FROM sweep")) == 0
        with opened.writing() as writer:
            writer.execute(sa.text("INSERT INTO sweep (name, profile) VALUES ('a', 'b')"))
        assert session.scalar(sa.text("SELECT count(*) FROM sweep")) == 0


def test_transactions_of_one_thread_do_not_nest(url: str) -> None:
    with closing(Database.open(url)) as opened:
        with opened.writing(), pytest.raises(RuntimeError, match="inside a store transaction already"), opened.writing():
            pass
        with opened.writing():
            pass


@contextmanager
def held_by_another(url: str) -> Iterator[None]:
    """The SQLite file's only write lock, held by somebody else."""
    with closing(sqlite3.connect(str(sa.make_url(url).database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_database_that_stays_locked_is_lost_for_writers_only(
    sqlite_url: str, trials: MakeTrials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.1)
    with ResultsStore.open(sqlite_url) as store:
        with held_by_another(sqlite_url):
            with pytest.raises(StoreLost, match=r"sweeper\.db failed: database is locked; what was written is kept, and the same command"):
                store.record_sweep(name="noise", profile="default", version="v1", spec={}, trials=trials())
            assert store.sweeps() == []
        store.record_sweep(name="noise", profile="default", version="v1", spec={}, trials=trials())
        assert len(store.sweeps()) == 1


def test_a_file_that_breaks_under_way_is_lost(sqlite_url: str) -> None:
    with ResultsStore.open(sqlite_url) as store:
        with closing(sqlite3.connect(str(sa.make_url(sqlite_url).database))) as other:
            other.execute("DROP TABLE outbox")
        with pytest.raises(StoreLost, match="no such table: outbox"):
            store.backlog()


def test_a_server_that_drops_us_is_lost_once_and_found_again(postgres_url: str, postgres_server: str) -> None:
    kill = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
    server = sa.create_engine(postgres_server, poolclass=sa.NullPool)

    def lose_the_connection(opened: Database) -> None:
        with opened.writing() as session:
            session.execute(sa.text("SELECT 1"))
            with server.connect() as connection:
                connection.execute(kill, {"name": sa.make_url(postgres_url).database})
            session.execute(sa.text("SELECT 1"))

    with closing(Database.open(postgres_url)) as opened:
        with pytest.raises(StoreLost, match="terminating connection") as caught:
            lose_the_connection(opened)
        assert "unused" not in str(caught.value)
        with opened.writing() as session:
            assert session.scalar(sa.text("SELECT 1")) == 1


def test_threads_share_a_store(store: ResultsStore, trials: MakeTrials) -> None:
    def record(name: str) -> None:
        for version in range(10):
            store.record_sweep(name=name, profile="default", version=str(version), spec={}, trials=trials())
            assert store.snapshot(name).version == str(version)

    threads = [threading.Thread(target=record, args=(f"sweep-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.version for one in store.sweeps()] == ["9"] * 4
    assert store.backlog() == 4 * (10 + 4)
