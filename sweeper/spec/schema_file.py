"""The JSON Schema as a file, and the first line of a sweep file that leads editors to it without a network."""

import json
import os
from pathlib import Path

from sweeper.spec.schema import sweep_schema

SCHEMA_FILE = "sweep.schema.json"
SHIPPED = "sweeps"
"""Folder of the shipped sweeps, which holds the file too."""


def schema_text() -> str:
    """What `sweeper schema` prints, and what the file holds."""
    return json.dumps(sweep_schema(), indent=2) + "\n"


def modeline(reference: str) -> str:
    """The comment that yaml-language-server reads; `reference` is a path from the sweep file's folder."""
    return f"# yaml-language-server: $schema={reference}"


def schema_for(file: Path) -> Path:
    """The schema file for a sweep file: beside it, or of the repository it lies in; else where to write one, beside it."""
    folder = file.absolute().parent
    for above in (folder, *folder.parents):
        for found in (above / SCHEMA_FILE, above / SHIPPED / SCHEMA_FILE):
            if found.is_file():
                return found
        if (above / ".git").exists():
            break
    return folder / SCHEMA_FILE


def reference_to(schema: Path, file: Path) -> str:
    """The path from a sweep file's folder to the schema, as the comment has it."""
    return Path(os.path.relpath(schema, file.absolute().parent)).as_posix()
