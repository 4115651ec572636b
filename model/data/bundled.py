"""Files that come inside scikit-learn's package, found without importing it: that takes three seconds of every trial's process."""

import importlib.util
from pathlib import Path

from model.errors import DataError


def bundled(*parts: str) -> Path:
    """The file at `parts` below `sklearn/datasets`; raises DataError where it is not installed."""
    package = importlib.util.find_spec("sklearn")
    places = [] if package is None else list(package.submodule_search_locations or ())
    found = next((path for place in places if (path := Path(place, "datasets", *parts)).is_file()), None)
    if found is None:
        raise DataError(f"scikit-learn's {parts[-1]} is not installed; install scikit-learn from its wheel")
    return found
