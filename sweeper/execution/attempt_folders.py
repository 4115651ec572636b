"""The folders of a trial's attempts. A newer one is the fence behind which an older attempt may not write any more."""

from pathlib import Path


def attempt_folder(trial_folder: Path, number: int) -> Path:
    """The folder that an attempt owns."""
    return trial_folder / f"attempt-{number}"


def attempt_folders(trial_folder: Path) -> dict[int, Path]:
    """Those that are there, by the number of their attempt."""
    return {number: folder for folder in sorted(trial_folder.glob("attempt-*")) if (number := _number(folder))}


def is_newest(folder: Path) -> bool:
    """Whether no later attempt at this trial has a folder.

    A driver makes the folder of its attempt as soon as the store gave it the right to, so a worker that slept past its lease finds out
    before it writes, however long it slept, and without asking a store or a clock.
    """
    number = _number(folder)
    return all(_number(other) <= number for other in folder.parent.glob("attempt-*"))


def _number(folder: Path) -> int:
    text = folder.name.rpartition("-")[2]
    return int(text) if text.isdigit() else 0
