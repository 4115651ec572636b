"""Loads a class of the user's that a config names by dotted path: an assignment, a sampler, a metric."""

import importlib
from collections.abc import Callable
from typing import TypeVar, cast

from model.errors import ConfigError

T = TypeVar("T")


def load_class(field: str, path: str, base: Callable[..., T]) -> T:
    """An object of the class `package.module.ClassName`, made without arguments.

    Raises ConfigError, which speaks of the config's `field`, when there is none, or when it is no subclass of `base`.
    """
    module, _, attribute = path.rpartition(".")
    try:
        loaded = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{field} {path}: {error}; check the name, and that this machine sees the folder of {module}") from error
    except Exception as error:  # whatever a user's module raises when it is imported
        raise ConfigError(f"{field} {path}: {type(error).__name__}: {error}; fix {module}") from error
    if not (isinstance(base, type) and isinstance(loaded, type) and issubclass(loaded, base)):
        raise ConfigError(f"{field} {path} is no subclass of {base.__module__}.{base.__qualname__}; make it one")
    try:
        return cast(T, loaded())
    except Exception as error:  # as an abstract method that is not written
        raise ConfigError(f"{field} {path} cannot be made without arguments: {type(error).__name__}: {error}") from error
