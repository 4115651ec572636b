"""A module of this package run in a process of its own: where it finds the package, and what it said last."""

import os
from pathlib import Path


def environment_here() -> dict[str, str]:
    """The environment in which that process finds this package, installed or not."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def last_line(text: str) -> str:
    """Of what it wrote; `without a word` where that is nothing."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "without a word")
