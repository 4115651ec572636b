"""A folder that is gone on in, run after run: it belongs to one trial, and says to which."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model.errors import ConfigError
from model.trial_files import metadata

OWNER = "trial.json"
"""Of the trial: all that changes its weights (`TrainConfig.training_identity`), and the hash of it that its checkpoints carry."""
_REMEDY = "give --folder another one, or remove this one"
_NAMED = 3
"""Differences that a message tells."""


def claim(folder: Path, identity: str, named: Mapping[str, Any]) -> None:
    """Makes the folder the trial's.

    Raises:
        ConfigError: It is another's: files of two trials would overwrite each other, or delete each other as older ones.
    """
    path = folder / OWNER
    try:
        with path.open("x", encoding="utf-8") as file:
            try:
                file.write(json.dumps({"identity": identity, "named": named}, indent=2))
                file.flush()
            except OSError:
                path.unlink()
                raise
    except FileExistsError:
        held = _read(path)
        if held.get("identity") != identity:
            raise ConfigError(f"{folder} is the folder of another trial{_difference(held, named)}; {_REMEDY}") from None
        return
    for older in folder.glob("checkpoint-*.safetensors"):  # from before folders had an owner
        if (metadata(older) or {}).get("identity", identity) != identity:  # of a torn one nothing is used
            path.unlink()
            raise ConfigError(f"{folder} is the folder of another trial: {older.name} is of another config, or of other data; {_REMEDY}")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def _difference(held: Mapping[str, Any], named: Mapping[str, Any]) -> str:
    """': seed is 0 there and 1 here', of the first fields that differ."""
    theirs, ours = (dict(_leaves(json.loads(json.dumps(found)))) for found in (held.get("named", {}), named))
    found = [name for name in (*ours, *(theirs.keys() - ours.keys())) if theirs.get(name) != ours.get(name)]
    told = [f"{name} is {json.dumps(theirs.get(name))} there and {json.dumps(ours.get(name))} here" for name in found[:_NAMED]]
    more = [f"{len(found) - _NAMED} more fields differ"] if len(found) > _NAMED else []
    return f": {', '.join(told + more)}" if theirs else ""


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{place}.{name}" if place else name)
    else:
        yield place, value
