"""How our names and values are spelled so that every MLflow back end takes them.

Nothing here raises: a hostile name is mended and cut to length, and stays told apart from others where it is looked up by.
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Mapping
from typing import Any

MAX_KEY = 250
MAX_PARAM = 6_000
"""MLflow refuses longer param values."""
MAX_TAG = 5_000
"""Servers before MLflow 2.9 refuse longer tag values, later ones cut at 8,000."""
MAX_NAME = 400
"""Of an experiment or a run, with room for a suffix below MLflow's limit of 500."""


def text(value: object, limit: int) -> str:
    """The value as text without what databases refuse (NUL, half of a surrogate pair), cut to `limit` characters."""
    plain = value if isinstance(value, str) else _as_json(value)
    mended = plain.encode("utf-8", "replace").decode("utf-8").replace("\0", "�")
    return mended if len(mended) <= limit else mended[: limit - 1] + "…"


def key(name: str) -> str:
    """A legal name of a metric, param or tag: MLflow allows letters, digits, `_ - . /` and spaces, and no odd paths."""
    mended = re.sub(r"[^\w.\-/ ]", "_", name)[:MAX_KEY]
    # Names double as paths in some back ends, so "../x" and "a//b" are refused; without slashes only dots remain odd.
    if mended.startswith(("/", "..")) or posixpath.normpath(mended) != mended or mended == ".":
        mended = re.sub(r"^\.+", "_", mended.replace("/", "_"))
    return mended or "_"


def experiment_name(sweep: str) -> str:
    """The MLflow experiment of a sweep: its name; with a short hash behind it where the name itself cannot serve.

    "Default" cannot: MLflow creates that experiment itself, with artifacts in the current directory.
    """
    mended = re.sub(r"[\x00-\x1f\x7f]+", " ", text(sweep, MAX_NAME)).strip()
    if mended == sweep and mended and mended != "Default":
        return mended
    return f"{mended or 'sweep'} [{_short_hash(sweep)}]"


def folder_name(sweep: str) -> str:
    """A folder for the sweep's artifacts: readable, unique, and safe on any file system."""
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', sweep)[:60].strip('-') or 'sweep'}-{_short_hash(sweep)}"


def flattened(config: Mapping[str, Any]) -> dict[str, str]:
    """Dotted path -> text, as MLflow params; a list is one value."""
    flat: dict[str, str] = {}

    def walk(value: object, path: str) -> None:
        if isinstance(value, Mapping) and value:
            for name, inner in value.items():
                walk(inner, f"{path}.{name}" if path else str(name))
        elif path:
            flat[key(path)] = text(value, MAX_PARAM)

    walk(config, "")
    return flat


def _short_hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
