"""What an analysis of trained weights gives: arrays with named axes, and how one number of them is named."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

AxisValue = float | str


@dataclass(frozen=True)
class Axis:
    """One axis of an array, such as `layer` with the values 0 to 3, or `direction` with "noisy->clean" and "clean->noisy"."""

    name: str
    values: tuple[AxisValue, ...]
    unit: str = ""


@dataclass(frozen=True)
class AnalysisArray:
    """Numbers over axes; NaN where there is none."""

    name: str
    """Within its analysis, such as `gain`."""
    label: str
    """In a plot, in plain words, with the unit."""
    axes: tuple[Axis, ...]
    values: NDArray[np.float64]
    """Of the axes' shape; a scalar has no axes."""

    def __post_init__(self) -> None:
        shape = tuple(len(axis.values) for axis in self.axes)
        if self.values.shape != shape:
            raise ValueError(f"array {self.name} has the shape {self.values.shape}, and its axes have {shape}")

    def at(self, where: Mapping[str, AxisValue]) -> float:
        """The number at a value of every axis.

        Raises:
            KeyError: An axis is not named, or has no such value.
        """
        index = []
        for axis in self.axes:
            if axis.name not in where:
                raise KeyError(f"{self.name} has the axis {axis.name}: name one of its values")
            index.append(_place(axis, where[axis.name]))
        return float(self.values[tuple(index)])

    def to_json(self) -> dict[str, Any]:
        """Plain data; NaN is None."""
        axes = [{"name": axis.name, "values": list(axis.values), "unit": axis.unit} for axis in self.axes]
        flat = [None if math.isnan(value) else value for value in self.values.ravel().tolist()]
        return {"name": self.name, "label": self.label, "axes": axes, "values": flat}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "AnalysisArray":
        """What `to_json` gave."""
        axes = tuple(Axis(axis["name"], tuple(axis["values"]), axis.get("unit", "")) for axis in plain["axes"])
        flat = np.array([math.nan if value is None else value for value in plain["values"]], dtype=np.float64)
        return cls(plain["name"], plain["label"], axes, flat.reshape(tuple(len(axis.values) for axis in axes)))


@dataclass(frozen=True)
class AnalysisResult:
    """One analysis of one trial."""

    analysis: str
    version: int
    """Raised when the definition of its numbers changes."""
    arrays: tuple[AnalysisArray, ...]
    details: dict[str, Any] = field(default_factory=dict)
    """What the numbers need beside them: images, noise levels, seeds, the step of the weights. Plain JSON."""


def _place(axis: Axis, wanted: AxisValue) -> int:
    for place, value in enumerate(axis.values):
        if value == wanted or (isinstance(value, float | int) and isinstance(wanted, float | int) and math.isclose(value, wanted)):
            return place
    raise KeyError(f"axis {axis.name} has the values {', '.join(map(str, axis.values))}, and not {wanted}")
