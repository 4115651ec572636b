"""A trial's folder, `trials/FINGERPRINT` under SWEEPER_HOME: what it holds, and what each file is called.

`attempt-N/` belongs to attempt N alone. A newer one is the fence behind which an older attempt may not write any more. In it lie files of
state (`model.trial_files` owns their names), pictures of samples, facts of the data, and the files that are named here.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from model.train_trial import FACTS_FILE, samples_path, samples_step

STOP_FILE = "stop"
"""In an attempt's folder: its worker is asked to write a checkpoint and stop."""
LOG_FILE = "log.txt"
RECORD_FILE = "record.jsonl"
"""What the attempt was and what its worker reported (`driver.attempt_records`)."""
HEARTBEAT_FILE = "heartbeat"
"""Touched by a worker while it lives."""


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


def heartbeats(trials: Path) -> Iterator[Path]:
    """Of all attempts at all trials."""
    return trials.glob(f"*/attempt-*/{HEARTBEAT_FILE}")


def process_log(folder: Path, rank: int) -> Path:
    """What a process of an attempt prints; the first one writes the log of the attempt."""
    return folder / (LOG_FILE if rank == 0 else f"log-of-process-{rank}.txt")


def end_of_log(folder: Path, most: int) -> list[str] | None:
    """At most so many last lines of an attempt's log; None where it is not on this machine."""
    log = folder / LOG_FILE
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-most:] if log.exists() else None


def facts_file(folder: Path) -> Path:
    """What an attempt found its data to be."""
    return folder / FACTS_FILE


def sample_pictures(trial_folder: Path) -> Mapping[int, list[int]]:
    """Step -> attempts that left a picture of their samples after it, newest first."""
    found: dict[int, list[int]] = {}
    for number, folder in sorted(attempt_folders(trial_folder).items(), reverse=True):
        for path in pictures_in(folder):
            found.setdefault(samples_step(path) or 0, []).append(number)
    return found


def pictures_in(folder: Path) -> list[Path]:
    """Those of samples in an attempt's folder, by step."""
    return sorted(path for path in folder.glob("*.png") if samples_step(path) is not None)


def _number(folder: Path) -> int:
    text = folder.name.rpartition("-")[2]
    return int(text) if text.isdigit() else 0


__all__ = [
    "HEARTBEAT_FILE",
    "LOG_FILE",
    "RECORD_FILE",
    "STOP_FILE",
    "attempt_folder",
    "attempt_folders",
    "end_of_log",
    "facts_file",
    "heartbeats",
    "is_newest",
    "pictures_in",
    "process_log",
    "sample_pictures",
    "samples_path",
]
