"""The state that an attempt leaves in its folder: what the files are called, which are whole, and which one is resumed from.

Loads no torch: planning asks the same questions as training.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from model.plain_files import MOST_WEIGHTS, ensure_plain

StateKind = Literal["checkpoint", "average", "evaluation"]
"""`checkpoint`: the full state, from which training goes on. `average`: the moving average alone, which an evaluation needs. `evaluation`:
samples, as they were measured, of an evaluation that is not finished."""

CONTINUED = "last_point"
"""What the metadata of an average holds where it can be evaluated without its checkpoint; older code did not write it."""
KEPT = 2
"""Newest checkpoints of a trial that trains; the second is for when the first turns out to be damaged."""
_NAME = re.compile(r"(checkpoint|average|evaluation)-(\d{8,})(?:-\d{4,})?\.safetensors")
_SAMPLES = re.compile(r"samples-(\d{8,})\.png")
_LONGEST_HEADER = 2**28


@dataclass(frozen=True)
class StateFile:
    """One file of state."""

    path: Path
    kind: StateKind
    step: int
    """Optimizer steps done when it was written."""
    size: int
    """In bytes."""


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where an attempt keeps its full state after `step`."""
    return folder / f"checkpoint-{step:08d}.safetensors"


def average_path(folder: Path, step: int) -> Path:
    """Where an attempt keeps its moving average after `step`."""
    return folder / f"average-{step:08d}.safetensors"


def evaluation_path(folder: Path, step: int, number: int) -> Path:
    """Where an attempt keeps part `number` of its evaluation after `step`, until that is finished."""
    return folder / f"evaluation-{step:08d}-{number:04d}.safetensors"


def samples_path(folder: Path, step: int) -> Path:
    """Where an attempt keeps the picture of its samples after `step`."""
    return folder / f"samples-{step:08d}.png"


def samples_step(path: Path) -> int | None:
    """The step of such a picture; None for any other file."""
    named = _SAMPLES.fullmatch(path.name)
    return int(named[1]) if named is not None else None


def state_files(folder: Path) -> list[StateFile]:
    """The files of state in an attempt's folder, by kind and step; none where the folder is not here or cannot be read."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            named = _NAME.fullmatch(path.name)
            with contextlib.suppress(OSError):  # removed since it was listed
                if named is not None:
                    found.append(StateFile(path, cast(StateKind, named[1]), int(named[2]), path.stat().st_size))
    return sorted(found, key=lambda file: (file.kind, file.step))


def resume_order(folders: Iterable[Path], at_most: int, recorded: Mapping[Path, int]) -> list[StateFile]:
    """What a trial of `at_most` steps can go on from, the first choice first.

    The furthest checkpoint comes first, then an average of exactly `at_most` steps, of which only the evaluation is still to do. What lies
    after the step of its folder in `recorded` would leave a gap in the curve: it is the second choice, and no choice where that step is 0.
    """
    found = [file for folder in folders for file in state_files(folder)]
    usable = [
        file
        for file in found
        if file.kind != "evaluation"
        and recorded.get(file.path.parent, file.step) > 0
        and (file.step <= at_most if file.kind == "checkpoint" else file.step == at_most)
    ]
    within = {file: file.step <= recorded.get(file.path.parent, file.step) for file in usable}
    return sorted(usable, key=lambda file: (within[file], file.step, file.kind == "checkpoint"), reverse=True)


def first_usable(folders: Iterable[Path], at_most: int, recorded: Mapping[Path, int]) -> StateFile | None:
    """What a trial would go on from, as far as lengths and headers tell; None where it starts from nothing."""
    for file in resume_order(folders, at_most, recorded):
        about = metadata(file.path)
        if about is not None and (file.kind == "checkpoint" or CONTINUED in about):
            return file
    return None


def metadata(path: Path) -> dict[str, str] | None:
    """What was written about a file of state; None where it is torn or cannot be read."""
    try:
        return _metadata(path)
    except OSError:
        return None


def is_whole(path: Path) -> bool:
    """Whether the file could be read, and is as long as its header says."""
    return metadata(path) is not None


def is_torn(path: Path) -> bool:
    """Whether the file was read and is not whole; of one that cannot be read nothing is known."""
    try:
        return _metadata(path) is None
    except OSError:
        return False


def _metadata(path: Path) -> dict[str, str] | None:
    """None for a file whose length is not what its header says. The values are not looked at: that is done when they are loaded."""
    ensure_plain(path, MOST_WEIGHTS)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= _LONGEST_HEADER:
            return None
        text = file.read(length)
        size = os.fstat(file.fileno()).st_size
    try:
        header = json.loads(text)
        about = header.pop("__metadata__", {})
        end = max((int(tensor["data_offsets"][1]) for tensor in header.values()), default=0)
        return dict(about) if size == 8 + length + end else None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return None
