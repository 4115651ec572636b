"""Copies of the users' code in the storage that all nodes share, for nodes that do not see the folder it stands in."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.config import modules_also_in, named_classes, source_files
from model.errors import ConfigError


def kept_copy(config: Mapping[str, Any], folders: Sequence[Path], shared: Path) -> Path | None:
    """A folder below `shared` from which the user's classes can be imported as they are now, with the modules that they import beside them.

    Written once for each content: whatever else changes, a trial finds the code that it is named after. None where a config names no
    class of the user's, or a file is gone: the trial will say so. Raises OSError when it cannot be written.

    Args:
        config: Of a trial, as JSON.
        folders: Where such classes are looked for, after PYTHONPATH.
        shared: Seen by all nodes.
    """
    classes = named_classes(config)
    if not classes:
        return None
    try:
        with modules_also_in(folders):
            files = {name: content for path in classes for name, content in source_files(path).items()}
    except ConfigError:
        return None
    whole = hashlib.sha256()
    for name, content in sorted(files.items()):
        whole.update(f"{name}\0{len(content)}\0".encode() + content)
    folder = shared / whole.hexdigest()[:16]
    if not folder.is_dir():
        shared.mkdir(parents=True, exist_ok=True)
        written = Path(tempfile.mkdtemp(prefix="writing-", dir=shared))
        try:
            for name, content in files.items():
                (written / name).parent.mkdir(parents=True, exist_ok=True)
                (written / name).write_bytes(content)
            written.chmod(shared.stat().st_mode & 0o777)  # a temporary folder is its owner's alone
            _moved(written, folder)
        finally:
            shutil.rmtree(written, ignore_errors=True)
    return folder


def _moved(written: Path, folder: Path) -> None:
    try:
        written.rename(folder)
    except OSError:
        if not folder.is_dir():  # or another driver was faster, with the same files
            raise
