"""Where the class of a user's own partition assignment is written, found without importing it."""

import hashlib
import importlib.util
from pathlib import Path

from model.config.noise import ASSIGNMENTS, DOTTED_PATH
from model.errors import ConfigError


def is_users(assignment: str) -> bool:
    """Whether it is the dotted path of a user's class rather than a name of ours."""
    return DOTTED_PATH.fullmatch(assignment) is not None


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
    return f"put the folder of {module.partition('.')[0]} on PYTHONPATH, or use one of {', '.join(ASSIGNMENTS)}"
