"""The folder of a Ray of our own: short wherever TMPDIR is, closed to others, gone at the end, and after a kill with the next run."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.errors import RequestError
from sweeper.execution import ray_folder as folders
from sweeper.execution.ray_folder import LONGEST_PARENT, RayFailed, ray_folder

HELD = """
import sys
from sweeper.execution import ray_folder
ray_folder.LONGEST_PARENT = 200
with ray_folder.ray_folder() as folder:
    folder.mkdir()
    print(folder.parent, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for the system's own folder; that of the tests may be too long."""
    short = tmp_path_factory.mktemp("t")
    monkeypatch.setattr(folders, "LONGEST_PARENT", len(os.fsencode(short)))
    monkeypatch.setattr(folders, "OTHERS", (short,))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    return short


def long_folder(parent: Path) -> Path:
    folder = parent / ("a folder of a batch job läuft " * 3).strip()
    folder.mkdir()
    return folder


def test_what_ray_makes_there_fits_a_sockets_name() -> None:
    """The longest of them, with a process number of seven digits and a folder as long as it may be."""
    session = "session_2026-11-26_19-11-04_007015_4194304"
    parent = "/" + "x" * (LONGEST_PARENT - 1)
    assert len(f"{parent}/sweeper-abcdefgh/r/{session}/sockets/plasma_store") == folders.LONGEST_SOCKET


def test_a_long_tmpdir_is_left_for_a_short_folder(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(long_folder(short)))
    with ray_folder() as folder:
        own = folder.parent
        assert own.parent == short
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        (folder / "logs").mkdir(parents=True)
    assert not own.exists()


def test_a_short_tmpdir_is_used(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LONGEST_PARENT", len(os.fsencode(short)) + 2)
    (short / "t").mkdir()
    monkeypatch.setenv("TMPDIR", str(short / "t"))
    with ray_folder() as folder:
        assert folder.parent.parent == short / "t"
    monkeypatch.setenv("TMPDIR", str(short / "x"))  # a batch system names a folder that is not there
    with ray_folder() as folder:
        assert folder.parent.parent == short


def test_without_any_short_folder_one_line_says_what_to_set(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = long_folder(short)
    monkeypatch.setenv("TMPDIR", str(wanted))
    monkeypatch.setattr(folders, "LONGEST_PARENT", 22)
    monkeypatch.setattr(folders, "OTHERS", (Path("/nowhere"), Path("/neither")))
    with pytest.raises(RequestError) as caught, ray_folder():
        pass
    assert str(caught.value) == (
        f"Ray needs a folder with a short name for its sockets, of at most 22 bytes: TMPDIR {wanted} has {len(os.fsencode(wanted))},"
        " and /nowhere and /neither cannot be written; set RAY_TMPDIR to a short folder of yours"
    )


@pytest.mark.parametrize(
    ("asked", "why"),
    [("/" + "y" * 40, "has 41 bytes, at most 22 fit"), ("/nowhere", "is no folder of yours")],
)
def test_a_ray_tmpdir_that_is_no_such_folder_is_refused(asked: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LONGEST_PARENT", 22)
    monkeypatch.setenv("RAY_TMPDIR", asked)
    with pytest.raises(RequestError) as caught, ray_folder():
        pass
    assert str(caught.value) == f"RAY_TMPDIR {asked}: Ray makes sockets there, and it {why}; set it to a short folder of yours, or unset it"


def test_a_killed_runs_folder_goes_with_the_next_run_and_a_live_runs_stays(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_NEW_SECONDS", -1)
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    with subprocess.Popen([sys.executable, "-c", HELD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        held = Path(holder.stdout.readline().strip())
        (short / "sweeper-notours!").write_text("a file of that name")
        with ray_folder():
            assert held.exists(), "its process lives"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert held.exists()
    with ray_folder():
        assert not held.exists()
    assert [path.name for path in short.iterdir()] == ["sweeper-notours!"]


def test_a_young_folder_may_not_be_locked_yet(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    (short / "sweeper-abcdefgh").mkdir()
    with ray_folder():
        assert (short / "sweeper-abcdefgh").exists()


def test_a_ray_that_failed_leaves_its_logs_until_the_next_run(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    with pytest.raises(RayFailed), ray_folder() as folder:
        raise RayFailed("its logs say why")
    assert folder.parent.exists()
    monkeypatch.setattr(folders, "_NEW_SECONDS", -1)
    with ray_folder():
        assert not folder.parent.exists()
