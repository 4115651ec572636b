"""What a trial's name says of things that lie outside its config, held against what this attempt found: other content, another trial.

Weights of frozen networks are held against their names where they are read (`model.timm_models`).
"""

from collections.abc import Mapping

from model.config import DigitsData, PhotographsData, TrainConfig
from model.config.user_classes import imported_beside, is_users
from model.errors import DataError
from model.noise.assignments import assignment_named

_SHOWN = 16


def ensure_as_named(config: TrainConfig, named: Mapping[str, str], content_hash: str) -> None:
    """Looks at the data, and at the file of a class of the user's after it was imported.

    Args:
        config: The trial's.
        named: What `TrainConfig.named_content` said when the trial was named; empty asks nothing.
        content_hash: Of the data just read.

    Raises:
        DataError: The data, the file of that class, or a module of the user's that it imports, were replaced since.
    """
    if not named:
        return
    if is_users(config.partition.assignment):
        assignment_named(config.partition.assignment)
    for what, found in config.named_content(content_hash).items():
        wanted = named.get(what, "unknown")
        if wanted != found:
            raise DataError(
                f"{_place(what, config)} was replaced after this trial was planned: its content is {found[:_SHOWN]}, not"
                f" {wanted[:_SHOWN]}; put the old content back, or run the same command again, which plans with the new"
            )


def _place(what: str, config: TrainConfig) -> str:
    if what == "assignment":
        imported = imported_beside(config.partition.assignment)
        others = f", or of what it imports ({', '.join(imported)})," if imported else ""
        return f"the file of partition.assignment {config.partition.assignment}{others}"
    match config.data:
        case DigitsData() | PhotographsData():
            return f"scikit-learn's {config.data.kind}"
        case _:
            return f"data.path: {config.data.path}"
