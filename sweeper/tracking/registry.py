"""Trackers by name: MLflow, and classes of users' own modules, which are found where their token assignments are."""

import importlib
import inspect

from sweeper.errors import RequestError, nearest
from sweeper.settings import MLFLOW
from sweeper.tracking.tracker import Tracker, TrackerContext


def title_of(name: str) -> str:
    """What messages call a tracker."""
    return "MLflow" if name == MLFLOW else name


def open_tracker(name: str, context: TrackerContext) -> Tracker:
    """The tracker of that name. Raises RequestError as `load_class` does."""
    if name == MLFLOW:
        from sweeper.tracking.mlflow_tracker import open_mlflow

        return open_mlflow(context)
    # Its own __init__ takes a context; the base class takes nothing.
    return load_class(name)(context)  # type: ignore[call-arg]


def load_class(name: str) -> type[Tracker]:
    """The class `package.module:ClassName`, whose module is imported.

    Raises:
        RequestError: There is no such module, it cannot be imported, or it has no such class of trackers.
    """
    path, _, wanted = name.partition(":")
    where = f"SWEEPER_TRACKERS: {name}"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is not None and (path == error.name or path.startswith(f"{error.name}.")):
            raise RequestError(
                f"{where}: there is no module {path}; put it beside the sweep file, in the current folder or on PYTHONPATH, or use mlflow"
            ) from error
        raise RequestError(f"{where}: module {path} imports {error.name}, which is not installed; install it") from error
    except (Exception, SystemExit) as error:  # whatever a user's module raises when it is imported; a script may exit
        raise RequestError(f"{where}: module {path} cannot be imported: {type(error).__name__}: {error}; fix {path}") from error
    found = getattr(module, wanted, None)
    if not (inspect.isclass(found) and issubclass(found, Tracker) and not inspect.isabstract(found)):
        trackers = [key for key, value in vars(module).items() if inspect.isclass(value) and Tracker in value.__mro__[1:]]
        missing = (
            f"{path}.{wanted} is no tracker" if found is not None else f"module {path} has no class {wanted}{nearest(wanted, trackers)}"
        )
        raise RequestError(f"{where}: {missing}; name a subclass of sweeper.tracking.tracker.Tracker that defines apply")
    return found
