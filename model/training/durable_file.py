"""A safetensors file that is whole or not there: written beside, checksummed, fsynced, renamed; read only when it is what was written."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from model.errors import CheckpointError, DiskFull, Superseded, is_full

CHECKSUM = "sha256"
"""Name of the entry in a file's metadata that holds the digest of all the rest."""


def write(tensors: Mapping[str, Tensor], about: Mapping[str, str], path: Path, ours: Callable[[], bool]) -> None:
    """Raises DiskFull, with nothing left behind, and Superseded when `ours()` no longer holds; an older file stays as it is."""
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    beside = path.with_suffix(".writing")
    try:
        with _clearly(path, beside):
            save_file(held, beside, metadata={**about, CHECKSUM: digest(held, about)})
            _fsync(beside)
            _ensure(ours, path)  # the last moment: whoever slept until now is asked again
            beside.replace(path)
            _fsync(path.parent)
    finally:
        beside.unlink(missing_ok=True)
    try:
        _ensure(ours, path)
    except Superseded:  # taken over between question and rename
        path.unlink(missing_ok=True)
        raise


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and what was said about them; raises CheckpointError for a file that is torn or has one bit changed."""
    try:
        with safe_open(path, framework="pt") as file:
            about = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} is torn or unreadable ({error})") from error
    written = about.pop(CHECKSUM, None)  # none: older than checksums
    if written is not None and written != digest(tensors, about):
        raise CheckpointError(f"{path} is damaged: its checksum is not that of what it holds")
    return tensors, about


def digest(tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> str:
    """Of every name, type, shape, value and word."""
    found = hashlib.sha256(json.dumps(sorted(about.items())).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


@contextlib.contextmanager
def _clearly(path: Path, beside: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError) as error:
        if not is_full(error):
            raise
        beside.unlink(missing_ok=True)
        raise DiskFull(
            f"no space left to write {path}; what was written before is kept: free some space and run the same command"
        ) from error


def _ensure(ours: Callable[[], bool], path: Path) -> None:
    if not ours():
        raise Superseded(f"a newer attempt has taken this trial over; {path.name} is not written")


def _fsync(path: Path) -> None:
    """Of a file, or of a folder: without it a rename may be lost with the power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
