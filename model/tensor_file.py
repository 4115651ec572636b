"""Writing a safetensors file with the permissions that any other file gets here."""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor


def save_tensors(tensors: Mapping[str, Tensor], path: Path, about: Mapping[str, str] | None = None) -> None:
    """Writes the tensors, and `about` as metadata. Raises OSError and SafetensorError.

    safetensors makes its files readable by their owner alone. Whoever shares a home with others says by their umask, or by the folder's
    default access list, who may read what is made there; checkpoints are no exception.
    """
    path.touch()
    mode = path.stat().st_mode & 0o777
    save_file(dict(tensors), path, metadata=dict(about) if about is not None else None)
    path.chmod(mode)
