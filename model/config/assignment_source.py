"""Where the class of a user's own partition assignment is written, found without importing it."""

import contextlib
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from model.config.noise import ASSIGNMENTS, DOTTED_PATH
from model.errors import ConfigError


def is_users(assignment: str) -> bool:
    """Whether it is the dotted path of a user's class rather than a name of ours."""
    return DOTTED_PATH.fullmatch(assignment) is not None


@contextlib.contextmanager
def modules_also_in(folders: Iterable[Path]) -> Iterator[None]:
    """While open, modules are looked for in these folders too, after all that is installed: none of the user's hides one of ours."""
    added = [name for folder in folders if (name := str(folder.absolute())) not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for name in added:
            sys.path.remove(name)


def source_hash(path: str) -> str:
    """Hash of the file that holds the class `package.module.ClassName`: other code, another trial.

    Of the whole file, since a class may call what stands beside it. Raises ConfigError when there is no such file.
    """
    module = path.rpartition(".")[0]
    try:
        spec = importlib.util.find_spec(module)
        source = None if spec is None or spec.origin is None else Path(spec.origin).read_bytes()
    except (ImportError, ValueError, OSError) as error:
        raise ConfigError(f"partition.assignment {path}: {error}; {_remedy(module)}") from error
    if source is None:
        raise ConfigError(f"partition.assignment {path}: there is no module {module} with a source file; {_remedy(module)}")
    return hashlib.sha256(source).hexdigest()


def _remedy(module: str) -> str:
    place = "beside the sweep file, in the current folder or on PYTHONPATH"
    return f"put {module.partition('.')[0]} {place}, or use one of {', '.join(ASSIGNMENTS)}"
