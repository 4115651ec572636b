"""The modules of a user's that his module imports, found by reading, never by importing."""

import ast
import os
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

_INSTALLED = {"site-packages", "dist-packages"}
_OURS = {"model", "sweeper"}
"""A user's module may stand in a clone of ours, whose code has its own place in a trial's name: the version of its numerics."""


def local_imports(module: str, file: Path) -> dict[str, bytes]:
    """Name -> source of every module that `module`, in `file`, imports from the folder that it was found in, and they in turn.

    With them the packages around them, whose `__init__.py` an import runs; empty ones say nothing and are left out. Of a module that is
    installed, what it imports from its own package. Imports are read from the text: one by a name that is computed is not seen.
    """
    depth = len(module.split(".")) - (file.name != "__init__.py")
    if depth >= len(file.parents):
        return {}
    reader = _Reader(file.parents[depth], module.partition(".")[0])
    reader.follow(module, file)
    reader.found.pop(module, None)
    return {name: source for name, source in sorted(reader.found.items()) if source.strip()}


class _Reader:
    def __init__(self, root: Path, package: str) -> None:
        self.root, self.found = root, dict[str, bytes]()
        self._package = package if _INSTALLED & set(root.parts) else None
        """The only one that is the user's, among others that are installed in the same folder."""
        self._here: dict[str, bool] = {}

    def follow(self, module: str, file: Path) -> None:
        self.found[module] = source = file.read_bytes()
        for name in (*_parents(module), *_imported(module, source, is_package=file.name == "__init__.py")):
            if name not in self.found and (there := self._file_of(name)) is not None:
                self.follow(name, there)

    def _file_of(self, name: str) -> Path | None:
        """Where Python would find the module in this folder; None where there is none, or another folder comes first."""
        top = name.partition(".")[0]
        if top in _OURS or self._package not in (None, top):
            return None
        if top not in self._here:
            self._here[top] = self._is_here(top)
        path = self.root.joinpath(*name.split("."))
        places = (path / "__init__.py", path.with_name(f"{path.name}.py"))
        return next((place for place in places if os.path.isfile(place)), None) if self._here[top] else None

    def _is_here(self, top: str) -> bool:
        spec = PathFinder.find_spec(top)
        places = [] if spec is None else [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
        return any(Path(place).is_relative_to(self.root) for place in places if place)


def _parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts)))


def _imported(module: str, source: bytes, *, is_package: bool) -> Iterator[str]:
    """Names that may be of modules, with the packages around them; none of a file that does not parse, which its import will say."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            around = parts[: len(parts) - node.level + is_package] if node.level else []
            base = ".".join([*around, *([node.module] if node.module else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)] if base else []
        else:
            continue
        for name in names:
            yield from (*_parents(name), name)
