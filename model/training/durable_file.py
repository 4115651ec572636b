"""A safetensors file that is whole or not there: written beside, checksummed, fsynced, renamed; read only when it is what was written."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from model.errors import CheckpointError, DiskFull, Superseded, is_full
from model.tensor_file import save_tensors
from model.weight_files import open_safetensors
from model.whole_file import to_disk, whole_file

CHECKSUM = "sha256"
"""Name of the entry in a file's metadata that holds the digest of all the rest."""


def write(tensors: Mapping[str, Tensor], about: Mapping[str, str], path: Path, ours: Callable[[], bool]) -> None:
    """Raises DiskFull, with nothing left behind, and Superseded when `ours()` no longer holds; an older file stays as it is."""
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with _clearly(path):
        with whole_file(path) as beside:
            save_tensors(held, beside, {**about, CHECKSUM: digest(held, about)})
            to_disk(beside)
            _ensure(ours, path)  # the last moment: whoever slept until now is asked again
        to_disk(path.parent)
    try:
        _ensure(ours, path)
    except Superseded:  # taken over between question and rename
        path.unlink(missing_ok=True)
        raise


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and what was said about them; raises CheckpointError for a file that is torn or has one bit changed."""
    try:
        with open_safetensors(path) as file:
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
def _clearly(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError) as error:
        if not is_full(error):
            raise
        raise DiskFull(
            f"no space left to write {path}; what was written before is kept: free some space and run the same command"
        ) from error


def _ensure(ours: Callable[[], bool], path: Path) -> None:
    if not ours():
        raise Superseded(f"a newer attempt has taken this trial over; {path.name} is not written")
