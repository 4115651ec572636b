"""The base of every part of a sweep file, and what may be a name."""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo

from sweeper.metrics import BUILT_IN, Metrics

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.+=-]*$"
LONGEST_SWEEP_NAME = 80
Name = Annotated[str, Field(pattern=NAME, max_length=LONGEST_SWEEP_NAME)]
"""Names go into folder names, tables and MLflow: letters, digits and _ . + = - only."""
LONGEST_NAME = 120
"""Of a level or a contrast, in characters: names are the heads of tables."""

Item = TypeVar("Item", bound=Hashable)


class Spec(BaseModel):
    """Base of the parts of a sweep file: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


def metrics_in(info: ValidationInfo) -> Metrics:
    """The metrics of the sweep that is read: `SweepSpec.read` names them, which alone knows its config."""
    return info.context if isinstance(info.context, Metrics) else BUILT_IN


def twice(items: Iterable[Item]) -> list[Item]:
    """Those that come more than once, in the order of their first."""
    return [item for item, times in Counter(items).items() if times > 1]
