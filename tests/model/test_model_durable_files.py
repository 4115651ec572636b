"""A file is what was written or it is refused; a write that cannot be done leaves the older file and says why."""

import errno
import os
import random
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from tiny_trials import tiny
from torch import Tensor
from trial_reports import Told, run

from model.errors import CheckpointError, DiskFull, Superseded
from model.tensor_file import save_tensors
from model.training import durable_file

TENSORS = {
    "half": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3),
    "none": torch.zeros(0, 4),
    "scalar": torch.tensor(1.5, dtype=torch.float64),
    "step": torch.tensor([7]),
}
ABOUT = {"step": "7", "identity": "a", "last_point": '{"x": 1.0}'}


def always() -> bool:
    return True


def same(found: tuple[dict[str, Tensor], dict[str, str]]) -> bool:
    tensors, about = found
    equal = tensors.keys() == TENSORS.keys() and all(torch.equal(tensors[name], value) for name, value in TENSORS.items())
    return equal and all(tensors[name].dtype == value.dtype for name, value in TENSORS.items()) and about == ABOUT


def test_what_was_written_is_read(tmp_path: Path) -> None:
    durable_file.write(TENSORS, ABOUT, tmp_path / "x.safetensors", always)
    assert same(durable_file.read(tmp_path / "x.safetensors"))
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)], ids=oct)
def test_others_may_read_it_as_the_umask_says(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        durable_file.write(TENSORS, ABOUT, tmp_path / "x.safetensors", always)
        save_tensors(TENSORS, tmp_path / "y.safetensors")
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in sorted(tmp_path.iterdir())] == [mode, mode]


def test_every_single_bit_that_flips_is_noticed_or_meant_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    durable_file.write(TENSORS, ABOUT, path, always)
    whole = path.read_bytes()
    noticed = 0
    for place in range(len(whole)):
        for bit in (0, 3, 6):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :])
            try:
                found = durable_file.read(path)
            except CheckpointError:
                noticed += 1
                continue
            tensors, about = found  # the name of the checksum became an unknown word, or padding changed: all that counts is whole
            assert same((tensors, {name: value for name, value in about.items() if name in ABOUT})), place
    assert noticed > 2 * len(whole)


def test_every_shorter_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    durable_file.write(TENSORS, ABOUT, path, always)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            durable_file.read(path)


def test_a_flipped_bit_in_a_checkpoint_costs_the_steps_since_the_older_one(tmp_path: Path, cache: Path) -> None:
    first = run(tiny(steps=4), tmp_path / "attempt-1", cache)
    path = first.folder / "checkpoint-00000004.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[random.Random(0).randrange(len(damaged) // 2, len(damaged))] ^= 1  # among the weights, where nothing else would notice
    path.write_bytes(damaged)
    resumed = run(tiny(), tmp_path / "attempt-2", cache, resume_from=[first.folder])
    assert resumed.started().step == 2
    (said,) = resumed.started().details["checkpoints_passed_over"]
    assert said == f"{path} is damaged: its checksum is not that of what it holds"
    assert resumed.of("evaluation") == run(tiny(), tmp_path / "whole", cache).of("evaluation")


@pytest.mark.parametrize(
    "error",
    [
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_a_full_disk_keeps_the_older_file(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.safetensors"
    durable_file.write(TENSORS, ABOUT, path, always)

    def fails(_tensors: object, beside: Path, _about: object) -> None:
        beside.write_bytes(b"half a file")
        raise error

    monkeypatch.setattr(durable_file, "save_tensors", fails)
    with pytest.raises(DiskFull, match=r"no space left to write .*x.safetensors; what was written before is kept: free some space"):
        durable_file.write({}, {}, path, always)
    assert [left.name for left in tmp_path.iterdir()] == ["x.safetensors"]
    assert same(durable_file.read(path))


@pytest.mark.parametrize("answers", [[False], [True, False]], ids=["before the rename", "between question and rename"])
def test_a_superseded_attempt_leaves_no_file(answers: list[bool], tmp_path: Path) -> None:
    left = list(answers)
    with pytest.raises(Superseded, match=r"a newer attempt has taken this trial over; x.safetensors is not written"):
        durable_file.write(TENSORS, ABOUT, tmp_path / "x.safetensors", lambda: left.pop(0))
    assert list(tmp_path.iterdir()) == []


def test_a_superseded_trial_writes_neither_checkpoint_nor_average(tmp_path: Path, cache: Path) -> None:
    said: list[Told] = []
    with pytest.raises(Superseded, match="checkpoint-00000002"):
        said.append(run(tiny(), tmp_path, cache, ours=lambda: False))
    assert list(tmp_path.glob("*.safetensors")) == []
