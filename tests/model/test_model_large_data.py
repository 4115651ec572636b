"""Data sets of 20 GB, as large as the papers' latents, in a process that may take 1 GiB for them: never read whole.

What evaluation holds of them is bounded, and made four or five times smaller here, to be quick. The files have holes instead of values,
and take next to no disk. The limit is on what a process may write to (`RLIMIT_DATA`): a map that may only be read is free, and one that
could be written to, or a copy, is refused by the system at once.
"""

import ctypes
import json
import mmap
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.data.mapped import mapped, rows_at

GIB = 2**30
CHILD = """
import json, resource, sys
import torch
from pydantic import TypeAdapter
from model.config import DataConfig
from model.data import dataset, stored_images
from model.data.dataset import load
from model.data.source import facts
from model.randomness import BatchStreams

def status(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))

torch.set_num_threads(1)
dataset.REFERENCE_IMAGES, stored_images.HELD_VALUES = 10_000, stored_images.HELD_VALUES // 4
config = TypeAdapter(DataConfig).validate_python(json.loads(sys.argv[1]))
before, limit = status("RssAnon"), status("VmData") + 2**30
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
planned = facts(config)
data = load(config, 2, torch.device("cpu"), torch.float32)
assert data.facts(2) == planned
for step in range(3):
    places, tokens, labels = data.train.batch(BatchStreams(0, step, 64))
    assert tokens.isfinite().all() and len(labels) == 64
seen = len(data.pictures.reference_images) if data.pictures else 0
print(json.dumps([status("RssAnon") - before, len(data.train), len(data.held_out), len(data.reference_images), seen]))
"""


def sparse(path: Path, dtype: str, shape: tuple[int, ...]) -> int:
    """Zeros that nobody wrote; gives the size."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize)
    assert path.stat().st_blocks * 512 < 2**20
    return path.stat().st_size


def held(config: dict[str, Any]) -> list[int]:
    """Memory that a trial's data take, images trained on, held out, judged, and seen by an extractor."""
    command = [sys.executable, "-c", CHILD, json.dumps(config)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    found: list[int] = json.loads(ended.stdout)
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not count what a process may write to")
def test_latents_of_20_gb_are_never_read_whole(tmp_path: Path) -> None:
    """1% and 10,000 training images are held as tokens, 16 KiB each; a trial holds 50,000."""
    count = 1_281_167
    assert sparse(tmp_path / "moments.npy", "<f2", (count, 8, 32, 32)) > 20e9
    np.save(tmp_path / "labels.npy", np.arange(count, dtype=np.int32) % 1000)
    memory, *images = held({"kind": "latents", "path": str(tmp_path), "spread": "any"})
    assert images == [count - 12_812, 12_812, 10_000, 0]
    assert memory < 0.85 * GIB


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not count what a process may write to")
def test_pictures_of_20_gb_are_never_read_whole(tmp_path: Path) -> None:
    """A tenth of them would be 8 GB as tokens of 768 KiB, were it not bounded."""
    count = 105_000
    assert sparse(tmp_path / "images.npy", "|u1", (count, 256, 256, 3)) > 20e9
    np.save(tmp_path / "labels.npy", np.arange(count) % 1000)
    memory, *images = held({"kind": "images", "path": str(tmp_path), "images": count, "held_out_fraction": 0.1})
    assert images == [count - 341, 341, 341, 10_000]
    assert memory < 0.85 * GIB


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems take other advice")
def test_the_system_reads_the_rows_and_not_what_lies_around_them(tmp_path: Path) -> None:
    """A disk's read-ahead is up to 8 MiB for each row; in memory are the rows, the header, and the ends of pages."""
    size = sparse(tmp_path / "a.npy", "<f4", (100_000, 4096))
    array = mapped(tmp_path / "a.npy")
    places = np.arange(5) * 20_000
    assert rows_at(array, places).shape == (5, 4096)
    pages = -(-size // mmap.PAGESIZE)
    resident = (ctypes.c_ubyte * pages)()
    begin = array.ctypes.data // mmap.PAGESIZE * mmap.PAGESIZE
    assert ctypes.CDLL(None).mincore(ctypes.c_void_p(begin), ctypes.c_size_t(size), resident) == 0
    assert sum(page & 1 for page in resident) <= 64 + 5 * (4096 * 4 // mmap.PAGESIZE + 1)
    assert rows_at(np.arange(6).reshape(3, 2), np.array([2])).tolist() == [[4, 5]], "of an array in memory too"
