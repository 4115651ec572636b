"""Measures published weights against a published reference, and keeps the result under a name."""

from collections.abc import Callable
from pathlib import Path

from model.errors import ModelError
from model.evaluate_weights import EvaluatedWeights, Machine, evaluate_weights
from model.sample_trial import Subject
from sweeper.errors import RequestError
from sweeper.settings import Settings

FOLDER = "evaluations"
"""Under SWEEPER_HOME: a folder for each name."""


def evaluate_checkpoint(
    name: str, subject: Subject, checkpoint: Path, machine: Machine, settings: Settings, say: Callable[[str], None]
) -> tuple[EvaluatedWeights, Path]:
    """The result, and its folder. Raises RequestError with a message for the user."""
    if not name or name in (".", "..") or "/" in name:
        raise RequestError(f"--name {name}: it becomes the name of a folder; give letters, digits and dashes")
    folder = settings.root / FOLDER / name
    try:
        return evaluate_weights(subject, checkpoint, folder, settings.shared, machine, say), folder
    except (ModelError, OSError) as error:
        raise RequestError(str(error)) from error
