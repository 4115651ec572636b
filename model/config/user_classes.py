"""Classes of a user's own that a config names by dotted path: assignment, sampler, metrics. Found and hashed without importing them."""

import contextlib
import difflib
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from model.config.local_imports import local_imports
from model.errors import ConfigError

DOTTED_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
FIELDS = ("partition.assignment", "evaluation.sampler.kind", "evaluation.own_metrics.*.kind")
"""Where a config may name one; * is every entry of a list."""


def is_users(name: str) -> bool:
    """Whether it is the dotted path of a user's class rather than a name of ours."""
    return DOTTED_PATH.fullmatch(name) is not None


def ensure_known(field: str, name: str, ours: Sequence[str]) -> None:
    """Raises ConfigError for what is neither one of our names nor a dotted path."""
    if name not in ours and not is_users(name):
        near = difflib.get_close_matches(name, ours, n=1)
        remedy = f"did you mean {near[0]}?" if near else "give package.module.ClassName for a class of your own"
        raise ConfigError(f"{field} is one of {', '.join(ours)}, not {name!r}; {remedy}")


def named_classes(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Dotted paths of the user's classes that a config, as JSON, names."""
    paths = (value for field in FIELDS for value in _values_at(config, field.split(".")))
    return tuple(dict.fromkeys(path for path in paths if isinstance(path, str) and is_users(path)))


def _values_at(value: Any, parts: Sequence[str]) -> Iterator[Any]:
    if not parts:
        yield value
    elif parts[0] == "*":
        for entry in value if isinstance(value, list) else ():
            yield from _values_at(entry, parts[1:])
    elif isinstance(value, Mapping):
        yield from _values_at(value.get(parts[0]), parts[1:])


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


def source_hash(path: str, field: str = "partition.assignment", ours: Sequence[str] = ()) -> str:
    """Hash of the file that holds the class `package.module.ClassName`, and of what it imports beside it: other code, another trial.

    Of whole files, since a class may call what stands beside it. Raises ConfigError, which speaks of the `field` that names it and of the
    names that are `ours` there, when there is no such file.
    """
    source, imported = _sources(path, field, ours)
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


def _sources(path: str, field: str = "a class of yours", ours: Sequence[str] = ()) -> tuple[bytes, dict[str, bytes]]:
    module = path.rpartition(".")[0]
    try:
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin is not None:
            file = Path(spec.origin)
            return file.read_bytes(), local_imports(module, file)
    except (ImportError, ValueError, OSError) as error:
        raise ConfigError(f"{field} {path}: {error}; {_remedy(module, ours)}") from error
    raise ConfigError(f"{field} {path}: there is no module {module} with a source file; {_remedy(module, ours)}")


def _remedy(module: str, ours: Sequence[str]) -> str:
    place = "beside the sweep file, in the current folder or on PYTHONPATH"
    return f"put {module.partition('.')[0]} {place}" + (f", or use one of {', '.join(ours)}" if ours else "")
