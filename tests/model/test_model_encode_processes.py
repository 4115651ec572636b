"""Several processes encode: the same arrays to the bit as one, whoever is killed and when, whatever number goes on."""

import contextlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_autoencoders import SIDE, save_autoencoder
from waiting_blocks import SQUARES, TOTAL, squares

import model.block_processes
import model.block_work
from model.block_processes import Job, Spread, crowded, spread_over
from model.block_work import Cost, Memory
from model.config.autoencoder import AutoencoderConfig
from model.data.block_arrays import BlockArrays
from model.encode_data import Encoding, encode_data
from model.errors import ConfigError, DataError

COUNT, BATCH = 61, 4


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_autoencoder(tmp_path_factory.mktemp("autoencoder"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    drawn = np.random.default_rng(0).integers(256, size=(COUNT, SIDE, SIDE, 3), dtype=np.uint8)
    for place, picture in enumerate(drawn):
        (root / str(place % 2)).mkdir(exist_ok=True)
        Image.fromarray(picture).save(root / str(place % 2) / f"{place:02}.png")
    return root


def asking(folder: Path, output: Path, weights: Path, processes: int | None = 1, threads: int | None = 1, **more: object) -> Encoding:
    given: dict[str, object] = {"side": SIDE, "batch": BATCH, "dtype": "float32", "flip": True} | more
    return Encoding(folder, output, AutoencoderConfig(weights=str(weights)), processes=processes, threads=threads, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole(folder: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files that one process writes."""
    out = tmp_path_factory.mktemp("whole") / "out"
    encode_data(asking(folder, out, weights), lambda _: None)
    return files(out)


def files(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.iterdir()}


def test_several_write_what_one_writes(folder: Path, weights: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """With a broken picture and a link to nowhere left out, which the other processes do not look for again."""
    added = shutil.copytree(folder, tmp_path / "added")
    (added / "0" / "30x.png").write_bytes(b"no picture")
    (added / "0" / "31x.png").symlink_to(tmp_path / "nowhere.png")
    said: list[str] = []
    encode_data(asking(added, tmp_path / "out", weights, processes=2, skip_broken=True), said.append)
    ours = files(tmp_path / "out")
    assert {name: ours[name] for name in ours if name.endswith(".npy")} == {name: whole[name] for name in whole if name.endswith(".npy")}
    assert json.loads(ours["dataset.json"])["left_out"] == ["0/30x.png", "0/31x.png"]
    assert "122 latents in" in said[-1]
    assert "; 61 pictures in" in said[-1]
    assert "pictures/s; 2 processes and the one that leads them took at most" in said[-1]
    assert said[-1].endswith("MiB of memory together")


@pytest.mark.parametrize("skip_broken", [True, False])
def test_a_picture_added_after_the_source_was_listed_is_refused(
    folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip_broken: bool
) -> None:
    """Another process finds pictures by their place among all, which an added one moves."""
    grown = shutil.copytree(folder, tmp_path / "grown")
    if skip_broken:
        (grown / "1" / "99.png").write_bytes(b"no picture")

    def begin_later(job: Job, *_: object) -> Memory:
        job.begin("cpu")
        shutil.copy(grown / "0" / "00.png", grown / "0" / "00a.png")
        job.begin("cpu")
        return Memory(0.0, None)

    monkeypatch.setattr(model.block_work, "do_blocks", begin_later)
    with pytest.raises(DataError, match=r"grown was changed while it was encoded; give the command again"):
        encode_data(asking(grown, tmp_path / "out", weights, processes=2, skip_broken=skip_broken), lambda _: None)
    assert (grown / "0" / "00a.png").exists(), "it was not refused before"


def test_a_process_that_is_killed_or_fails_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.block_work, "NOTE_SECONDS", 0.0)
    (tmp_path / "gate").write_text("3")
    killed: list[int] = []

    def kill(_: str) -> None:
        if killed:
            return
        victim = multiprocessing.active_children()[0]
        killed.append(victim.pid or 0)
        os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(model.block_work, "SAY_SECONDS", -1.0)
    with pytest.raises(DataError) as raised:
        squares(tmp_path, 2, kill)
    assert str(raised.value) == (
        f"process {killed[0]} of several was killed by SIGKILL, and the others were stopped; that is how a system ends processes when"
        " memory is short: give fewer --processes; the same command goes on"
    )
    assert not multiprocessing.active_children()
    assert 4 <= noted(tmp_path) <= 12
    (tmp_path / "gate").unlink()
    (tmp_path / "gate.bad").write_text("9")
    with pytest.raises(DataError, match=r"^block 9 is bad; mend it$"):
        squares(tmp_path, 2)
    assert not multiprocessing.active_children()
    (tmp_path / "gate.bad").unlink()
    assert squares(tmp_path, 1).pictures < TOTAL
    assert np.array_equal(np.load(tmp_path / f"{SQUARES}.part"), np.arange(TOTAL) ** 2)


def test_processes_end_with_the_one_that_leads_them(tmp_path: Path) -> None:
    (tmp_path / "gate").write_text("3")
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("waiting_blocks.py")), str(tmp_path)])
    try:
        wait_until(lambda: written(tmp_path) and len(children(process)) == 2, process)
        both = children(process)
    finally:
        process.kill()
        process.wait()
    until = time.monotonic() + 60
    while not all(map(gone, both)):
        assert time.monotonic() < until, "they wait for the gate, and nobody is there to end them"
        time.sleep(0.02)
    (tmp_path / "gate").unlink()
    squares(tmp_path, 1)
    assert np.array_equal(np.load(tmp_path / f"{SQUARES}.part"), np.arange(TOTAL) ** 2)


def written(folder: Path) -> bool:
    """Whether any block is: the file is longer than its header."""
    try:
        return (folder / f"{SQUARES}.part").stat().st_size > 128
    except OSError:
        return False


def noted(folder: Path) -> int:
    return int(json.loads((folder / "journal.json").read_text())["done"])


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """Those that do blocks; not the one that cleans up behind multiprocessing."""
    found = []
    for line in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            found += [int(line)] if b"spawn_main" in Path(f"/proc/{line}/cmdline").read_bytes() else []
    return found


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_journal_of_an_earlier_release_goes_on(folder: Path, weights: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"

    class Stopped(Exception):
        pass

    def stop(self: BlockArrays, first: int, rows: object) -> None:
        raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlockArrays, "write", stop)
        with pytest.raises(Stopped):
            encode_data(asking(folder, out, weights), lambda _: None)
    held = json.loads((out / "encoding.json").read_text())
    del held["identity"]["threads"], held["identity"]["processor"]
    (out / "encoding.json").write_text(json.dumps(held))
    encode_data(asking(folder, out, weights), lambda _: None)
    assert files(out) == whole


def test_a_folder_begun_on_another_machine_is_refused(folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(BlockArrays, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            encode_data(asking(folder, tmp_path / "out", weights), lambda _: None)
    monkeypatch.setattr("model.transfer.cpu_model", lambda: "cpu (another)")
    with pytest.raises(DataError, match=r"another processor \(.*, now cpu \(another\)\); give the same command again on such a machine"):
        encode_data(asking(folder, tmp_path / "out", weights), lambda _: None)


def test_a_process_without_memory_raises_as_one_alone_would(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def begin(self, device: str) -> Callable[[int], None]:
            raise MemoryError

    monkeypatch.setattr(model.block_processes, "_end_with_parent", lambda: None)
    ours, theirs = multiprocessing.Pipe()
    model.block_processes._work(theirs, Full(), "cpu", torch.get_num_threads())
    kind, error = ours.recv()
    assert (kind, type(error)) == ("raised", MemoryError)


def test_how_many_processes_there_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for option, asked in (("processes", 0), ("processes", -2), ("threads", 0)):
        with pytest.raises(ConfigError, match=rf"--{option} {asked}: at least 1 has to do the work"):
            spread_over("cpu", **{"processes": None, "threads": None} | {option: asked})
    assert spread_over("cpu", None, 3) == Spread(("cpu",), 3)
    assert spread_over("cpu", 2, 1) == Spread(("cpu", "cpu"), 1)
    names = ["A", "A", "A"]
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: len(names))
    monkeypatch.setattr("torch.cuda.get_device_name", lambda number: names[number])
    assert spread_over("cuda", None, 1).devices == ("cuda:0", "cuda:1", "cuda:2")
    assert spread_over("cuda", 2, 1).devices == ("cuda:0", "cuda:1")
    assert spread_over("cuda", 1, 1).devices == ("cuda",)
    assert spread_over("cuda:1", None, 1).devices == ("cuda:1",)
    with pytest.raises(ConfigError, match=r"--processes 4: each takes a GPU of its own, and 3 can be seen here; give --processes 3"):
        spread_over("cuda", 4, 1)
    with pytest.raises(ConfigError, match=r"--processes 2: .* --device cuda:1 is one; give --device cuda"):
        spread_over("cuda:1", 2, 1)
    names[2] = "B"
    assert spread_over("cuda", None, 1).devices == ("cuda",), "their last digits differ"
    with pytest.raises(ConfigError, match=r"the GPUs are of several models \(A, B\)"):
        spread_over("cuda", 3, 1)


def test_more_threads_than_cores_are_said() -> None:
    assert crowded(Spread(("cpu",), 64)) == ()
    assert crowded(Spread(("cpu", "cpu"), 1), cores=2) == ()
    assert crowded(Spread(("cpu",) * 3, 1), cores=2) == (), "fewer there cannot be"
    assert crowded(Spread(("cuda:0", "cuda:1"), 64), cores=2) == ()
    assert crowded(Spread(("cpu",) * 3, 8), cores=8) == (
        "3 processes of 8 threads each are more than 8 cores do at a time; --threads 2 takes less time, and gives other last digits",
    )


def test_the_cost_of_a_run_in_words() -> None:
    cost = Cost(1500, 303.0, Memory(4e6, 80.0) + Memory(1e6, 8e3), 2)
    found = cost.in_words(torch.device("cpu"))
    memory = r"at most 5,0\d\d,\d{3} MiB of memory together, and 8,000 MiB of a GPU"  # and this process's own
    assert re.fullmatch(rf"1,500 pictures in 5 min 3 s, 5\.0 pictures/s; 2 processes and the one that leads them took {memory}", found)
