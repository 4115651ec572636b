"""Opening a file of weights: the one way, with one check. Nothing is ever unpickled but tensors and plain values."""

import argparse
import contextlib
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from model.errors import CheckpointError
from model.plain_files import MOST_WEIGHTS, ensure_plain


@contextlib.contextmanager
def open_safetensors(path: Path) -> Iterator[Any]:
    """safetensors' reader of a file of our own, for torch. Raises OSError as `ensure_plain`, and SafetensorError."""
    ensure_plain(path, MOST_WEIGHTS)
    with safe_open(path, framework="pt") as file:
        yield file


def read_weight_file(path: Path) -> Mapping[str, Any]:
    """What a `.safetensors` file or a torch file holds, on the CPU.

    Raises:
        CheckpointError: no regular file, too large, torn, or one that would run code.
    """
    try:
        ensure_plain(path, MOST_WEIGHTS)
        if path.suffix == ".safetensors":
            return load_file(path)
        zipped = zipfile.is_zipfile(path)
        if zipped:
            _ensure_stored(path)
        # Training checkpoints keep their command line; a Namespace is a bag of plain values and runs nothing when it is filled.
        with torch.serialization.safe_globals([argparse.Namespace]):
            held = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}); give a file of weights") from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is no torch file, or holds objects that loading would have to run as code; it is refused."
            " Where you trust it, save its state dict alone and load that"
        ) from error
    except Exception as error:  # damaged bytes make torch's own unpickler raise what they will: KeyError, struct.error, ...
        raise CheckpointError(f"{path} is torn or unreadable ({type(error).__name__}: {error})") from error
    if not isinstance(held, Mapping):
        raise CheckpointError(f"{path} holds a {type(held).__name__}, not named tensors; save a state dict")
    return held


def _ensure_stored(path: Path) -> None:
    """torch packs nothing: what is packed could unpack to any size."""
    with zipfile.ZipFile(path) as archive:
        packed = next((member.filename for member in archive.infolist() if member.compress_type != zipfile.ZIP_STORED), None)
    if packed is not None:
        raise CheckpointError(f"{path}: {packed} is packed, as torch packs nothing; it is not unpacked. Write the file with torch.save")
