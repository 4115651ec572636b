"""How one number of an analysis is named where a metric is: `loss_grid.gain[t_own=0.7,t_other=0.1]`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

_NAME = re.compile(r"(?P<analysis>[a-z][a-z0-9_]*)\.(?P<array>[a-z][a-z0-9_]*)\s*(\[(?P<where>[^\[\]]*)\])?")
_LOWER = ("loss", "gap", "distance", "copies", "nearer")
"""In the name of an array of which less is better; of any other, more is."""


@dataclass(frozen=True)
class AnalysisScalar:
    """A place of an array of an analysis."""

    analysis: str
    array: str
    where: Mapping[str, float | str]
    """Axis -> value; every axis of the array has one."""

    @classmethod
    def named(cls, text: str) -> Self | None:
        """The scalar that a text names; None for a text of another form, such as a metric's name."""
        found = _NAME.fullmatch(text.strip())
        if found is None:
            return None
        where: dict[str, float | str] = {}
        for part in filter(None, (found["where"] or "").split(",")):
            axis, equals, value = (piece.strip() for piece in part.partition("="))
            if not (axis and equals and value) or axis in where:
                return None
            where[axis] = _value(value)
        return cls(found["analysis"], found["array"], where)

    @property
    def name(self) -> str:
        """As it is always written: numbers in their shortest form, without spaces."""
        where = ",".join(f"{axis}={value if isinstance(value, str) else f'{value:.12g}'}" for axis, value in self.where.items())
        return f"{self.analysis}.{self.array}{f'[{where}]' if where else ''}"

    @property
    def lower_is_better(self) -> bool:
        """As the array's name says."""
        return any(word in self.array for word in _LOWER)


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
