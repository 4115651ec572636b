"""Where the class of a user's own partition assignment is written, found without importing it."""

import contextlib
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from model.config.local_imports import local_imports
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
    """Hash of the file that holds the class `package.module.ClassName`, and of what it imports beside it: other code, another trial.

    Of whole files, since a class may call what stands beside it. Raises ConfigError when there is no such file.
    """
    source, imported = _sources(path)
    whole = hashlib.sha256(source)
    for name, content in imported.items():  # of a module that imports nothing local, the hash of its file: as it always was
        whole.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()


def imported_beside(path: str) -> tuple[str, ...]:
    """The user's other modules that the hash is of."""
    return tuple(_sources(path)[1])


def source_files(path: str) -> dict[str, bytes]:
    """Name -> content of the files that the hash is of, as they stand in a folder from which the class can be imported.

    Raises ConfigError when there is no file of the class.
    """
    source, imported = _sources(path)
    sources = {path.rpartition(".")[0]: source, **imported}
    around = {name.rpartition(".")[0] for name in sources}
    places = {name: name.replace(".", "/") + ("/__init__.py" if name in around else ".py") for name in sources}
    return {places[name]: content for name, content in sources.items()}


def _sources(path: str) -> tuple[bytes, dict[str, bytes]]:
    module = path.rpartition(".")[0]
    try:
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin is not None:
            file = Path(spec.origin)
            return file.read_bytes(), local_imports(module, file)
    except (ImportError, ValueError, OSError) as error:
        raise ConfigError(f"partition.assignment {path}: {error}; {_remedy(module)}") from error
    raise ConfigError(f"partition.assignment {path}: there is no module {module} with a source file; {_remedy(module)}")


def _remedy(module: str) -> str:
    place = "beside the sweep file, in the current folder or on PYTHONPATH"
    return f"put {module.partition('.')[0]} {place}, or use one of {', '.join(ASSIGNMENTS)}"
