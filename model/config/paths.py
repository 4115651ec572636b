"""Paths as a user writes them in a config: `~`, `$NAME` and `${NAME}` are replaced, and relative ones begin at the current folder."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


def absolute_path(written: str | Path) -> Path:
    """The path that a user means, absolute: a trial may run in another folder.

    Raises:
        ValueError: A variable is not set, or a user has no home here.
    """
    text = os.fspath(written)
    if not os.path.lexists(text):  # one whose name has a $ in it is meant as it stands
        unset = [name for found in _VARIABLE.finditer(text) if (name := found[1] or found[2]) not in os.environ]
        if unset:
            raise ValueError(f"{text}: the variable {unset[0]} is not set; export it, or write the path without it")
        text = os.path.expandvars(text)
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"{text} begins with a user who has no home here; write the whole path") from error


UserPath = Annotated[Path, AfterValidator(absolute_path)]
"""A field that holds a path of the user's."""
